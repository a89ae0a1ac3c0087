package status

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Why inputs pause.
const (
	ReasonLevel    = "level"    // too many records held
	ReasonBytes    = "bytes"    // too many bytes held
	ReasonOperator = "operator" // a person said so
)

// Pause is one pause of inputs of a stream.
type Pause struct {
	// Stream is the id of the stream, "" outside streams mode.
	Stream string
	// Reason is ReasonLevel, ReasonBytes or ReasonOperator.
	Reason string
	// Input is the label of the one input that an operator paused; "" when all
	// inputs of the stream were.
	Input string
	Start time.Time
	End   time.Time // zero while it lasts
	// PeakLevel is the highest level during it, in records; PeakBytes in bytes.
	PeakLevel, PeakBytes int64
	// Dropped counts what inputs discarded or conflated away because of it, by
	// label. A record counts for one pause only: of several at once the first.
	Dropped map[string]int64
}

// Length is how long the pause took, until now if it lasts.
func (p Pause) Length(now time.Time) time.Duration {
	if p.running() {
		return now.Sub(p.Start)
	}
	return p.End.Sub(p.Start)
}

func (p Pause) running() bool { return p.End.IsZero() }

func (p Pause) covers(label string) bool { return p.Input == "" || p.Input == label }

// What is kept of the past.
const (
	pausesKept    = 1000
	pausesKeptFor = 24 * time.Hour
	// lateDrops is how long after a pause drops may show up that it made: inputs
	// publish their figures once in a while.
	lateDrops = 2 * time.Second
)

// PauseTotal sums up pauses of one reason.
type PauseTotal struct {
	Count int64
	Time  time.Duration // of pauses that overlap, each by itself
}

// pauseBook is the history of a board's pauses. Its lock is a leaf.
type pauseBook struct {
	running atomic.Int32

	mu        sync.Mutex
	list      []*Pause // oldest first
	forgotten int64
	dropped   map[*Input]int64      // what has been attributed of each input
	settled   time.Time             // when it was
	resumed   time.Time             // when a pause ended last; zero when none did
	totals    map[string]PauseTotal // since the process started, of the time of those that ended
	taken     map[string]PauseTotal
	day       Summary
	deadBase  int64 // dead letters before the day began
}

// BeginPause notes that inputs pause, at that level: one input by its label, or
// all with an empty one. A pause that lasts already is left as it is.
func (b *Board) BeginPause(reason, input string, level, bytes int64) {
	now, inputs, p := time.Now(), b.Inputs(), b.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(inputs, now)
	if slices.ContainsFunc(p.list, func(q *Pause) bool { return q.running() && q.Reason == reason && q.Input == input }) {
		return
	}
	p.list = append(p.list, &Pause{
		Stream: b.stream, Reason: reason, Input: input, Start: now,
		PeakLevel: level, PeakBytes: bytes, Dropped: map[string]int64{},
	})
	p.running.Add(1)
	p.day.Pauses++
	p.count(reason, 1, 0)
	p.forget(now)
}

// EndPauses notes the end of those running pauses that match, and returns them.
func (b *Board) EndPauses(match func(Pause) bool) (ended []Pause) {
	now, inputs, p := time.Now(), b.Inputs(), b.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(inputs, now)
	for _, q := range p.list {
		if q.running() && match(*q) {
			q.End, p.resumed = now, now
			p.running.Add(-1)
			p.count(q.Reason, 0, q.Length(now))
			ended = append(ended, q.copy())
		}
	}
	return ended
}

// ObserveLevel notes how high the level rises during pauses. It costs one atomic
// load while there is none.
func (b *Board) ObserveLevel(level, bytes int64) {
	p := b.pauses
	if p.running.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.list {
		if q.running() {
			q.PeakLevel, q.PeakBytes = max(q.PeakLevel, level), max(q.PeakBytes, bytes)
		}
	}
}

// SettlePauses attributes what inputs have dropped since the last call. It is to
// be called once a second or so.
func (b *Board) SettlePauses() {
	inputs := b.Inputs()
	b.pauses.mu.Lock()
	defer b.pauses.mu.Unlock()
	b.pauses.settle(inputs, time.Now())
}

// Pauses returns the pauses of the last 24 hours, the running ones included,
// oldest first, and how many that the process had were forgotten because they
// were too many to keep.
func (b *Board) Pauses() (pauses []Pause, forgotten int64) {
	now, inputs, p := time.Now(), b.Inputs(), b.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(inputs, now)
	p.forget(now)
	for _, q := range p.list {
		pauses = append(pauses, q.copy())
	}
	return pauses, p.forgotten
}

// lasting are the pauses that have not ended, oldest first, as they began: without what
// has been dropped.
func (p *pauseBook) lasting() (pauses []Pause) {
	if p.running.Load() == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.list {
		if q.running() {
			one := *q
			one.Dropped = nil // it goes on changing
			pauses = append(pauses, one)
		}
	}
	return pauses
}

// lastEnd is when a pause ended last, zero when none did.
func (p *pauseBook) lastEnd() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resumed
}

// TakePauseTotals sums up, by reason, what has come since it was called last; the
// time of pauses that last is in it.
func (b *Board) TakePauseTotals() map[string]PauseTotal {
	now, p := time.Now(), b.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := map[string]PauseTotal{}
	for _, reason := range []string{ReasonLevel, ReasonBytes, ReasonOperator} {
		t := p.totals[reason]
		for _, q := range p.list {
			if q.running() && q.Reason == reason {
				t.Time += q.Length(now)
			}
		}
		done := p.taken[reason]
		fresh[reason] = PauseTotal{Count: t.Count - done.Count, Time: t.Time - done.Time}
		p.taken[reason] = t
	}
	return fresh
}

func (p Pause) copy() Pause {
	p.Dropped = maps.Clone(p.Dropped)
	return p
}

func newPauseBook(now time.Time) *pauseBook {
	return &pauseBook{
		dropped: map[*Input]int64{}, settled: now, day: Summary{Since: now},
		totals: map[string]PauseTotal{}, taken: map[string]PauseTotal{},
	}
}

func (p *pauseBook) count(reason string, pauses int64, d time.Duration) {
	t := p.totals[reason]
	p.totals[reason] = PauseTotal{Count: t.Count + pauses, Time: t.Time + d}
}

// settle brings the accounts up to now: it precedes every change of the list.
func (p *pauseBook) settle(inputs []*Input, now time.Time) {
	for _, in := range inputs {
		n := in.Dropped.Load() + in.Conflated.Load()
		delta := n - p.dropped[in]
		if delta == 0 {
			continue
		}
		p.dropped[in] = n
		p.day.Dropped += delta
		if q := p.cause(in.Label); q != nil {
			q.Dropped[in.Label] += delta
		}
	}
	p.day.add(p.list, p.settled, now)
	p.settled = now
}

// cause is the pause that an input drops for: the first of those that last, or
// one that ended just before.
func (p *pauseBook) cause(label string) (last *Pause) {
	for _, q := range p.list {
		if !q.covers(label) {
			continue
		}
		if q.running() {
			return q
		}
		if q.End.Add(lateDrops).After(p.settled) && (last == nil || q.End.After(last.End)) {
			last = q
		}
	}
	return last
}

// forget drops what is too old, and then what is too much, from the oldest on;
// what lasts is kept.
func (p *pauseBook) forget(now time.Time) {
	p.list = slices.DeleteFunc(p.list, func(q *Pause) bool {
		return !q.running() && now.Sub(q.End) > pausesKeptFor
	})
	for len(p.list) > pausesKept {
		i := slices.IndexFunc(p.list, func(q *Pause) bool { return !q.running() })
		if i < 0 {
			return
		}
		p.list = slices.Delete(p.list, i, i+1)
		p.forgotten++
	}
}
