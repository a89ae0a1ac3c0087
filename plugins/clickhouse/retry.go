package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// backoff is exponential with full jitter: the wait is a random time up to a
// ceiling, so that what failed together does not come back together.
type backoff struct {
	initial, max time.Duration
}

// slowSteps is how many doublings ahead an overloaded server is left alone.
const slowSteps = 3

// wait returns how long to wait after failure number n, from 1.
func (b backoff) wait(n int) time.Duration {
	return rand.N(b.ceiling(n)) + 1 //nolint:gosec // not a secret
}

// ceiling is the longest wait after failure number n: the initial interval,
// doubled each time up to the maximum.
func (b backoff) ceiling(n int) time.Duration {
	d := b.initial
	for ; n > 1 && d < b.max; n-- {
		d *= 2
	}
	return min(d, b.max)
}

func givingUp(tries int, err error) error {
	return fmt.Errorf("giving up after %d attempts: %w", tries, err)
}

// repeatEvery is how often a lasting trouble is logged again.
const repeatEvery = 30 * time.Second

// trouble logs that the inserts into one table fail, and that they work again:
// once per change, and now and then in between. It is safe for concurrent use.
type trouble struct {
	table string
	log   *service.Logger

	mu       sync.Mutex
	since    time.Time // zero when all is well
	lastLog  time.Time
	failures int
	class    server.Class
}

// failed notes a failed attempt.
func (t *trouble) failed(r report) {
	if !t.worthTelling(r.class, time.Now()) {
		return
	}
	fields := t.log.With("table", t.table, "class", r.class.Label(), "attempt", r.chunk.tries, "failures", t.count())
	log := fields.Warnf
	if r.class.NeedsSomebody() {
		log = fields.Errorf
	}
	log("Inserting into table %q fails (%s), keeping the rows in the retry queue, attempt %d: %s", t.table, r.class, r.chunk.tries, r.err)
}

// count is how many attempts have failed since the trouble began.
func (t *trouble) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failures
}

// worthTelling reports whether a failure is the first one, of another kind than
// the one before, or the first one after a while.
func (t *trouble) worthTelling(c server.Class, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = now
	}
	t.failures++
	worse := c.NeedsSomebody() && !t.class.NeedsSomebody()
	t.class = c
	if t.failures > 1 && !worse && now.Sub(t.lastLog) < repeatEvery {
		return false
	}
	t.lastLog = now
	return true
}

// over notes a success.
func (t *trouble) over() {
	t.mu.Lock()
	failures, since := t.failures, t.since
	t.failures, t.since, t.lastLog, t.class = 0, time.Time{}, time.Time{}, 0
	t.mu.Unlock()
	if failures > 0 {
		t.log.With("table", t.table, "failures", failures, "duration", time.Since(since).Round(time.Millisecond).String()).
			Infof("Inserting into table %q works again, after %d failed attempts in %s", t.table, failures, time.Since(since).Round(time.Millisecond))
	}
}
