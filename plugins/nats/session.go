package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// session is one connection with its subscriptions. It outlives interruptions
// of the connection, not its end.
type session struct {
	*connection
	subs []*nats.Subscription
	slow []int64       // what each subscription last reported as dropped; used by tally alone
	done chan struct{} // closed when the last callback of every subscription has returned
}

// open subscribes to all subjects, with deliver as the callback. On an error
// the session is still to be closed.
func (c coreConfig) open(conn *connection, deliver nats.MsgHandler) (*session, error) {
	s := &session{connection: conn, done: make(chan struct{})}
	var live sync.WaitGroup
	defer func() {
		go func() { // ends with the subscriptions; close waits for it
			live.Wait()
			close(s.done)
		}()
	}()
	for _, subject := range c.subjects {
		sub, err := conn.conn.QueueSubscribe(subject, c.queue, deliver)
		if err != nil {
			return s, fmt.Errorf("subscribing to %q: %w", subject, err)
		}
		s.subs, s.slow = append(s.subs, sub), append(s.slow, 0)
		live.Add(1)
		onEnd(sub, live.Done)
		if err := sub.SetPendingLimits(c.pendingMessages, c.pendingBytes); err != nil {
			return s, fmt.Errorf("setting pending_limits of %q: %w", subject, err)
		}
	}
	return s, nil
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

// received is how many messages the server has delivered on this connection.
func (s *session) received() int64 { return int64(s.conn.Stats().InMsgs) }

// slowConsumer is how many of them nats.go discarded because its queue was
// full. A subscription that has ended no longer says.
func (s *session) slowConsumer() (sum int64) {
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
	for _, sub := range s.subs {
		_ = sub.Drain() // fails only on a subscription that has ended, or ends with the connection
	}
}

// close ends the session at once and waits for its callbacks.
func (s *session) close() {
	for _, sub := range s.subs {
		_ = sub.Unsubscribe() // fails only on a subscription that has ended
	}
	s.connection.close()
	<-s.done
}
