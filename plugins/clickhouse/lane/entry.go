package lane

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// entry is a load on its way. It belongs to whoever attempts it, else to its
// lane.
type entry[J Job] struct {
	ctx     context.Context //nolint:containedctx // ends when somebody gives the load up
	cancel  context.CancelFunc
	load    Load[J]
	tickets []*ticket[J]
	number  uint64 // in the order of arrival; the parts of one load share it
	since   time.Time
	rows    int
	bytes   int

	tries    int // the one at work included
	due      time.Time
	last     Outcome
	joinable bool // others may join it: nothing of it can have been stored
}

// ticket is a job's place in the lane.
type ticket[J Job] struct {
	job   J
	entry *entry[J] // what it has become part of; nil while it is fresh
	stop  func() bool
}

// take adds jobs to the entry and to its load.
func (e *entry[J]) take(tickets []*ticket[J]) {
	if len(tickets) == 0 {
		return
	}
	jobs := make([]J, len(tickets))
	for i, t := range tickets {
		jobs[i] = t.job
		rows, bytes := t.job.Size()
		e.rows += rows
		e.bytes += bytes
	}
	e.load.Take(jobs)
	e.own(tickets)
}

func (e *entry[J]) own(tickets []*ticket[J]) {
	e.tickets = append(e.tickets, tickets...)
	for _, t := range tickets {
		t.entry = e
	}
}

// alone reports whether nothing may join the entry, whatever becomes of it.
func (e *entry[J]) alone() bool { return len(e.tickets) > 0 && e.tickets[0].job.Alone() }

// attempt makes one attempt. A panic is the failure of this load, and of nothing
// else.
func (e *entry[J]) attempt() (out Outcome) {
	defer func() {
		if p := recover(); p != nil {
			out = Outcome{Err: &PanicError{Value: p, Stack: debug.Stack()}}
		}
	}()
	return e.load.Attempt(e.ctx)
}

// failed notes how an attempt ended that will be repeated.
func (e *entry[J]) failed(out Outcome, b Backoff) {
	n := e.tries
	if out.Slow {
		n += slowSteps
	}
	e.last = out
	e.due = time.Now().Add(b.Wait(n))
	if out.Patient {
		e.due = time.Now().Add(b.Max)
	}
	e.joinable = out.Untouched && !e.alone()
}

// finish ends the jobs.
func (e *entry[J]) finish(err error) {
	e.cancel()
	for _, t := range e.tickets {
		t.stop()
	}
	e.load.Finish(err, e.tries)
}

// PanicError is a panic in an attempt. The stack is for the log.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("a fault in data-bridge itself: %v", e.Value) }
