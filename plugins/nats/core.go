package nats

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/time/rate"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/network"
	"github.com/data-bridge-io/data-bridge/plugins/reading"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// publishInterval is how old the published figures can be while no batch is
// handed over.
const publishInterval = 250 * time.Millisecond

func init() {
	service.MustRegisterBatchInput(coreName, coreSpec(), newCoreInputFromConfig)
}

// coreInput subscribes to core NATS. The host calls Connect, ReadBatch and
// Close in turn; the gate calls Pause, Resume and Drain at any time between
// Join and Leave; acknowledgements come from any goroutine.
type coreInput struct {
	conf  coreConfig
	res   *service.Resources
	log   *service.Logger
	label string
	hold  *hold

	// Made by start, at the first Connect.
	started sync.Once
	figures *status.Input
	pausing *status.Pausing
	tally   *tally
	records *records
	parcels parcels
	member  *gate.Member // set by the first successful dial
	// governed says that our buffer tells which batches have arrived. An input of dynamic
	// may be there before the buffer is.
	governed atomic.Bool

	nacked      atomic.Int64
	nackMetric  *service.MetricCounter
	nackWarning rate.Sometimes

	mu      sync.Mutex
	session *session
	away    bool // out of the queue group: on_pause leave
	closed  bool

	stop    chan struct{}
	workers sync.WaitGroup
}

var (
	_ reading.Input              = (*coreInput)(nil)
	_ service.ConnectionTestable = (*coreInput)(nil)
	_ gate.Input                 = (*coreInput)(nil)
)

func newCoreInputFromConfig(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	c, err := parseCore(conf)
	if err != nil {
		return nil, err
	}
	c.connection.network = network.Of(res)
	r := reading.New(reading.Config{Kind: status.KindNATS, Gate: c.connection.gate, Resources: res, Make: func() (reading.Input, service.BatchInput) {
		in := newCoreInput(c, res)
		if c.replayNacks {
			return in, service.AutoRetryNacksBatched(in)
		}
		return in, in
	}})
	checkup.Join(res, r.Input())
	return r, nil
}

func newCoreInput(conf coreConfig, res *service.Resources) *coreInput {
	label := status.LabelOf(res)
	log := res.Logger().With("input", label)
	hold := newHold(conf.count, conf.byteSize, conf.period)
	hold.kept = newConflation(conf.conflate, keyBy(conf.conflate.key, conf.metadata, log))
	return &coreInput{
		conf:        conf,
		res:         res,
		log:         log,
		label:       label,
		hold:        hold,
		nackMetric:  res.Metrics().NewCounter("nats_nacked"),
		nackWarning: rate.Sometimes{Interval: 5 * time.Second},
		stop:        make(chan struct{}),
	}
}

// Connect dials and subscribes. The gate is joined in between, so that an input
// that connects while the gate is closed takes nothing in.
func (c *coreInput) Connect(ctx context.Context) error {
	c.started.Do(c.start)
	if lost := c.endSession(); lost > 0 {
		c.log.With("dropped", lost).Warnf("%d messages were still queued when the NATS connection ended and are lost", lost)
	}
	if err := c.connect(ctx); err != nil {
		c.endSession()
		c.figures.Link.Down(err)
		return err
	}
	return nil
}

// start makes what the constructor must not: it leaves traces on the board.
func (c *coreInput) start() {
	c.figures = status.Of(c.res, topology.Gate(c.res, c.conf.connection.gate)).Input(c.label, status.KindNATS)
	c.figures.Link.Opened()
	c.pausing = c.figures.Pausing()
	c.figures.Export(c.res.Metrics())
	c.figures.Configure(c.conf.described())
	c.nackMetric.Incr(0) // shown from the start
	c.tally = newTally(c.hold, c.figures, c.log)
	c.records = newRecords(c.figures.Mark(context.Background()), c.conf.metadata, c.conf.recordMetadata...)
	c.workers.Go(c.publish)
}

func (c *coreInput) connect(ctx context.Context) error {
	c.hold.setDisconnected(false)
	conn, err := c.conf.connection.dial(ctx, c.label, c.log, &c.figures.Link, hooks{
		lost:        func() { c.hold.setDisconnected(true) },
		reconnected: func() { c.tell((*session).resubscribed) },
		denied:      func(err error) { c.tell(func(s *session) { s.denied(err) }) },
	})
	if err != nil {
		return err
	}
	c.join()
	s, err := c.open(conn)
	if err != nil {
		return err
	}
	if err := s.verify(ctx); err != nil {
		return err
	}
	c.log.With("servers", c.conf.connection.servers(), "subjects", strings.Join(c.conf.subjects, ", "), "queue", c.conf.queue).
		Info("Subscribed to NATS")
	return nil
}

// tell calls f with the session, if there is one.
func (c *coreInput) tell(f func(*session)) {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s != nil {
		f(s)
	}
}

func (c *coreInput) join() {
	if c.member == nil {
		g := gate.Of(c.res, topology.Gate(c.res, c.conf.connection.gate))
		c.governed.Store(g.Governed())
		c.member = joinGate(g, c.label, c, c.log)
	}
}

// open makes the session of a connection. Drain looks for it under the same
// lock: it either finds the session or is found here to have been called.
func (c *coreInput) open(conn *connection) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conf := c.conf
	if c.hold.isDraining() {
		conf.subjects = nil
		c.hold.finish()
	}
	s, err := conf.open(conn, c.hold.offer, c.away)
	c.session = s
	c.tally.begin(s)
	return s, err
}

// ReadBatch waits for messages; it returns neither an empty batch nor an error
// that only means waiting. While the gate is closed it hands over what was
// already held.
func (c *coreInput) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	msgs, err := c.hold.take(ctx)
	if err != nil {
		return nil, nil, c.ended(ctx, err)
	}
	n := len(msgs)
	batch := c.messages(msgs)
	// The host discards a batch that comes after it began to stop: it is counted
	// by Close then.
	err = ctx.Err()
	if !c.hold.done(msgs, err == nil) && err == nil {
		c.figures.LoseAtStop(int64(n))
		err = service.ErrEndOfInput
	}
	if err != nil {
		return nil, nil, c.ended(ctx, err)
	}
	c.tally.publish()
	return batch, c.ackFunc(n, c.parcels.send(batch, n)), nil
}

func (c *coreInput) messages(msgs []*nats.Msg) service.MessageBatch {
	if c.conf.perMessage > 1 {
		return c.records.frames(msgs, c.conf.perMessage)
	}
	return c.records.batch(msgs)
}

func (c *coreInput) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && c.member != nil {
		c.member.Stopping()
	}
	return err
}

// ackFunc counts what is rejected for good: core NATS cannot deliver it again.
func (c *coreInput) ackFunc(n int, parcel *gate.Parcel) service.AckFunc {
	return func(_ context.Context, err error) error {
		c.parcels.answered(parcel)
		if err == nil || c.conf.replayNacks {
			return nil
		}
		total := c.nacked.Add(int64(n))
		c.figures.Report(status.Incident{Class: status.ClassRejected, Message: "messages were rejected by the stream and are lost", Count: int64(n)})
		c.nackMetric.Incr(int64(n))
		c.nackWarning.Do(func() {
			c.log.With("cause", err, "lost_so_far", total).
				Warn("NATS messages were rejected by the stream and are lost: core NATS cannot deliver them again")
		})
		return nil
	}
}

// Close implements service.BatchInput. What is still queued is counted as
// dropped and named in the log.
func (c *coreInput) Close(context.Context) error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return nil
	}
	c.letGo()
	close(c.stop)
	c.workers.Wait()
	if c.figures == nil {
		return nil
	}
	c.count(c.hold.retract(c.parcels.lost(c.governed.Load())), "were handed over when the input was stopped, and the host dropped them")
	c.farewell()
	c.figures.Link.Closed()
	if c.member != nil {
		c.member.Leave()
	}
	c.pausing.Set(false)
	return nil
}

// Stopped implements reading.Input: nobody will take what the server sends from now on,
// or has sent. The input stays at the gate until it is closed: what the buffer has of it
// is still to be stored.
func (c *coreInput) Stopped() {
	if c.member != nil {
		c.member.Stopping()
	}
	c.letGo()
}

// letGo unsubscribes, and counts what is queued.
func (c *coreInput) letGo() {
	if c.member != nil && c.member.Governed() {
		c.governed.Store(true)
	}
	c.hold.close()
	lost := c.endSession()
	if c.figures != nil {
		c.count(lost+c.hold.abandon(), "were still queued at shutdown and are lost")
	}
}

// count tells of messages that a stop has cost; dropped has them already.
func (c *coreInput) count(lost int64, words string) {
	if lost > 0 {
		c.figures.LoseAtStop(lost)
		c.log.With("dropped", lost).Warnf("%d messages %s", lost, words)
	}
	c.tally.publish()
	c.figures.Publish()
}

func (c *coreInput) farewell() {
	if n := c.nacked.Load(); n > 0 {
		c.log.With("lost", n).Warnf("%d messages were rejected by the stream and are lost", n)
	}
}

// endSession closes the session, if there is one, and returns how many messages
// died with it.
func (c *coreInput) endSession() int64 {
	c.mu.Lock()
	s := c.session
	c.session = nil
	c.mu.Unlock()
	if s == nil {
		return 0
	}
	c.hold.setEnding(true) // ReadBatch makes no room while this waits for the callbacks
	s.close()
	c.hold.setEnding(false)
	return c.tally.end(s, false)
}

// publish keeps the figures fresh while no batch is handed over.
func (c *coreInput) publish() {
	t := time.NewTicker(publishInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.tally.publish()
		case <-c.stop:
			return
		}
	}
}

// ConnectionTest implements service.ConnectionTestable. It does not subscribe:
// a member of a queue group would take messages away from the others.
func (c *coreInput) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	return c.conf.connection.test(ctx, c.label, c.log, func(conn *connection) error {
		if err := conn.flush(ctx); err != nil {
			return c.conf.connection.explain(err)
		}
		return nil
	})
}
