package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const (
	// pullExpiry is how long a request for messages stays open when fewer come.
	// Its end is the sign of life that the watchdog waits for, and the latest
	// moment at which a pause has no request open any more.
	pullExpiry = time.Second
	// pullGrace is how late that answer may be.
	pullGrace = time.Second

	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// jetSession pulls from one consumer over one connection. It outlives
// interruptions of the connection, restarts of servers and the end of the
// consumer, not the end of the connection.
type jetSession struct {
	*connection
	in     *jetInput
	js     jetstream.JetStream
	intake *intake
	inbox  string // requests are answered to a subject below it
	sub    *nats.Subscription
	found  found // changed by the puller alone

	maxAckPending int // of the consumer as it was at the start

	broken  bool // the puller's: it has said that nothing comes
	missing bool // the puller's: and that there is no consumer to ask
	retries int  // the puller's: attempts since the last good answer

	counting sync.Mutex // held while a loss is counted

	ackWait   atomic.Int64  // of the consumer, a time.Duration
	retime    chan struct{} // holds a token when that has changed
	suspected atomic.Bool   // the consumer may stand where nothing comes

	deaf    atomic.Bool // the server has ended the subscription to its answers
	stop    context.CancelFunc
	workers sync.WaitGroup
	ended   chan struct{} // closed when the last callback of sub has returned
}

// openJet subscribes to what the consumer is going to be asked for, and starts
// asking. On an error the session is still to be closed.
func (in *jetInput) openJet(ctx context.Context, conn *connection, k *intake, js jetstream.JetStream, f found) (*jetSession, error) {
	s := &jetSession{connection: conn, in: in, js: js, intake: k, found: f, inbox: conn.conn.NewInbox(), ended: make(chan struct{}), retime: make(chan struct{}, 1)}
	running, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.maxAckPending = f.consumer.Config.MaxAckPending
	var err error
	if s.sub, err = conn.conn.Subscribe(s.inbox+".*", s.deliver); err != nil {
		close(s.ended)
		return s, fmt.Errorf("subscribing to the answers of the consumer: %w", err)
	}
	onEnd(s.sub, func() { close(s.ended) })
	_ = s.sub.SetPendingLimits(-1, -1) // bounded by what is asked for
	if err := s.flush(ctx); err != nil {
		return s, fmt.Errorf("confirming the subscription: %w", err)
	}
	if err := conn.conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return s, fmt.Errorf("subscribing to the answers of the consumer: %w", err)
	}
	s.adopt(f)
	s.workers.Go(func() { s.pull(running) })
	s.workers.Go(func() { s.keep(running) })
	s.workers.Go(func() { s.observe(running) })
	return s, nil
}

// adopt takes over a consumer as it was found.
func (s *jetSession) adopt(f found) {
	if !f.stream.Created.Equal(s.found.stream.Created) || f.renewed != nil {
		s.intake.forget()
	}
	s.in.sayRenewed(f)
	s.found = f
	info := f.consumer
	s.intake.giveUpAfter(s.in.conf.givesUp(f.stream))
	s.intake.restart(info.Created, info.Delivered.Consumer+1, uint64(info.NumAckPending), info.Delivered.Stream)
	s.intake.settlePlace(f.anchor())
	s.intake.stands(info.Created, floorOf(info))
	s.setAckWait(f.ackWait())
}

// deliver is the callback of nats.go for all that comes.
func (s *jetSession) deliver(m *nats.Msg) {
	d, ok := parseDelivery(m.Reply)
	if !ok {
		s.status(m)
		return
	}
	if say := s.intake.offer(m, d); say.word != nil {
		_ = s.conn.Publish(say.reply, say.word) // else the server asks again
	}
}

// status is an answer that is no message: it confirms acknowledgements, or ends
// a request.
func (s *jetSession) status(m *nats.Msg) {
	number, acked := strings.CutPrefix(strings.TrimPrefix(m.Subject, s.inbox+"."), receiptMark)
	id, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return
	}
	if acked {
		if len(m.Header) == 0 { // else nobody was there to hear it
			s.intake.confirmed(id)
			s.mended(faultAcks)
		}
		return
	}
	code, words := m.Header.Get("Status"), strings.ToLower(m.Header.Get("Description"))
	switch {
	case code == "100": // a sign of life, and not the end
	case code == "408", code == "404", strings.Contains(words, "batch completed"):
		s.intake.ended(id, nil)
	case strings.Contains(words, "maxbytes") && !strings.Contains(words, "exceeded max"):
		s.intake.tooLarge(id)
	case code == "503":
		s.intake.ended(id, errors.New("there is no such consumer"))
	default:
		s.intake.ended(id, fmt.Errorf("the server refuses: %s %s", code, words))
	}
}

// pull asks the server for messages, and finds out what is wrong when it does
// not answer.
func (s *jetSession) pull(ctx context.Context) {
	for s.awaitConnected(ctx) {
		over, err := s.intake.outcome()
		switch {
		case s.suspected.Swap(false):
			s.revive(ctx, nil)
			continue
		case err != nil || s.missing:
			s.revive(ctx, err)
			continue
		case over:
			s.revived()
		}
		if q, until := s.intake.ask(time.Now(), s.expiry()); q.open {
			s.askOthers(ctx)
			s.send(q)
		} else {
			await(ctx, s.intake.wake, until)
		}
	}
}

func (s *jetSession) send(q request) {
	body := fmt.Appendf(nil, `{"expires":%d,"batch":%d`, s.expiry().Nanoseconds(), q.messages)
	if !q.single {
		body = fmt.Appendf(body, `,"max_bytes":%d`, q.bytes)
	}
	subject := s.in.conf.api() + ".CONSUMER.MSG.NEXT." + s.in.conf.stream + "." + s.in.conf.durable
	reply := s.inbox + "." + strconv.FormatUint(q.id, 10)
	if err := s.conn.PublishRequest(subject, reply, append(body, '}')); err != nil {
		s.intake.ended(q.id, err)
	}
}

// expiry is how long a request stays open.
func (s *jetSession) expiry() time.Duration {
	if most := s.found.consumer.Config.MaxRequestExpires; most > 0 {
		return min(pullExpiry, most)
	}
	return pullExpiry
}

// awaitConnected waits while the connection is away, and reports whether to go
// on: nats.go keeps what is published meanwhile, and would send old requests.
func (s *jetSession) awaitConnected(ctx context.Context) bool {
	if ctx.Err() != nil || s.conn.IsConnected() {
		return ctx.Err() == nil
	}
	changed := s.conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer s.conn.RemoveStatusListener(changed)
	for !s.conn.IsConnected() && !s.conn.IsClosed() {
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
	s.intake.interrupted()
	return !s.conn.IsClosed()
}

// revive makes sure that there is a consumer to ask. It is tried at once, then
// less and less often.
func (s *jetSession) revive(ctx context.Context, cause error) {
	if s.retries > 0 {
		await(ctx, nil, min(firstRetry<<min(s.retries, 10), lastRetry))
	}
	s.retries++
	s.listen()
	f, err := s.in.find(ctx, s.js, s.intake.resumeAt(), s.found.stream.Created)
	if ctx.Err() != nil || !s.conn.IsConnected() {
		return
	}
	s.complain(cmp.Or(err, cause), err != nil)
	if err != nil {
		return
	}
	if !f.consumer.Created.Equal(s.found.consumer.Created) {
		s.log.With("stream", s.in.conf.stream, "durable", s.in.conf.durable).
			Warn("The JetStream consumer was gone and is there again")
	}
	s.adopt(f)
}

// The faults of a session that is connected.
const (
	faultRequests = "requests"
	faultAnswers  = "answers"
	faultAcks     = "acknowledgements"
)

// stallsUntilDown is after how many requests in a row that were not answered the
// link counts as down: a server that only fails over answers sooner.
const stallsUntilDown = 3

// denied notes that the server does not let us say or hear something.
func (s *jetSession) denied(err error) {
	words := err.Error()
	switch {
	case refusedSubject.MatchString(words):
		s.deaf.Store(true)
		s.fault(faultAnswers, fmt.Errorf("the server lets us have no answers any more; restore the user's right to subscribe to %s.>: %w", inboxPrefix(s.inbox), err))
	case strings.Contains(words, ackPrefix):
		s.fault(faultAcks, fmt.Errorf("the server takes no acknowledgements from us; restore the user's right to publish to %s>: %w", ackPrefix, err))
	default:
		s.fault(faultRequests, fmt.Errorf("the server refuses our requests; restore the user's right to publish to them: %w", err))
	}
}

// inboxPrefix is what inboxes of a connection begin with.
func inboxPrefix(inbox string) string { return inbox[:strings.LastIndexByte(inbox, '.')] }

// listen makes the server look at our subscriptions again if it has ended one:
// those of nats.go to the answers of the API cannot be made anew otherwise.
func (s *jetSession) listen() {
	if s.deaf.Swap(false) {
		_ = s.conn.ForceReconnect() // fails only on a connection that has ended
	}
}

// complain says, on the edge only, that nothing comes. What is missing makes the
// link unhealthy, and so does a server that does not answer again and again.
func (s *jetSession) complain(err error, missing bool) {
	if err == nil { // what was missing is there again
		s.missing = missing
		return
	}
	switch {
	case missing && !s.missing:
		s.log.With("cause", err).Error("JetStream delivers nothing, trying again until it does")
	case !s.broken && !missing:
		s.log.With("cause", err).Warn("JetStream delivers nothing for now, asking again")
	case s.retries == stallsUntilDown && !missing:
		s.log.With("cause", err, "requests", s.retries).Error("JetStream answers none of our requests, asking again until it does")
	}
	if missing || s.retries >= stallsUntilDown {
		s.fault(faultRequests, err)
		s.in.figures.Report(status.Incident{Class: status.ClassStalled, Message: "JetStream delivers nothing: " + err.Error(), Count: 1})
	}
	s.broken, s.missing = true, missing
}

// revived notes a request that was answered.
func (s *jetSession) revived() {
	s.retries = 0
	s.mended(faultRequests)
	s.mended(faultAnswers)
	if s.broken {
		s.broken = false
		s.log.Info("JetStream delivers again")
	}
}

// close waits for what the last request still brings, gives back what is not
// settled, and ends everything that the session started.
func (s *jetSession) close() {
	s.intake.drain()
	s.stop()
	s.workers.Wait()
	if s.conn.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), pullExpiry+pullGrace)
		s.intake.idle(ctx)
		cancel()
	}
	s.giveBack(s.intake.close(), atOnce)
	if s.conn.IsConnected() {
		_ = s.flush(context.Background()) // else ack_wait does what a flush would have
	}
	if s.sub != nil {
		_ = s.sub.Unsubscribe() // fails only on a subscription that has ended
	}
	s.connection.close()
	<-s.ended
}
