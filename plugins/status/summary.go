package status

import "time"

// Summary is what happened on a stream in a period of time.
type Summary struct {
	Since       time.Time
	Pauses      int64         // that began
	Paused      time.Duration // with any pause
	Longest     time.Duration // pause, as far as it fell into the period
	Dropped     int64         // discarded or conflated away by inputs
	DeadLetters int64
}

// Eventful reports whether there is anything to tell.
func (s Summary) Eventful() bool {
	return s.Pauses != 0 || s.Paused != 0 || s.Dropped != 0 || s.DeadLetters != 0
}

// add accounts for the pauses between two moments, at none of which but the first
// one began or ended.
func (s *Summary) add(pauses []*Pause, from, to time.Time) {
	paused := false
	for _, q := range pauses {
		if q.running() {
			paused = true
			s.Longest = max(s.Longest, min(q.Length(to), to.Sub(s.Since)))
		}
	}
	if paused {
		s.Paused += to.Sub(from)
	}
}

// TakeSummary returns the summary of the time since it was taken last, or since
// the board was made, and begins the next.
func (b *Board) TakeSummary() Summary {
	f, now, p := b.Figures(), time.Now(), b.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(f.Inputs, now)
	var dead int64
	for _, out := range f.Outputs {
		dead += out.DeadLetters()
	}
	s := p.day
	s.DeadLetters = dead - p.deadBase
	p.deadBase = dead
	p.day = Summary{Since: now}
	return s
}
