package gate

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Turn is the place of one batch of a source that can wait, from before it is
// handed over until it arrives in the buffer. The methods of a nil Turn do nothing,
// and it is granted. All methods are safe for concurrent use.
type Turn struct {
	member  *Member
	load    Level
	granted chan struct{} // closed when it is; see also done

	over bool // it counts no more; guarded by turns.mu
}

// done is the channel of every turn that is granted at once.
var done = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// turns are those of a gate: a queue that the level lets in.
type turns struct {
	waiting atomic.Int32 // how many are in the queue
	control atomic.Pointer[Controller]

	mu    sync.Mutex
	queue []*Turn
	onWay Level // granted, and not arrived
	free  bool  // nobody yields
}

// membership is what the turns know of a member; turns.mu guards it.
type membership struct {
	onWay Level
	gone  bool
}

// Enter asks for the turn of a batch that holds so much. The batch may be handed
// over when the turn is granted, at once as a rule. Whatever becomes of it, the
// caller calls Leave in the end; until then it counts against the yield threshold,
// unless it arrives before.
func (m *Member) Enter(load Level) *Turn {
	if m == nil {
		return nil
	}
	q := &m.gate.turns
	t := &Turn{member: m, load: load, granted: done}
	if q.enter(t) {
		return t
	}
	if c := q.control.Load(); c != nil {
		c.watcher.Yielding()
	}
	return t
}

// enter reports whether the turn is granted at once.
func (q *turns) enter(t *Turn) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.member.turns.gone {
		t.over = true
		return true
	}
	if len(q.queue) == 0 && q.may(t) {
		q.admit(t)
		return true
	}
	t.granted = make(chan struct{})
	q.queue = append(q.queue, t)
	// Before the level is looked at again: who changes it looks for this then.
	q.waiting.Store(int32(len(q.queue))) //nolint:gosec // a few inputs
	q.grant()
	return false
}

// may reports whether there is room for a batch.
func (q *turns) may(t *Turn) bool {
	c := q.control.Load()
	if c == nil || q.free || !c.keepsUp() {
		return true
	}
	s := c.settings.Load()
	l := s.limits
	return !s.pausing || (fits(c.records.Load()+int64(q.onWay.Records), int64(t.load.Records), int64(l.Yield)) &&
		(l.Bytes.Max == 0 || fits(c.bytes.Load()+q.onWay.Bytes, t.load.Bytes, l.Bytes.Yield)))
}

// fits reports whether more has room below a mark beside what is there; half of the
// mark is room for anything.
func fits(held, more, mark int64) bool { return held+min(more, max(1, mark/2)) <= mark }

// grant lets in whoever there is room for, the one that has waited longest first.
func (q *turns) grant() {
	for len(q.queue) > 0 && q.may(q.queue[0]) {
		t := q.queue[0]
		q.queue = slices.Delete(q.queue, 0, 1)
		q.admit(t)
		close(t.granted)
	}
	q.waiting.Store(int32(len(q.queue))) //nolint:gosec // a few inputs
}

func (q *turns) admit(t *Turn) { q.move(t.member, t.load) }

func (q *turns) move(m *Member, by Level) {
	q.onWay = q.onWay.plus(by)
	m.turns.onWay = m.turns.onWay.plus(by)
}

func (l Level) plus(o Level) Level { return Level{l.Records + o.Records, l.Bytes + o.Bytes} }
func (l Level) negative() Level    { return Level{-l.Records, -l.Bytes} }

// relieve looks whether somebody may go on. It costs an atomic load while nobody
// waits.
func (q *turns) relieve() {
	if q.waiting.Load() > 0 {
		q.set(func() {})
	}
}

// set changes what grants depend on.
func (q *turns) set(change func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change()
	q.grant()
}

func (q *turns) governBy(c *Controller) { q.set(func() { q.control.Store(c) }) }
func (q *turns) setFree(is bool)        { q.set(func() { q.free = is }) }

// forget lets go of everything that a member has asked for: its inputs' host may
// have dropped a batch without a word.
func (q *turns) forget(m *Member) {
	q.set(func() {
		m.turns.gone = true
		q.move(m, m.turns.onWay.negative())
		q.queue = slices.DeleteFunc(q.queue, func(t *Turn) bool {
			if t.member == m {
				t.over = true
				close(t.granted)
			}
			return t.member == m
		})
	})
}

// Yielding reports whether a source waits for its turn, and nothing of any other is on
// its way: only what the buffer has can make room. It costs one atomic load while
// nobody waits.
func (g *Gate) Yielding() bool {
	q := &g.turns
	if q.waiting.Load() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queue) > 0 && q.onWay.Records <= 0
}

// Granted returns a channel that is closed when the batch may be handed over.
func (t *Turn) Granted() <-chan struct{} {
	if t == nil {
		return done
	}
	return t.granted
}

// Leave ends the turn, granted or not: of a batch that is settled, or that nobody
// hands over. Leaving again, or after the batch arrived, does nothing.
func (t *Turn) Leave() {
	if t == nil {
		return
	}
	q := &t.member.gate.turns
	q.set(func() { q.end(t) })
}

// end takes a turn out, wherever it is.
func (q *turns) end(t *Turn) {
	if t.over || t.member.turns.gone {
		return
	}
	t.over = true
	if i := slices.Index(q.queue, t); i >= 0 {
		q.queue = slices.Delete(q.queue, i, i+1)
		return
	}
	q.move(t.member, t.load.negative())
}

type turnKey struct{}

// Mark returns a context by which the buffer knows the batch whose first message
// carries it.
func (t *Turn) Mark(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, turnKey{}, t)
}

// HandOver marks a batch, which is not empty, as that of the turn, and returns its
// acknowledgement, with which the turn ends at the latest.
func (t *Turn) HandOver(batch service.MessageBatch, ack service.AckFunc) service.AckFunc {
	batch[0] = batch[0].WithContext(t.Mark(batch[0].Context()))
	return func(ctx context.Context, err error) error {
		t.Leave()
		return ack(ctx, err)
	}
}

// TurnOf returns the turn that marked the context, nil if none did.
func TurnOf(ctx context.Context) *Turn {
	t, _ := ctx.Value(turnKey{}).(*Turn)
	return t
}

// Arrive says that the buffer has the batch: from now on it is part of the level.
// The buffer calls it under its lock, before it lets the gate observe that level.
func (t *Turn) Arrive() {
	if t == nil {
		return
	}
	q := &t.member.gate.turns
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end(t)
}
