package nats

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// firstPlea and lastPlea bound how long after a refusal a subscription is
	// tried again.
	firstPlea = 500 * time.Millisecond
	lastPlea  = 10 * time.Second

	// farewell bounds how long the end of a session waits until the server has
	// heard of it.
	farewell = time.Second
)

// session is one connection with its subscriptions. It outlives interruptions
// of the connection and subscriptions that the server ends, not the end of the
// connection.
type session struct {
	*connection
	conf    coreConfig
	deliver nats.MsgHandler

	mu      sync.Mutex
	subs    []*nats.Subscription // all that may still deliver
	slow    []int64              // what each last reported as dropped
	gone    int64                // what those had dropped that have ended
	present map[string]*nats.Subscription
	ends    map[string]chan struct{} // closed when the last subscription to a subject has ended, and all before it
	refused map[string]error         // subjects of which the server delivers nothing
	ending  bool                     // nothing is subscribed to any more

	live    sync.WaitGroup // the subscriptions, and the session until it is ending
	done    chan struct{}  // closed when the last callback of every subscription has returned
	pleas   chan struct{}  // holds a token when a subject was refused
	stop    context.CancelFunc
	workers sync.WaitGroup
}

// open subscribes to all subjects, with deliver as the callback, unless we are
// away. On an error the session is still to be closed.
func (c coreConfig) open(conn *connection, deliver nats.MsgHandler, away bool) (*session, error) {
	s := &session{
		connection: conn, conf: c, deliver: deliver, done: make(chan struct{}), pleas: make(chan struct{}, 1),
		present: map[string]*nats.Subscription{}, refused: map[string]error{}, ends: map[string]chan struct{}{},
	}
	running, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.live.Add(1)
	go func() { // ends with the subscriptions; close waits for it
		s.live.Wait()
		close(s.done)
	}()
	s.workers.Go(func() { s.plead(running) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if !away {
		if err := s.join(); err != nil {
			return s, err
		}
	}
	if len(c.subjects) == 0 { // it is draining
		s.endLocked()
	}
	return s, nil
}

// join subscribes to all subjects.
func (s *session) join() error {
	for _, subject := range s.conf.subjects {
		if err := s.subscribe(subject); err != nil {
			return err
		}
	}
	return nil
}

// leave asks the server to send to the others of the queue group. What it has
// sent is delivered.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.present {
		_ = sub.Drain() // fails only on a subscription that has ended, or ends with the connection
	}
	for subject := range s.refused {
		s.mended(subject)
	}
	clear(s.present)
	clear(s.refused)
}

// rejoin undoes leave. What the server refuses it says, and is tried again.
func (s *session) rejoin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending || len(s.present) > 0 {
		return
	}
	s.prune()
	_ = s.join() // fails only on a connection that has ended
}

// subscribe adds a subscription to the subject's earlier ones. What those still
// have queued is delivered before what this one brings.
func (s *session) subscribe(subject string) error {
	before, end := s.ends[subject], make(chan struct{})
	deliver := s.deliver
	if before != nil {
		deliver = func(m *nats.Msg) {
			<-before
			s.deliver(m)
		}
	}
	sub, err := s.conn.QueueSubscribe(subject, s.conf.queue, deliver)
	if err != nil {
		return fmt.Errorf("subscribing to %q: %w", subject, err)
	}
	s.subs, s.slow = append(s.subs, sub), append(s.slow, 0)
	s.present[subject], s.ends[subject] = sub, end
	own := make(chan struct{})
	onEnd(sub, func() { close(own) })
	s.live.Go(func() {
		<-own
		if before != nil {
			<-before // it may have ended without a message, and so without waiting for them
		}
		close(end)
	})
	if err := sub.SetPendingLimits(s.conf.pendingMessages, s.conf.pendingBytes); err != nil {
		return fmt.Errorf("setting pending_limits of %q: %w", subject, err)
	}
	return nil
}

// onEnd calls f once when the subscription has ended. A subscription that ended
// before its handler was set may never call it.
func onEnd(sub *nats.Subscription, f func()) {
	once := sync.OnceFunc(f)
	sub.SetClosedHandler(func(string) { once() })
	if !sub.IsValid() {
		once()
	}
}

// verify waits until the server has seen the subscriptions: it reports the ones
// that it refuses before it confirms.
func (s *session) verify(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return fmt.Errorf("confirming the subscriptions: %w", err)
	}
	if err := s.conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return fmt.Errorf("subscribing: %w", err)
	}
	return nil
}

// refusedSubject finds the subject in the server's words.
var refusedSubject = regexp.MustCompile(`Subscription to "(\S+)"`)

// denied notes that the server has ended a subscription, or not taken one: the
// link is down until it takes the next.
func (s *session) denied(err error) {
	found := refusedSubject.FindStringSubmatch(err.Error())
	if found == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	subject := found[1]
	if s.present[subject] == nil || s.ending {
		return
	}
	s.refused[subject] = err
	s.fault(subject, fmt.Errorf("%s: the server lets us have nothing of %q any more; restore the user's right to subscribe to it: %w", fieldSubjects, subject, err))
	signal(s.pleas)
}

// resubscribed notes that the server was told of all subscriptions anew. What it
// refuses of them it is about to say again.
func (s *session) resubscribed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for subject := range s.refused {
		s.mended(subject)
	}
	clear(s.refused)
}

// plead subscribes again to what was refused, until the server takes it.
func (s *session) plead(ctx context.Context) {
	wait := firstPlea
	for ctx.Err() == nil {
		subjects := s.outstanding()
		if len(subjects) == 0 {
			wait = firstPlea
			await(ctx, s.pleas, 0)
			continue
		}
		await(ctx, nil, wait)
		wait = min(2*wait, lastPlea)
		for _, subject := range subjects {
			if ctx.Err() == nil && s.conn.IsConnected() {
				s.again(ctx, subject)
			}
		}
	}
}

func (s *session) outstanding() (subjects []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for subject := range s.refused {
		subjects = append(subjects, subject)
	}
	return subjects
}

// again subscribes once more to a subject whose subscription the server has
// ended. What that one still has queued is delivered.
func (s *session) again(ctx context.Context, subject string) {
	before := s.conn.LastError()
	if !s.replace(subject) {
		return
	}
	err := s.flush(ctx)
	if err == nil && s.conn.LastError() != before { //nolint:errorlint // whether it is another one
		err = s.conn.LastError()
	}
	if err != nil {
		return
	}
	s.mu.Lock()
	delete(s.refused, subject)
	s.mu.Unlock()
	s.mended(subject)
	s.log.With("subject", subject).Info("NATS subscription is back")
}

// replace puts a new subscription in the place of one that was refused, if it
// still is.
func (s *session) replace(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, still := s.refused[subject]; !still || s.ending {
		return false
	}
	s.prune()
	old := s.present[subject]
	err := s.subscribe(subject)
	_ = old.Drain() // fails only on one that has ended
	return err == nil
}

// prune forgets the subscriptions that have ended.
func (s *session) prune() {
	n := 0
	for i, sub := range s.subs {
		if !sub.IsValid() {
			s.gone += s.slow[i]
			continue
		}
		s.subs[n], s.slow[n] = sub, s.slow[i]
		n++
	}
	s.subs, s.slow = s.subs[:n], s.slow[:n]
}

// received is how many messages the server has delivered on this connection.
func (s *session) received() int64 { return int64(s.conn.Stats().InMsgs) }

// slowConsumer is how many of them nats.go discarded because its queue was
// full. A subscription that has ended no longer says.
func (s *session) slowConsumer() (sum int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum = s.gone
	for i, sub := range s.subs {
		if n, err := sub.Dropped(); err == nil {
			s.slow[i] = int64(n)
		}
		sum += s.slow[i]
	}
	return sum
}

// drain asks the server to send no more. The session is done when everything
// that it had sent has been delivered to the callbacks.
func (s *session) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		_ = sub.Drain() // fails only on a subscription that has ended, or ends with the connection
	}
	s.endLocked()
}

// endLocked says that nothing will be subscribed to any more.
func (s *session) endLocked() {
	if !s.ending {
		s.ending = true
		s.live.Done()
	}
}

// close ends the session and waits for its callbacks. What the server sent before
// it heard of that is here by then, and counted; what it gets later goes to the
// others of the queue group.
func (s *session) close() {
	s.stop()
	s.mu.Lock()
	for _, sub := range s.subs {
		_ = sub.Unsubscribe() // fails only on a subscription that has ended
	}
	s.endLocked()
	s.mu.Unlock()
	if s.conn.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		_ = s.flush(ctx) // fails with the connection, which takes the subscriptions with it
		cancel()
	}
	s.connection.close()
	s.workers.Wait()
	<-s.done
}
