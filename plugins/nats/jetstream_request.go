package nats

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How requests end that the server does not end.
var (
	errStalled     = errors.New("a request for messages was not answered")
	errInterrupted = errors.New("the connection was lost")
)

// request is what the server was last asked for.
type request struct {
	id       uint64
	open     bool // it is not answered in full yet
	messages int  // still to come
	bytes    int  // still to come
	started  bool // something of it has come
	single   bool // one message of any size
	deadline time.Time
	err      error // how it ended, if not well
}

// limit keeps requests within what a consumer allows for one.
func (k *intake) limit(have jetstream.ConsumerConfig) {
	if n := have.MaxRequestBatch; n > 0 {
		k.conf.messages = min(k.conf.messages, n)
	}
	if n := have.MaxRequestMaxBytes; n > 0 {
		k.conf.bytes = min(k.conf.bytes, n)
	}
	k.conf.count = min(k.conf.count, k.conf.messages)
}

// answered counts a message against the request.
func (k *intake) answered(size int) {
	q := &k.request
	if !q.open {
		return
	}
	q.started = true
	q.messages--
	q.bytes -= size
	if q.messages <= 0 || (!q.single && q.bytes <= 0) {
		k.end(nil)
	}
}

// ended notes that the server has ended a request; an error says that it did so
// before its time.
func (k *intake) ended(id uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.request.open && k.request.id == id {
		k.end(err)
	}
}

// interrupted notes that what was open before the connection was lost is
// forgotten by the server.
func (k *intake) interrupted() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.request.open {
		k.end(errInterrupted)
	}
}

// tooLarge notes that the server has ended a request because the next message
// was beyond its bytes. When that was all the room there is, the message is
// asked for alone.
func (k *intake) tooLarge(id uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.request.open && k.request.id == id {
		k.oversized = !k.request.started && len(k.msgs) == 0
		k.end(nil)
	}
}

func (k *intake) end(err error) {
	k.request.open = false
	k.request.err = err
	signal(k.wake)
	signal(k.ready)
}

// ask says what to request from the server now: nothing while a request is
// open, or while there is no need or no room, and then until is when to look
// again at the latest. A request that is past its deadline has stalled.
func (k *intake) ask(now time.Time, expiry time.Duration) (q request, until time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.request.open && now.Before(k.request.deadline):
		return q, k.request.deadline.Sub(now)
	case k.request.open:
		k.end(errStalled)
		return q, 0
	case k.paused || k.draining || k.closed || k.disconnected,
		len(k.msgs) > k.conf.messages/2, k.bytes > k.conf.bytes/2:
		return q, 0
	}
	k.request = request{
		id:       k.request.id + 1,
		open:     true,
		messages: k.conf.messages - len(k.msgs),
		bytes:    k.conf.bytes - k.bytes,
		deadline: now.Add(expiry + pullGrace),
	}
	if k.oversized {
		k.request.single, k.request.messages = true, 1
		k.oversized = false
	}
	return k.request, 0
}

// outcome says, once for each request, that it is over, and why if it did not
// end well.
func (k *intake) outcome() (over bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	q := &k.request
	if q.open || q.id == k.judged {
		return false, nil
	}
	k.judged = q.id
	if q.err != nil {
		k.figures.stalls++
	}
	return true, q.err
}

// idle waits until no request is open, or ctx ends.
func (k *intake) idle(ctx context.Context) {
	for k.requesting() && ctx.Err() == nil {
		await(ctx, k.wake, 0)
	}
}

func (k *intake) requesting() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.request.open
}
