package clickhouse

import (
	"sync"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
)

// wayIdle is how long a target is remembered that no rows go to: its schema, its
// window, the share of its bad rows, and the memory of its columns.
const wayIdle = 10 * time.Minute

// target is where a row goes.
type target struct {
	table string
	shard int
}

// way is how rows get to a target.
type way struct {
	lane *lane.Lane[*delivery]
	sink *sink

	users int       // calls that have rows on the way
	left  time.Time // when the last one left
}

// ways are the ways to all targets, made on first use and dropped when they were
// not used for a while: names of tables are made of data, and may be many. It is
// safe for concurrent use.
type ways struct {
	yard *lane.Yard
	make func(target) *sink

	mu    sync.Mutex
	known map[target]*way
	swept time.Time
}

func newWays(yard *lane.Yard, sinkTo func(target) *sink) *ways {
	return &ways{yard: yard, make: sinkTo, known: map[target]*way{}, swept: time.Now()}
}

// to returns the way to a target, to be left when the caller's rows are done.
func (w *ways) to(t target) *way {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweep(time.Now())
	found := w.known[t]
	if found == nil {
		s := w.make(t)
		found = &way{sink: s, lane: s.laneFor(w.yard)}
		w.known[t] = found
	}
	found.users++
	return found
}

// leave ends the use of a way.
func (w *ways) leave(used *way) {
	w.mu.Lock()
	defer w.mu.Unlock()
	used.users--
	used.left = time.Now()
}

// sweep drops what was not used for long, now and then.
func (w *ways) sweep(now time.Time) {
	if now.Sub(w.swept) < wayIdle/10 {
		return
	}
	w.swept = now
	for t, one := range w.known {
		if one.users == 0 && now.Sub(one.left) > wayIdle {
			delete(w.known, t)
		}
	}
}
