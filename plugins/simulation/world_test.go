//go:build synctests

package simulation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// record is one record, by its source and its number there.
type record struct {
	source string
	n      int
}

// violation is what a world has found wrong.
type violation string

// world is a simulated Kafka, a simulated ClickHouse, and processes between the two, all
// in virtual time. What happens in it is a script's to say.
type world struct {
	script *script
	began  time.Time
	wires  *wires
	broker *kfake.Cluster
	feed   *kgo.Client
	table  *clickHouse

	processes map[string]*process // that run, by name
	all       []*process          // that there ever were
	lives     int
	leaving   sync.WaitGroup

	mu      sync.Mutex
	rng     *rand.Rand
	calls   map[string]int
	faults  []*fault // nil when they have ended
	next    map[string]int
	toxics  map[record]bool
	bad     map[record]bool // that belong with the dead letters
	stored  map[record]int
	letters map[record]int
	inOrder map[string]int // the highest number that is stored, by source
	taken   int            // rows, repeated ones included
	replays bool           // something has happened after which records may come again
	wrong   violation      // what was found first
	trace   []string
}

func (w *world) now() time.Duration { return time.Since(w.began) }

// fail notes what is wrong; the first is kept.
func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(format, args...)
}

func (w *world) failLocked(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = violation(fmt.Sprintf("at %s: ", w.now()) + fmt.Sprintf(format, args...))
	}
}

func (w *world) failed() violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong
}

// note writes down what has happened, for whoever looks at a failure.
func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(format, args...)
}

func (w *world) noteLocked(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%-14s ", w.now())+fmt.Sprintf(format, args...))
}

// meet counts a call at a point and returns the fault that it meets, nil if none.
func (w *world) meet(point string) *fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[point]++
	for _, f := range w.faults {
		if f.point == point && f.meets(w.calls[point], w.now()) {
			w.noteLocked("%s %d meets: %s", point, w.calls[point], f)
			// The member of the group may lose its partitions, or its commit.
			w.replays = w.replays || point == pointHeartbeat || point == pointCommit
			return f
		}
	}
	return nil
}

// latency is that of one write: different each time, so that nothing happens at the same
// moment unless it must.
func (w *world) latency() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(100_000+w.rng.IntN(900_000)) * time.Nanosecond
}

func (w *world) toxic(rows []record) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(rows, func(r record) bool { return w.toxics[r] })
}

// store takes the rows of an insert into the table, unless they are there already.
func (w *world) store(rows []record, repeated bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken += len(rows)
	if repeated {
		w.noteLocked("known already: %v", rows)
		return
	}
	w.noteLocked("stored: %v", rows)
	for _, r := range rows {
		w.stored[r]++
		switch {
		case r.n >= w.next[r.source]:
			w.failLocked("%v is stored and was never published", r)
		case w.bad[r]:
			w.failLocked("%v is stored and does not fit", r)
		case w.stored[r] > 1 && !w.mayRepeat():
			w.failLocked("%v is stored twice", r)
		}
		if highest, known := w.inOrder[r.source]; known && w.ordered() && w.stored[r] == 1 && r.n < highest {
			w.failLocked("%v is stored after number %d", r, highest)
		}
		w.inOrder[r.source] = max(w.inOrder[r.source], r.n)
	}
}

// ordered reports whether the rows of a source are promised to be stored in their order. A
// batch that is handed back to the buffer, and what a source delivers again, comes later.
func (w *world) ordered() bool {
	return w.script.settings.order && w.script.settings.retries == 0 && !w.replays
}

// mayRepeat reports whether a record may be stored again: the source delivers again what
// it was not told of, and only exactly_once makes good for that.
func (w *world) mayRepeat() bool { return w.replays && !w.script.settings.once }

// bury takes dead letters.
func (w *world) bury(rows []record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked("dead letters: %v", rows)
	for _, r := range rows {
		w.letters[r]++
		switch {
		case !w.bad[r]:
			w.failLocked("%v is a dead letter and fits", r)
		case w.letters[r] > 1 && !w.replays && w.script.settings.retries == 0: // else the batch comes again
			w.failLocked("%v is a dead letter twice", r)
		}
	}
}

// settled reports whether a record is where it belongs.
func (w *world) settled(r record) bool {
	if w.bad[r] {
		return w.letters[r] > 0
	}
	return w.stored[r] > 0
}

// committed checks an offset that a commit names: all below it is settled.
func (w *world) committed(source string, offset int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked("commit of %s: %d", source, offset)
	for n := range offset {
		if r := (record{source, n}); !w.settled(r) {
			w.failLocked("offset %d is committed, and %v is not settled", offset, r)
			return
		}
	}
}

// unsettled are records that are not settled.
func (w *world) unsettled() (list []record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, source := range slices.Sorted(maps.Keys(w.next)) {
		for n := range w.next[source] {
			if r := (record{source, n}); !w.settled(r) {
				list = append(list, r)
			}
		}
	}
	return list
}

// calm ends all faults.
func (w *world) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}
