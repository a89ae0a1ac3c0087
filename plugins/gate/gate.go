// Package gate decides, for one stream, whether its inputs may fetch.
//
// A Gate is a hysteresis switch with two kinds of neighbours. The buffer of the
// stream attaches to it and reports its level; the inputs join it and are told
// to pause and to resume. The decision is made in one place, published as one
// atomic, and announced on the edge only. A pause is held by reasons: the gate
// opens when none is left. An operator may hold single inputs on top of that:
// an input fetches when neither the gate nor its own seat is held.
//
// # Yielding
//
// A source that can wait, such as Kafka, must not fill the buffer at the cost of
// one that cannot, such as core NATS, whose records a pause drops. So it takes a
// Turn for each batch before it hands it over. Turns are granted in the order in
// which they were asked for, while the level, what was granted and has not
// arrived, and the batch itself are together no more than the yield threshold; a
// batch larger than half of that has to find half of it free. The room from there
// to the pause threshold is left to the others. That is flow control and no pause:
// it has no hysteresis, is counted and alerted as none, and leaves no line in the
// log. It holds for as long as the output keeps up. When the output has settled
// nothing for StallAfter, or a batch has waited as long for a retry, nobody yields:
// every turn is granted at once, the level rises to the pause threshold as if all
// sources were alike, and the gate closes and says so: the cause is the output
// then, and not a backlog. Nobody yields either where no buffer pauses, and while
// the stream drains.
//
// # Lock order
//
// The buffer's lock, then the gate's, then whatever an Input's callback takes.
// Callbacks therefore never call back into the buffer or the gate. The lock of the
// turns is taken last, and nothing is called under it.
package gate

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Reason says who holds the gate closed.
type Reason string

const (
	// ReasonLevel is held by the buffer between the pause and the resume
	// threshold.
	ReasonLevel Reason = "level"
	// ReasonOperator is held by whoever calls Hold with it. A person who pauses
	// inputs takes their seats instead: see HoldInput.
	ReasonOperator Reason = "operator"
)

// Input is a source that obeys the gate. The gate calls one method at a time,
// in the order of events, and holds its lock meanwhile: implementations return
// at once and never call the gate or the buffer. Pause and Resume alternate,
// beginning with Pause.
type Input interface {
	// Pause stops fetching; the connection and the position are kept.
	Pause()
	// Resume takes up fetching where Pause left it.
	Resume()
	// Drain announces the end: hand over what is held, then end the input. It
	// is called at most once, and no Pause follows it.
	Drain()
}

// Watcher is told of the gate's edges before the inputs are, under the same
// rules as Input.
type Watcher interface {
	// Paused is called when the gate closes.
	Paused()
	// Resumed is called when the gate opens; held is how long it was closed.
	Resumed(held time.Duration)
	// Held is called when an operator takes hold of the inputs of a label, or of
	// all inputs (the empty label), and did not have it.
	Held(label string)
	// Released is called when an operator gives the hold of a label up; the empty
	// label says that no hold is left.
	Released(label string)
	// Ending is called with true when the host stops every input that is joined,
	// so that what is held is all that they will hand over, and with false when that
	// is over. The stream may stop, or other inputs may follow.
	Ending(is bool)
	// Yielding is called when a source begins to wait for its turn. Unlike the
	// others it may be called beside them.
	Yielding()
	// Draining is called once, when the stream is about to stop; paused tells
	// whether inputs are about to be resumed because of it.
	Draining(paused bool)
	// Flush follows Draining, when no input is paused any more and before the
	// inputs are told to drain.
	Flush()
}

// State is what a gate looks like from outside.
type State struct {
	Paused      bool
	Reasons     []Reason
	PauseCount  int64
	LastPause   time.Time // zero when never
	LastResume  time.Time // zero when never
	Limits      Limits
	PausingOff  bool // the emergency switch: enabled is false
	Draining    bool
	Ending      bool          // the host stops every input that is joined
	PausedTotal time.Duration // of finished pauses
	// Held tells which labels an operator holds, and since when.
	Held map[string]time.Time
}

// Gate is the switch of one stream. The zero value is not usable: see New and
// Of. All methods are safe for concurrent use.
type Gate struct {
	paused atomic.Bool

	mu          sync.Mutex
	claims      int         // of buffers that are going to attach, or have
	controller  *Controller // the buffer's hold on the gate; nil without one
	members     []*Member   // in the order they joined
	seats       map[string]*seat
	allHeld     time.Time     // since when an operator holds all inputs; zero when not
	vacated     chan struct{} // closed when the last member leaves; nil while nobody waits
	reasons     []Reason
	pauseCount  int64
	lastPause   time.Time
	lastResume  time.Time
	pausedTotal time.Duration
	ending      bool // the host stops every member
	draining    bool
	unsettled   int64           // what its last stream left behind; see Registry.Unsettled
	over        context.Context //nolint:containedctx // ends with the newest controller; nil where none was made
	turns       turns

	registry *Registry // nil for a gate that nobody can look up
	key      gateKey
	whenGone func()
}

// New returns an open gate that nobody controls.
func New() *Gate { return &Gate{seats: map[string]*seat{}} }

// Paused reports whether inputs must not fetch. It costs one atomic load.
func (g *Gate) Paused() bool { return g.paused.Load() }

// Claim announces that a buffer is going to attach. Buffers claim when they are
// built, and attach when they start: an input that starts first must not
// conclude that nobody governs its gate, and, after a reload, must not be
// drained because the stream before it was.
func (g *Gate) Claim() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.claims++
	g.draining = false
	g.turns.setFree(false)
	g.use()
}

// Over returns a context that ends when the newest buffer of the gate has ended:
// nothing of it is left, and nothing will come of it any more. Where no buffer was built
// it does not end. The host builds an output after the buffer of its stream, and does not
// tell it of the end before it has connected.
func (g *Gate) Over() context.Context {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over == nil {
		return context.Background()
	}
	return g.over
}

// WhenGone sets what is called when the gate is forgotten, under its lock.
func (g *Gate) WhenGone(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.whenGone = f
}

// use says that the gate is used; it may have been forgotten since it was looked up.
func (g *Gate) use() {
	if g.registry != nil {
		g.registry.remember(g)
	}
}

// Governed reports whether a backpressure buffer controls the gate, or is about
// to. Without one, a gate never closes by itself.
func (g *Gate) Governed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.claims > 0 || g.controller != nil
}

// AskedSince reports whether the buffer has waited for a batch since then: whatever was
// there for it then could have been taken. Without a buffer nobody knows.
func (g *Gate) AskedSince(t time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.controller != nil && g.controller.asked(t)
}

// State returns a consistent picture of the gate.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := State{
		Paused:      g.paused.Load(),
		Reasons:     slices.Clone(g.reasons),
		PauseCount:  g.pauseCount,
		LastPause:   g.lastPause,
		LastResume:  g.lastResume,
		PausedTotal: g.pausedTotal,
		Draining:    g.draining,
		Ending:      g.ending,
		Held:        g.heldLabels(),
	}
	if g.controller != nil {
		now := g.controller.settings.Load()
		s.Limits, s.PausingOff = now.limits, !now.pausing
	}
	return s
}

// Hold closes the gate for a reason until Release is called with the same
// reason. Holding twice is holding once. A draining gate stays open.
func (g *Gate) Hold(r Reason) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold(r)
}

// Release gives a reason up; the gate opens when it was the last one.
func (g *Gate) Release(r Reason) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release(r)
}

func (g *Gate) hold(r Reason) {
	if g.draining || slices.Contains(g.reasons, r) {
		return
	}
	g.reasons = append(g.reasons, r)
	if len(g.reasons) > 1 {
		return
	}
	g.pauseCount++
	g.lastPause = time.Now()
	g.paused.Store(true)
	if g.controller != nil {
		g.controller.watcher.Paused()
	}
	g.tellInputs()
}

func (g *Gate) release(r Reason) {
	i := slices.Index(g.reasons, r)
	if i < 0 {
		return
	}
	g.reasons = slices.Delete(g.reasons, i, i+1)
	if len(g.reasons) > 0 {
		return
	}
	g.open(func(held time.Duration) {
		if g.controller != nil {
			g.controller.watcher.Resumed(held)
		}
	})
}

// open lets the inputs fetch again, after announce has told the watcher why.
func (g *Gate) open(announce func(held time.Duration)) {
	g.lastResume = time.Now()
	held := g.lastResume.Sub(g.lastPause)
	g.pausedTotal += held
	g.paused.Store(false)
	announce(held)
	g.tellInputs()
}

// Drain announces the end of the stream: the inputs are resumed if they were
// paused, then told to hand over what they hold and to end. Further calls do
// nothing, until a new buffer attaches.
func (g *Gate) Drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drain()
}

func (g *Gate) drain() {
	if g.draining {
		return
	}
	g.draining = true
	closed := len(g.reasons) > 0
	g.reasons = nil
	if g.controller != nil {
		g.controller.watcher.Draining(g.anyPaused() || closed)
	}
	g.vacateSeats()
	if closed {
		g.open(func(time.Duration) {})
	}
	g.tellInputs() // those that only an operator held
	if g.controller != nil {
		g.controller.watcher.Flush()
	}
	g.turns.setFree(true)
	for _, m := range g.members {
		m.drain()
	}
}

// settle forgets what a stream left behind that has ended already.
func (g *Gate) settle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unsettled = 0
}

// unsettledRecords counts the records that were accepted and never settled: those that
// the last buffer left behind, or those a live one still holds.
func (g *Gate) unsettledRecords() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.controller == nil {
		return g.unsettled
	}
	return g.unsettled + g.controller.Level()
}
