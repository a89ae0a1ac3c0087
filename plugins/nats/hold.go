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
// beyond it stays in the pending queues of nats.go, whose limits then rule.
//
// Offer is called by any number of goroutines; take and done by one, in turn.
type hold struct {
	count  int
	period time.Duration
	ready  chan struct{} // holds a token when take has a reason to look again

	mu           sync.Mutex
	room         sync.Cond // awaited by callbacks while msgs is full
	msgs, spare  []*nats.Msg
	first        time.Time // when msgs got its first message
	paused       bool
	disconnected bool
	draining     bool // no more will come than is on its way
	drained      bool // nothing more will come
	closed       bool
	figures      holdFigures
	atPause      int64 // figures.dropped when the pause began
}

// holdFigures count messages since the hold was made.
type holdFigures struct {
	handed  int64 // handed over by ReadBatch
	dropped int64 // discarded by a pause
	held    int64 // taken in and neither of these, yet
}

func newHold(count int, period time.Duration) *hold {
	h := &hold{count: count, period: period, ready: make(chan struct{}, 1)}
	h.room.L = &h.mu
	return h
}

// offer takes one message in, or discards it while paused. It waits while the
// hold is full. A message that is offered after close is not taken, nor counted.
func (h *hold) offer(m *nats.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.msgs) == h.count && !h.paused && !h.closed {
		h.room.Wait()
	}
	switch {
	case h.closed:
	case h.paused:
		h.figures.dropped++
	default:
		h.add(m)
	}
}

func (h *hold) add(m *nats.Msg) {
	h.msgs = append(h.msgs, m)
	h.figures.held++
	n := len(h.msgs)
	if n == 1 {
		h.first = time.Now()
	}
	if n == 1 || n == h.count {
		h.wake()
	}
}

func (h *hold) wake() {
	select {
	case h.ready <- struct{}{}:
	default:
	}
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
		h.await(ctx, rest)
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
	if len(h.msgs) == 0 {
		return nil, 0, h.end()
	}
	if len(h.msgs) < h.count && !h.draining {
		if rest = h.period - time.Since(h.first); rest > 0 {
			return nil, rest, nil
		}
	}
	msgs, h.msgs, h.spare = h.msgs, h.spare, nil
	h.room.Broadcast()
	return msgs, 0, nil
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

func (h *hold) await(ctx context.Context, rest time.Duration) {
	var over <-chan time.Time
	if rest > 0 {
		t := time.NewTimer(rest)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-h.ready:
	case <-over:
	case <-ctx.Done():
	}
}

// done ends the use of a batch that take returned: handed tells whether it was
// handed over. The slice goes back to the hold.
func (h *hold) done(msgs []*nats.Msg, handed bool) {
	n := int64(len(msgs))
	clear(msgs)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spare = msgs[:0]
	if handed {
		h.figures.handed += n
		h.figures.held -= n
	}
}

// pause makes the hold discard what is offered. What it holds stays.
func (h *hold) pause() {
	h.set(func() { h.paused, h.atPause = true, h.figures.dropped })
}

// resume ends a pause and returns how many messages it discarded.
func (h *hold) resume() (dropped int64) {
	h.set(func() {
		h.paused = false
		dropped = h.figures.dropped - h.atPause
	})
	return dropped
}

func (h *hold) setDisconnected(is bool) { h.set(func() { h.disconnected = is }) }
func (h *hold) drain()                  { h.set(func() { h.draining = true }) }
func (h *hold) finish()                 { h.set(func() { h.drained = true }) }
func (h *hold) close()                  { h.set(func() { h.closed = true }) }

// set changes the state and lets everyone who waits look at it.
func (h *hold) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	h.room.Broadcast()
	h.wake()
}

func (h *hold) isDraining() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.draining
}

func (h *hold) counts() holdFigures {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.figures
}

// abandon empties the hold for good and returns how many messages that were.
func (h *hold) abandon() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.figures.held
	h.figures.held = 0
	h.figures.dropped += n
	h.msgs = nil
	return n
}
