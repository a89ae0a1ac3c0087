package status

import (
	"sync"
	"time"
)

// Repeats limits what is logged about something that goes on: the first time at
// once, then at most once an interval. The zero value is ready and safe for
// concurrent use.
type Repeats struct {
	mu      sync.Mutex
	last    time.Time // when it was told
	skipped int
}

// Tell reports whether to log now, and how often it has been kept quiet since it
// was told last.
func (r *Repeats) Tell(interval time.Duration) (skipped int, tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if !r.last.IsZero() && now.Sub(r.last) < interval {
		r.skipped++
		return 0, false
	}
	skipped, r.skipped, r.last = r.skipped, 0, now
	return skipped, true
}
