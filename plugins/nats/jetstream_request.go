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

const (
	// firstWindow is how many bytes are asked for at first: a link that is slower
	// than that shows it before much is on its way. leastWindow is how far it sinks.
	firstWindow = 1 << 20
	leastWindow = 64 << 10

	// partGrace is how long parts of one message may arrive before it counts as a
	// request that is not answered.
	partGrace = time.Minute
)

// request is what the server was last asked for.
type request struct {
	id       uint64
	open     bool // it is not answered in full yet
	messages int  // still to come
	bytes    int  // still to come
	first    int  // bytes that were asked for
	narrow   bool // the link, not the room, set how many
	started  bool // something of it has come
	moved    bool // something has come since the deadline was last set
	single   bool // one message of any size
	sent     time.Time
	deadline time.Time
	parts    time.Time // until when parts of a message alone move the deadline
	wire     int64     // what the connection had brought when the deadline was last set
	err      error     // how it ended, if not well
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
	q.started, q.moved = true, true
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
// was beyond its bytes. Where all the room there is was not enough, the message
// is asked for alone; where a part of it was not, more of it is awaited.
func (k *intake) tooLarge(id uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	q := &k.request
	if !q.open || q.id != id {
		return
	}
	switch {
	case q.narrow:
		k.window = min(2*k.window, k.conf.bytes)
	case !q.started && q.first >= k.conf.bytes:
		k.oversized = true
	default:
		k.wanting = q.bytes
	}
	k.end(nil)
}

func (k *intake) end(err error) {
	k.measure(err)
	k.request.open = false
	k.request.err = err
	signal(k.wake)
	signal(k.ready)
}

// measure adapts what is asked for at once to what the link brings. What is on
// its way for longer than the server has patience would be delivered again.
func (k *intake) measure(err error) {
	q := &k.request
	switch took := time.Since(q.sent); {
	case errors.Is(err, errStalled), took > pullExpiry+pullGrace/2 && q.started:
		k.window = max(k.window/2, min(leastWindow, k.conf.bytes))
	case err == nil && took < pullExpiry && q.first-q.bytes >= q.first/2:
		k.window = min(2*k.window, k.conf.bytes)
	}
}

// ask says what to request from the server now: nothing while a request is
// open, or while there is no need or no room, and then until is when to look
// again at the latest. A request that is past its deadline has stalled.
func (k *intake) ask(now time.Time, expiry time.Duration) (q request, until time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	room := k.conf.bytes - k.bytes
	switch {
	case k.request.open && now.Before(k.request.deadline):
		return q, k.request.deadline.Sub(now)
	case k.request.open && k.moving(now):
		return q, pullGrace
	case k.request.open:
		k.end(errStalled)
		return q, 0
	case k.paused || k.draining || k.closed || k.disconnected,
		len(k.msgs) > k.conf.messages/2, k.bytes > k.conf.bytes/2,
		room <= k.wanting && len(k.msgs) > 0:
		return q, 0
	}
	k.request = request{
		id:       k.request.id + 1,
		open:     true,
		messages: k.conf.messages - len(k.msgs),
		bytes:    min(room, k.window),
		narrow:   k.window < room,
		sent:     now,
		deadline: now.Add(expiry + pullGrace),
		parts:    now.Add(partGrace),
		wire:     k.brought(),
	}
	k.request.first, k.wanting = k.request.bytes, 0
	if k.oversized {
		k.request.single, k.request.messages = true, 1
		k.oversized = false
	}
	return k.request, 0
}

// moving reports whether the answer to a request that is past its deadline is
// still arriving, and if so gives it more time: a whole message, or for a while a
// part of one.
func (k *intake) moving(now time.Time) bool {
	q, brought := &k.request, k.brought()
	if !q.moved && (brought <= q.wire || now.After(q.parts)) {
		return false
	}
	if q.moved {
		q.parts = now.Add(partGrace)
	}
	q.moved, q.wire, q.deadline = false, brought, now.Add(pullGrace)
	return true
}

// brought is how many bytes the connection has brought so far.
func (k *intake) brought() int64 {
	if k.wire == nil {
		return 0
	}
	return k.wire()
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
