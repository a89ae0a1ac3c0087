package lane

import (
	"math/rand/v2"
	"time"
)

// Backoff is exponential with full jitter: the wait is a random time up to a
// ceiling, so that what failed together does not come back together.
type Backoff struct {
	Initial, Max time.Duration
}

// slowSteps is how many doublings ahead an overloaded server is left alone.
const slowSteps = 3

// Wait returns how long to wait after failure number n, from 1.
func (b Backoff) Wait(n int) time.Duration {
	return rand.N(b.ceiling(n)) + 1 //nolint:gosec // not a secret
}

// ceiling is the longest wait after failure number n: the initial interval,
// doubled each time up to the maximum.
func (b Backoff) ceiling(n int) time.Duration {
	d := b.Initial
	for ; n > 1 && d < b.Max; n-- {
		d *= 2
	}
	return min(d, b.Max)
}
