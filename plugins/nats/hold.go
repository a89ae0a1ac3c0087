package nats

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// hold is the room between the callbacks of nats.go and ReadBatch: one batch
// that is being filled. When it is full the callbacks wait, so that everything
// beyond it stays in the pending queues of nats.go, whose limits then rule. What
// a pause keeps comes after that batch and before everything newer.
//
// Offer is called by any number of goroutines; take and done by one, in turn.
type hold struct {
	count    int
	byteSize int
	period   time.Duration
	kept     *conflation   // nil: a pause discards everything
	ready    chan struct{} // holds a token when take has a reason to look again

	mu           sync.Mutex
	room         sync.Cond // awaited by callbacks that must wait
	waiting      int       // how many do, since letGo was last called
	msgs, spare  []*nats.Msg
	bytes        int       // the size of msgs
	first        time.Time // when msgs got its first message
	paused       bool
	disconnected bool
	ending       bool // nobody takes, and the callbacks must return
	draining     bool // no more will come than is on its way
	drained      bool // nothing more will come
	closed       bool
	abandoned    bool  // closed, and what was held is counted
	taken        int64 // by take, and not done
	figures      holdFigures
	atPause      holdFigures // when the pause began
}

// holdFigures count messages since the hold was made.
type holdFigures struct {
	handed    int64 // handed over by ReadBatch
	dropped   int64 // discarded by a pause
	conflated int64 // gave way to a newer one of their key
	held      int64 // taken in and none of these, yet
}

func newHold(count, byteSize int, period time.Duration) *hold {
	h := &hold{count: count, byteSize: byteSize, period: period, ready: make(chan struct{}, 1)}
	h.room.L = &h.mu
	return h
}

// offer takes one message in; while paused it keeps or discards it. It waits
// while the hold is full, unless the session is ending: then it is discarded. A
// message that is offered after close is not taken, nor counted.
func (h *hold) offer(m *nats.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.await(m)
	key, ok := m.Subject, true
	if !h.open() && h.kept != nil && h.kept.key != nil { // without the lock: it takes its time
		h.mu.Unlock()
		key, ok = h.kept.key(m)
		h.mu.Lock()
		h.await(m)
	}
	switch {
	case h.closed:
	case h.open() && !h.full(m):
		h.add(m)
	case !h.open() && h.kept != nil && ok:
		h.keep(key, m)
	default:
		h.figures.dropped++
	}
}

// await waits until there is a place for m.
func (h *hold) await(m *nats.Msg) {
	for !h.paused && !h.closed && !h.ending && (h.full(m) || !h.open()) {
		h.waiting++
		signal(h.ready)
		h.room.Wait()
	}
}

// open reports whether messages go into the batch: not while paused, nor before
// what a pause kept.
func (h *hold) open() bool { return !h.paused && h.kept.len() == 0 }

// letGo lets everyone who waits for room look again.
func (h *hold) letGo() {
	h.waiting = 0
	h.room.Broadcast()
}

// full reports whether m has no place in the batch. An empty one takes a
// message of any size.
func (h *hold) full(m *nats.Msg) bool {
	return len(h.msgs) >= h.count || len(h.msgs) > 0 && h.bytes+m.Size() > h.byteSize
}

func (h *hold) add(m *nats.Msg) {
	h.msgs = append(h.msgs, m)
	h.bytes += m.Size()
	h.figures.held++
	n := len(h.msgs)
	if n == 1 {
		h.first = time.Now()
	}
	if n == 1 || n == h.count {
		signal(h.ready)
	}
}

func (h *hold) keep(key string, m *nats.Msg) {
	superseded, evicted := h.kept.put(key, m)
	if superseded {
		h.figures.conflated++
	} else {
		h.figures.held++
	}
	h.figures.held -= evicted
	h.figures.dropped += evicted
}

// take waits for a batch: a full one, one whose period is over, or any while
// draining. It never returns an empty one. The caller must hand it to done
// before it takes again. A cancelled context leaves everything in place.
func (h *hold) take(ctx context.Context) ([]*nats.Msg, error) {
	for {
		msgs, rest, err := h.look(ctx)
		if len(msgs) > 0 || err != nil {
			return msgs, err
		}
		await(ctx, h.ready, rest)
	}
}

// look takes a batch if there is one; if not, rest is how long until there is,
// zero when that takes another message.
func (h *hold) look(ctx context.Context) (msgs []*nats.Msg, rest time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	switch {
	case len(h.msgs) > 0:
		if rest = h.rest(); rest > 0 {
			return nil, rest, nil
		}
		msgs, h.msgs, h.spare, h.bytes = h.msgs, h.spare, nil, 0
	case h.kept.len() > 0 && (!h.paused || h.draining):
		msgs, h.spare = h.kept.take(h.spare, h.count, h.byteSize), nil
	default:
		return nil, 0, h.end()
	}
	h.taken = int64(len(msgs))
	h.letGo()
	return msgs, 0, nil
}

// rest is how long the batch that is being filled may wait for more.
func (h *hold) rest() time.Duration {
	if len(h.msgs) >= h.count || h.draining || h.waiting > 0 || !h.paused && h.kept.len() > 0 {
		return 0
	}
	return h.period - time.Since(h.first)
}

// end says why an empty hold will not fill again, if it will not.
func (h *hold) end() error {
	switch {
	case h.drained || h.closed:
		return service.ErrEndOfInput
	case h.disconnected && !h.draining:
		return service.ErrNotConnected
	}
	return nil
}

// done ends the use of a batch that take returned: handing tells whether it is to be
// handed over, and done whether it may be. It may not once the hold is abandoned: then it
// is dropped. The slice goes back to the hold.
func (h *hold) done(msgs []*nats.Msg, handing bool) bool {
	n := int64(len(msgs))
	clear(msgs)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spare, h.taken = msgs[:0], 0
	switch {
	case h.abandoned:
		h.figures.dropped += n
		h.figures.held -= n
		return false
	case handing:
		h.figures.handed += n
		h.figures.held -= n
	}
	return handing
}
