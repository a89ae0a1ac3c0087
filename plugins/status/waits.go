package status

import (
	"slices"
	"sync"
	"time"
)

// waits are what waits for somebody else's answer at one moment. The zero value is
// nothing. It is safe for concurrent use.
type waits struct {
	mu   sync.Mutex
	list []*Wait // in the order they began
}

// Wait is rows that were handed to somebody, who has not said yet that they are there.
type Wait struct {
	of    *waits
	rows  int64
	since time.Time
	err   error
}

func (w *waits) begin(rows int) *Wait {
	one := &Wait{of: w, rows: int64(rows), since: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, one)
	return one
}

// Failed says why the rows were not taken; they go on waiting.
func (w *Wait) Failed(err error) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.err = err
}

// Done says that the rows do not wait any more, whatever became of them.
func (w *Wait) Done() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.of.list = slices.DeleteFunc(w.of.list, func(other *Wait) bool { return other == w })
}

// state tells how many rows wait, since when the oldest of them do, and why, as far
// as it is known.
func (w *waits) state() (rows int64, since time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, one := range w.list {
		rows += one.rows
		if i == 0 {
			since = one.since
		}
		if err == nil {
			err = one.err
		}
	}
	return rows, since, err
}

// AwaitLetters notes that so many rows wait for the dead-letter output, until Done is
// called.
func (o *Output) AwaitLetters(rows int) *Wait { return o.letters.begin(rows) }

// WaitingLetters tells how many rows wait for the dead-letter output, since when the
// oldest of them do, and why, as far as it is known.
func (o *Output) WaitingLetters() (rows int64, since time.Time, err error) { return o.letters.state() }

// AwaitRepair notes that so many rows are kept for somebody to act, though no insert of
// them has failed, until Done is called. Why is told by Failed.
func (o *Output) AwaitRepair(rows int) *Wait { return o.repairs.begin(rows) }

// Parked tells how many rows are kept for somebody to act, since when the oldest of
// them are, and why.
func (o *Output) Parked() (rows int64, since time.Time, err error) { return o.repairs.state() }

// AwaitInsert notes that the server is to answer an insert of so many rows, until Done
// is called.
func (t *Table) AwaitInsert(rows int) *Wait { return t.inserts.begin(rows) }

// InsertSince is since when the server has not answered the oldest insert that it has;
// zero when it has none.
func (t *Table) InsertSince() time.Time {
	_, since, _ := t.inserts.state()
	return since
}
