package status

import (
	"sync"
	"time"
)

// yieldMoment is how long after it went on an input still counts as yielding: it does
// so for each batch again.
const yieldMoment = time.Second

// yields is how long an input has waited for room, while it was not paused. The zero
// value is ready for use; it is safe for concurrent use.
type yields struct {
	mu      sync.Mutex
	waiting bool
	paused  bool
	since   time.Time // when the present stretch began; zero when there is none
	last    time.Time // when the last one ended
	total   time.Duration
}

// set notes a change, and begins or ends a stretch.
func (y *yields) set(change func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	change()
	switch yields := y.waiting && !y.paused; {
	case yields && y.since.IsZero():
		y.since = time.Now()
	case !yields && !y.since.IsZero():
		y.last = time.Now()
		y.total += y.last.Sub(y.since)
		y.since = time.Time{}
	}
}

func (y *yields) suspend(paused func() bool) { y.set(func() { y.paused = paused() }) }

// Yield says that the input waits for room below the yield threshold, until the
// function that it returns is called.
func (in *Input) Yield() (end func()) {
	in.yields.set(func() { in.yields.waiting = true })
	return func() { in.yields.set(func() { in.yields.waiting = false }) }
}

// Yielding reports whether the input waits for room, or did a moment ago; a paused
// input is paused.
func (in *Input) Yielding() bool {
	y := &in.yields
	y.mu.Lock()
	defer y.mu.Unlock()
	return !y.paused && (!y.since.IsZero() || (!y.last.IsZero() && time.Since(y.last) < yieldMoment))
}

// Yielded is for how long the input has waited for room in all.
func (in *Input) Yielded() time.Duration {
	y := &in.yields
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.since.IsZero() {
		return y.total
	}
	return y.total + time.Since(y.since)
}

// publishYields publishes the time that an input has yielded, of a stretch that lasts
// too.
func (in *Input) publishYields(m *inputMetrics) {
	in.gauge(m.yielding, Flag(in.Yielding()))
	total := in.Yielded()
	m.yielded.IncrFloat64((total - in.export.doneYielded).Seconds(), in.Label, string(in.Kind))
	in.export.doneYielded = total
}
