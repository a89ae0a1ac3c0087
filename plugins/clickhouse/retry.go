package clickhouse

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// retryQueue is where batches wait for their next attempt, each for its own
// time, without holding an insert slot. It is safe for concurrent use.
type retryQueue struct {
	initial, max time.Duration
	waiting      *atomic.Int64
	gauge        *service.MetricGauge
}

// slowSteps is how many doublings ahead an overloaded server is left alone.
const slowSteps = 3

// wait blocks until the attempt after failure number n (from 1) is due, or
// until ctx ends, whose error it then returns.
func (q *retryQueue) wait(ctx context.Context, n int, c class) error {
	q.gauge.Set(q.waiting.Add(1))
	defer func() { q.gauge.Set(q.waiting.Add(-1)) }()
	if c == retrySlow {
		n += slowSteps
	}
	timer := time.NewTimer(jitter(q.ceiling(n)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ceiling is the longest wait after failure number n: the initial interval,
// doubled each time up to the maximum.
func (q *retryQueue) ceiling(n int) time.Duration {
	d := q.initial
	for ; n > 1 && d < q.max; n-- {
		d *= 2
	}
	return min(d, q.max)
}

// jitter picks a time between zero and d, so that batches that failed together
// do not come back together.
func jitter(d time.Duration) time.Duration {
	return rand.N(d) + 1 //nolint:gosec // not a secret
}

// repeatEvery is how often a lasting trouble is logged again.
const repeatEvery = 30 * time.Second

// trouble says when to log that the inserts into one table fail, and that they
// work again: once per change, and now and then in between.
type trouble struct {
	since    time.Time // zero when all is well
	lastLog  time.Time
	failures int
}

// failed notes a failure and reports whether to log it.
func (t *trouble) failed(now time.Time) bool {
	if t.since.IsZero() {
		t.since = now
	}
	t.failures++
	if now.Sub(t.lastLog) < repeatEvery && t.failures > 1 {
		return false
	}
	t.lastLog = now
	return true
}

// over notes a success. It reports how many attempts had failed and for how
// long, zero if none.
func (t *trouble) over(now time.Time) (failures int, lasted time.Duration) {
	if t.since.IsZero() {
		return 0, 0
	}
	failures, lasted = t.failures, now.Sub(t.since)
	*t = trouble{}
	return failures, lasted
}
