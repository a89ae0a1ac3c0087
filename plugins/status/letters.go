package status

import (
	"sync"
	"time"
)

// letters are the rows that wait for the dead-letter output of an output. The zero
// value has none. It is safe for concurrent use.
type letters struct {
	mu    sync.Mutex
	waits []*LetterWait // in the order they began
}

// LetterWait is rows that were handed to a dead-letter output, which does not have
// them yet.
type LetterWait struct {
	of    *letters
	rows  int64
	since time.Time
	err   error
}

// AwaitLetters notes that so many rows wait for the dead-letter output, until Done
// is called.
func (o *Output) AwaitLetters(rows int) *LetterWait {
	w := &LetterWait{of: &o.letters, rows: int64(rows), since: time.Now()}
	o.letters.mu.Lock()
	defer o.letters.mu.Unlock()
	o.letters.waits = append(o.letters.waits, w)
	return w
}

// Failed says why the dead-letter output did not take the rows; they go on waiting.
func (w *LetterWait) Failed(err error) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.err = err
}

// Done says that the rows do not wait any more, whatever became of them.
func (w *LetterWait) Done() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	kept := w.of.waits[:0]
	for _, other := range w.of.waits {
		if other != w {
			kept = append(kept, other)
		}
	}
	clear(w.of.waits[len(kept):])
	w.of.waits = kept
}

// WaitingLetters tells how many rows wait for the dead-letter output, since when
// the oldest of them do, and why, as far as it is known.
func (o *Output) WaitingLetters() (rows int64, since time.Time, err error) {
	o.letters.mu.Lock()
	defer o.letters.mu.Unlock()
	for i, w := range o.letters.waits {
		rows += w.rows
		if i == 0 {
			since = w.since
		}
		if err == nil {
			err = w.err
		}
	}
	return rows, since, err
}
