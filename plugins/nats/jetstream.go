package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/time/rate"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/network"
	"github.com/data-bridge-io/data-bridge/plugins/reading"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

func init() {
	service.MustRegisterBatchInput(jetName, jetSpec(), newJetInputFromConfig)
}

// jetInput pulls from a consumer of JetStream. The host calls Connect,
// ReadBatch and Close in turn; the gate calls Pause, Resume and Drain at any
// time between Join and Leave; acknowledgements come from any goroutine.
type jetInput struct {
	conf  jetConfig
	res   *service.Resources
	log   *service.Logger
	label string

	books    *jetBooks
	warnings rate.Sometimes

	// Made by start, at the first Connect.
	started sync.Once
	figures *status.Input
	pausing *status.Pausing
	records *jetRecords
	gate    *gate.Gate   // set by the first successful dial
	member  *gate.Member // likewise
	reset   *resetError  // of the consumer that stood beyond its stream; Connect's, and the puller's between

	mu       sync.Mutex
	session  *jetSession
	place    place // where the last session has ended
	paused   bool
	draining bool
	closed   bool
}

var (
	_ reading.Input              = (*jetInput)(nil)
	_ service.ConnectionTestable = (*jetInput)(nil)
	_ gate.Input                 = (*jetInput)(nil)
)

func newJetInputFromConfig(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	c, err := parseJet(conf)
	if err != nil {
		return nil, err
	}
	c.connection.network = network.Of(res)
	r := reading.New(reading.Config{Kind: status.KindJetStream, Gate: c.connection.gate, Resources: res, Make: func() (reading.Input, service.BatchInput) {
		in := newJetInput(c, res)
		return in, in
	}})
	checkup.Join(res, r.Input())
	return r, nil
}

func newJetInput(conf jetConfig, res *service.Resources) *jetInput {
	label := status.LabelOf(res)
	return &jetInput{
		conf:     conf,
		res:      res,
		log:      res.Logger().With("input", label),
		label:    label,
		books:    newJetBooks(res.Metrics()),
		warnings: rate.Sometimes{Interval: 5 * time.Second},
	}
}

// Connect dials, finds or makes the consumer, and begins to pull. The gate is
// joined in between, so that an input that connects while the gate is closed
// asks for nothing.
func (in *jetInput) Connect(ctx context.Context) error {
	in.started.Do(in.start)
	in.endSession()
	if err := in.connect(ctx); err != nil {
		in.endSession()
		in.figures.Link.Down(err)
		return err
	}
	return nil
}

// start makes what the constructor must not: it leaves traces on the board.
func (in *jetInput) start() {
	in.figures = status.Of(in.res, topology.Gate(in.res, in.conf.connection.gate)).Input(in.label, status.KindJetStream)
	in.figures.Link.Opened()
	in.pausing = in.figures.Pausing()
	in.figures.Export(in.res.Metrics())
	in.figures.Configure(in.conf.described())
	in.books.show()
	in.records = newJetRecords(in.figures.Mark(context.Background()), in.conf)
}

func (in *jetInput) connect(ctx context.Context) error {
	k := newIntake(in.conf.intake(in.poison), false)
	conn, err := in.conf.connection.dial(ctx, in.label, in.log, &in.figures.Link, hooks{
		lost:   func() { k.setDisconnected(true) },
		denied: in.denied,
	})
	if err != nil {
		return err
	}
	k.wire = conn.wire.Load
	s, err := in.pullFrom(ctx, conn, k)
	if err != nil {
		if s == nil {
			conn.close()
		}
		return err
	}
	in.log.With("servers", in.conf.connection.servers(), "stream", in.conf.stream, "durable", in.conf.durable,
		"subjects", strings.Join(in.conf.subjects, ", ")).Info("Pulling from JetStream")
	return nil
}

// denied hands what the server refused to the session that asked for it.
func (in *jetInput) denied(err error) {
	if s := in.current(); s != nil {
		s.denied(err)
	}
}

func (in *jetInput) pullFrom(ctx context.Context, conn *connection, k *intake) (*jetSession, error) {
	js, err := in.conf.jetStream(conn.conn)
	if err != nil {
		return nil, err
	}
	f, err := in.find(ctx, js, 0, time.Time{})
	if err != nil {
		return nil, err
	}
	in.warn(f)
	k.ledger.all = f.consumer.Config.AckPolicy == jetstream.AckAllPolicy
	k.limit(f.consumer.Config)
	in.join()
	return in.open(ctx, conn, k, js, f)
}

// find is jetConfig.find. A consumer that once stood beyond its stream, and may
// not be made anew by us, is refused until somebody else has: when the stream has
// grown past it, it has left out what came before.
func (in *jetInput) find(ctx context.Context, js jetstream.JetStream, resumeAt uint64, created time.Time) (found, error) {
	f, err := in.conf.find(ctx, js, resumeAt, created)
	var reset *resetError
	switch {
	case errors.As(err, &reset):
		in.reset = reset
	case err == nil && in.reset != nil && in.reset.consumer.Equal(f.consumer.Created):
		return f, in.reset
	case err == nil:
		in.reset = nil
	}
	return f, err
}

// sayRenewed says that a consumer had to be made anew for where it stood.
func (in *jetInput) sayRenewed(f found) {
	r := f.renewed
	if r == nil {
		return
	}
	from := "with its first message"
	if !r.from.IsZero() {
		from = "with what was stored since " + r.from.Format(time.RFC3339)
	}
	words := fmt.Sprintf("The JetStream consumer stood at sequence %d, beyond the last one of stream %q (%d), which was set back: it was made anew, and begins %s", r.stood, in.conf.stream, r.last, from)
	in.log.With("durable", in.conf.durable).Warn(words)
	in.figures.Report(status.Incident{Class: status.ClassReset, Message: words, Count: 1})
}

func (in *jetInput) join() {
	if in.member == nil {
		in.gate = gate.Of(in.res, topology.Gate(in.res, in.conf.connection.gate))
		in.member = joinGate(in.gate, in.label, in, in.log)
	}
}

// open makes the session of a connection. The gate's callbacks look for it
// under the same lock: they either find the session, or are found here to have
// been called.
func (in *jetInput) open(ctx context.Context, conn *connection, k *intake, js jetstream.JetStream, f found) (*jetSession, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	k.setPaused(in.paused)
	k.goOn(in.place)
	if in.draining {
		k.drain()
	}
	s, err := in.openJet(ctx, conn, k, js, f)
	in.session = s
	return s, err
}

// ReadBatch waits for messages; it returns neither an empty batch nor an error
// that only means waiting. While the gate is closed it hands over what was
// already asked for.
func (in *jetInput) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	s := in.current()
	if s == nil {
		return nil, nil, service.ErrNotConnected
	}
	msgs, runs, err := s.intake.take(ctx)
	var turn *gate.Turn
	if err == nil {
		turn = in.awaitTurn(ctx, msgs)
		// The host discards a batch that comes after it began to stop.
		err = ctx.Err()
	}
	if err != nil {
		turn.Leave()
		s.giveBack(s.intake.takeBack(runs), atOnce)
		if ctx.Err() != nil {
			in.member.Stopping()
		}
		return nil, nil, err
	}
	in.publish(s)
	batch := in.records.batch(msgs, runs)
	return batch, turn.HandOver(batch, in.ackFunc(s, runs)), nil
}

func (in *jetInput) current() *jetSession {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.session
}

// ackFunc answers the messages of one batch, once.
func (in *jetInput) ackFunc(s *jetSession, runs []*run) service.AckFunc {
	return func(_ context.Context, err error) error {
		if err == nil {
			return s.acknowledge(s.intake.settle(runs))
		}
		items, lost := s.intake.nack(runs)
		in.warnings.Do(func() {
			in.log.With("cause", err, "lost", lost).Warn("JetStream messages were rejected by the stream; the server delivers them again, but for those of a stream that is no more")
		})
		in.figures.Report(status.Incident{Class: status.ClassRejected, Message: "messages were rejected by the stream, and are delivered again", Count: int64(len(items))})
		in.figures.Report(status.Incident{Class: status.ClassGivenUp, Message: "messages were rejected that nobody can deliver again: their JetStream stream was made anew", Count: lost})
		s.giveBack(items, later)
		return nil
	}
}

// Stopped implements reading.Input: nothing more is asked for, and what nobody has read
// is given back at once. What was handed over is still acknowledged.
func (in *jetInput) Stopped() {
	if in.member != nil {
		in.member.Stopping()
	}
	if s := in.current(); s != nil {
		s.giveBack(s.intake.letGo(), atOnce)
	}
}

// Close implements service.BatchInput. What is not settled is given back to the
// server.
func (in *jetInput) Close(context.Context) error {
	in.mu.Lock()
	again := in.closed
	in.closed = true
	in.mu.Unlock()
	if again {
		return nil
	}
	in.endSession()
	if in.figures == nil {
		return nil
	}
	in.figures.Link.Closed()
	if in.member != nil {
		in.member.Leave()
	}
	in.pausing.Set(false)
	return nil
}

// endSession closes the session, if there is one.
func (in *jetInput) endSession() {
	in.mu.Lock()
	s := in.session
	in.session = nil
	in.mu.Unlock()
	if s != nil {
		s.close()
		s.countLoss(context.Background())
		in.remember(s.intake.placed())
		in.publish(s)
		in.books.end()
	}
}

// remember keeps how far a session has come for the one that follows it.
func (in *jetInput) remember(p place) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.place = p
}

func (in *jetInput) publish(s *jetSession) {
	in.figures.Received.Add(in.books.publish(s.intake.counts()))
	in.figures.PublishSometimes()
}

// Pause implements gate.Input.
func (in *jetInput) Pause() {
	in.set(func(s *jetSession) { s.intake.setPaused(true) }, func() { in.paused = true })
	in.pausing.Set(true)
	in.log.Info("⏸️  JetStream subscriber paused")
}

// Resume implements gate.Input.
func (in *jetInput) Resume() {
	in.set(func(s *jetSession) { s.intake.setPaused(false) }, func() { in.paused = false })
	in.pausing.Set(false)
	in.log.Info("▶️  JetStream subscriber resumed")
}

// Drain implements gate.Input: nothing more is asked for, what is here is handed
// over at once, then ReadBatch ends the input.
func (in *jetInput) Drain() {
	in.set(func(s *jetSession) { s.intake.drain() }, func() { in.draining = true })
}

func (in *jetInput) set(tell func(*jetSession), note func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	note()
	if in.session != nil {
		tell(in.session)
	}
}

// warn names what in the settings of consumer and stream will not go well.
func (in *jetInput) warn(f found) {
	if n := f.consumer.Config.MaxDeliver; n > 0 {
		in.log.With("max_deliver", n).
			Warnf("Consumer %q gives a message up after %d deliveries: the server then leaves it in the stream, unseen; set its max_deliver to -1",
				in.conf.durable, n)
	}
	if in.conf.maxDeliveries > 0 && in.conf.givesUp(f.stream) == 0 {
		in.log.With("retention", f.stream.Config.Retention).Warn(unkeptFault(in.conf.stream))
	}
}

// unkeptFault says why max_deliveries does nothing.
func unkeptFault(stream string) string {
	return fmt.Sprintf("stream %q deletes what is settled: no message of it is given up, and %s is not obeyed; it is delivered again until it is stored", stream, fieldMaxDeliveries)
}

// warnOfThreshold compares what the consumer allows with where the gate closes,
// as soon as that is known, which it reports.
func (in *jetInput) warnOfThreshold(maxAckPending int) (known bool) {
	limits := in.gate.State().Limits
	if fault := pendingFault(in.conf.durable, maxAckPending, limits.Pause, limits.Max, in.conf.pendingMessages); fault != "" {
		in.log.With("max_ack_pending", maxAckPending, "pause_threshold", limits.Pause, "max_buffer_size", limits.Max).Warn(fault)
	}
	return limits.Pause > 0
}

// poison logs a message that is given up.
func (in *jetInput) poison(m *nats.Msg, d delivery) {
	in.log.With("stream", in.conf.stream, "subject", m.Subject, "sequence", d.stream, "deliveries", d.count-1).
		Errorf("A JetStream message was delivered %d times and never settled: it is given up (max_deliveries)", d.count-1)
	in.figures.Report(status.Incident{
		Class: status.ClassGivenUp, Count: 1,
		Message: fmt.Sprintf("message %d of stream %q was delivered %d times and never settled: it is given up (%s)", d.stream, in.conf.stream, d.count-1, fieldMaxDeliveries),
	})
}

// ConnectionTest implements service.ConnectionTestable. It makes no consumer.
func (in *jetInput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	return in.conf.connection.test(ctx, in.label, in.log, func(conn *connection) error { return in.conf.test(ctx, conn.conn) })
}
