package clickhouse

import (
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// repeatEvery is how often a lasting trouble is logged again.
const repeatEvery = 30 * time.Second

// trouble logs that the inserts into one table fail, and that they work again:
// once per change, and now and then in between. It is safe for concurrent use.
type trouble struct {
	table string
	log   *service.Logger
	sets  status.Repeats // of the warning about inserts for defaults

	mu       sync.Mutex
	since    time.Time // zero when all is well
	lastLog  time.Time
	failures int
	class    server.Class
}

// failed notes a failed attempt.
func (t *trouble) failed(f *failure, attempt int) {
	if !t.worthTelling(f.class, time.Now()) {
		return
	}
	fields := t.log.With("table", t.table, "class", f.class.Label(), "attempt", attempt, "failures", t.count())
	var fault *lane.PanicError
	if errors.As(f, &fault) {
		fields = fields.With("stack", string(fault.Stack))
	}
	log := fields.Warnf
	if f.class.NeedsSomebody() {
		log = fields.Errorf
	}
	log("Inserting into table %q fails (%s), keeping the rows in the retry queue, attempt %d: %s", t.table, f.class, attempt, f)
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
