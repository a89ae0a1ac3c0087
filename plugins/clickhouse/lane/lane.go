package lane

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Lane is safe for concurrent use. Its workers end by themselves when there is
// nothing to do.
type Lane[J Job] struct {
	rules Rules
	yard  *Yard
	hooks Hooks[J]

	mu      sync.Mutex
	fresh   []*ticket[J] // never attempted, in the order they came
	retries []*entry[J]  // failed, in the order they came
	probing *entry[J]    // the retry at work, nil when there is none
	working int          // workers, waiting ones included
	formed  uint64       // loads so far
	width   float64
	waiting int           // jobs in the queue that was told of last
	kick    chan struct{} // wakes a worker that waits for a retry to be due
}

// Hooks are how a lane reaches its owner. None may call the lane.
type Hooks[J Job] struct {
	// New returns an empty load.
	New func() Load[J]
	// Queue is told what waits for a retry, whenever that changes: one call at a
	// time, and before the jobs of an attempt that ended are.
	Queue func(Queue)
	// Attempted is told of the end of every attempt, before the jobs are.
	Attempted func(Attempted)
}

// Yard is what the lanes of one output share. It is safe for concurrent use.
type Yard struct {
	base    context.Context //nolint:containedctx // ends with the output
	slots   *semaphore.Weighted
	workers sync.WaitGroup
}

// NewYard returns a yard with so many slots: loads of all lanes together that may
// be under way at a time. What waits for a retry holds none. When ctx ends, every
// job that is not done is handed back.
func NewYard(ctx context.Context, slots int) *Yard {
	return &Yard{base: ctx, slots: semaphore.NewWeighted(int64(slots))}
}

// Wait returns when every worker has left, which they do soon after the yard's
// context has ended.
func (y *Yard) Wait() { y.workers.Wait() }

// New returns a lane without jobs.
func New[J Job](yard *Yard, rules Rules, hooks Hooks[J]) *Lane[J] {
	return &Lane[J]{rules: rules, yard: yard, hooks: hooks, width: float64(rules.Width), kick: make(chan struct{}, 1)}
}

// Add queues a job. When its context ends before it is done, it is taken back.
func (l *Lane[J]) Add(job J) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &ticket[J]{job: job}
	l.fresh = append(l.fresh, t)
	t.stop = context.AfterFunc(job.Context(), func() { l.abandon(t) })
	l.hire()
	l.publish()
}

// limit is how many workers there may be now.
func (l *Lane[J]) limit() int {
	if len(l.retries) > 0 || l.probing != nil {
		return 1
	}
	return max(1, int(l.width))
}

// hire starts a worker if there is work and room for one.
func (l *Lane[J]) hire() {
	if len(l.fresh)+len(l.retries) == 0 || l.working >= l.limit() {
		return
	}
	l.working++
	l.yard.workers.Go(l.work)
}

func (l *Lane[J]) work() {
	for {
		e := l.next()
		if e == nil {
			return
		}
		out := e.attempt()
		l.yard.slots.Release(1)
		l.settle(e, out)
	}
}

// next returns the entry to attempt, with a slot taken for it; nil ends the
// worker.
func (l *Lane[J]) next() *entry[J] {
	for {
		wait, needed := l.wait()
		if !needed {
			return nil
		}
		if wait > 0 {
			l.sleep(wait)
			continue
		}
		if err := l.yard.slots.Acquire(l.yard.base, 1); err != nil {
			continue // the output ends
		}
		if e := l.take(); e != nil {
			return e
		}
		l.yard.slots.Release(1)
	}
}

// wait returns how long until there may be something to do. A worker that is
// not needed has left when it returns.
func (l *Lane[J]) wait() (d time.Duration, needed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fresh)+len(l.retries) == 0 || l.working > l.limit() || l.yard.base.Err() != nil {
		l.working--
		return 0, false
	}
	if len(l.retries) > 0 {
		return time.Until(l.retries[0].due), true
	}
	return 0, true
}

func (l *Lane[J]) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.kick:
	case <-l.yard.base.Done():
	}
}

// take returns the retry that is due, else everything that waits, as far as
// one load can hold it.
func (l *Lane[J]) take() *entry[J] {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.publish()
	if len(l.retries) > 0 {
		return l.probe()
	}
	if l.working > l.limit() || len(l.fresh) == 0 {
		return nil
	}
	l.formed++
	e := l.newEntry(l.hooks.New())
	e.number, e.tries = l.formed, 1
	e.take(l.group(0, 0))
	return e
}

func (l *Lane[J]) newEntry(load Load[J]) *entry[J] {
	e := &entry[J]{load: load, since: time.Now()}
	e.ctx, e.cancel = context.WithCancel(l.yard.base)
	return e
}

// probe returns the first retry, if it is due and no other one is at work. What
// was refused before anything was stored grows on its way: by the retries behind
// it of which that is true as well, and by what waits behind them.
func (l *Lane[J]) probe() *entry[J] {
	e := l.retries[0]
	if l.probing != nil || time.Until(e.due) > 0 {
		return nil
	}
	l.retries = slices.Delete(l.retries, 0, 1)
	l.probing = e
	e.tries++
	if !e.joinable || l.rules.MaxRetries > 0 {
		return e
	}
	for len(l.retries) > 0 && l.retries[0].joinable && l.fits(e, l.retries[0]) {
		next := l.retries[0]
		l.retries = slices.Delete(l.retries, 0, 1)
		next.cancel()
		e.take(next.tickets)
	}
	if len(l.retries) == 0 { // else later ones would overtake those
		e.take(l.group(e.rows, e.bytes))
	}
	return e
}

func (l *Lane[J]) fits(e, more *entry[J]) bool {
	return e.rows+more.rows <= l.rules.Rows && e.bytes+more.bytes <= l.rules.Bytes
}

// group takes jobs from the head of the queue, to leave together with the rows
// and bytes that there are. The first one leaves whatever its size if there are
// none, and one that has to be alone leaves alone.
func (l *Lane[J]) group(rows, bytes int) []*ticket[J] {
	n := 0
	for _, t := range l.fresh {
		first := rows == 0 && n == 0
		moreRows, moreBytes := t.job.Size()
		rows, bytes = rows+moreRows, bytes+moreBytes
		if !first && (rows > l.rules.Rows || bytes > l.rules.Bytes || t.job.Alone() || l.rules.MaxRetries > 0) {
			break
		}
		n++
		if t.job.Alone() {
			break
		}
	}
	group := slices.Clone(l.fresh[:n])
	l.fresh = slices.Delete(l.fresh, 0, n)
	return group
}

// settle ends the jobs of an entry, or puts it back to be attempted again.
func (l *Lane[J]) settle(e *entry[J], out Outcome) {
	l.mu.Lock()
	if l.probing == e {
		l.probing = nil
	}
	err, ends := out.Err, true
	told := Attempted{Outcome: out, Number: e.tries, GivenUp: out.Err != nil && e.ctx.Err() != nil}
	switch {
	case err == nil:
		l.width = min(float64(l.rules.Width), l.width+1/l.width)
	case told.GivenUp:
	case l.rules.MaxRetries > 0 && e.tries > l.rules.MaxRetries:
		err = fmt.Errorf("giving up after %d attempts: %w", e.tries, err)
	default:
		ends, told.Again = false, true
		l.putBack(e, out)
	}
	l.publish() // before the callers go on, who may look
	l.mu.Unlock()
	l.hooks.Attempted(told)
	if ends {
		e.finish(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hire()
}

// putBack queues a failed entry, or what it was taken apart into, in its place.
func (l *Lane[J]) putBack(e *entry[J], out Outcome) {
	if out.Slow {
		l.width = max(1, l.width/2)
	}
	back := []*entry[J]{e}
	if out.TooLarge {
		if parts := e.load.Part(); len(parts) > 0 {
			back = l.partEntry(e, parts)
		}
	}
	for _, b := range back {
		b.failed(out, l.rules.Backoff)
	}
	at, _ := slices.BinarySearchFunc(l.retries, e, func(a, b *entry[J]) int {
		switch {
		case a.number < b.number:
			return -1
		case a.number > b.number:
			return 1
		}
		return 0
	})
	l.retries = slices.Insert(l.retries, at, back...)
}

// partEntry divides an entry by the loads that its load was taken apart into.
func (l *Lane[J]) partEntry(e *entry[J], parts []Load[J]) []*entry[J] {
	e.cancel()
	left := e.tickets
	entries := make([]*entry[J], len(parts))
	for i, load := range parts {
		p := l.newEntry(load)
		p.number, p.since, p.tries = e.number, e.since, e.tries
		n := len(load.Jobs())
		p.own(left[:n])
		left = left[n:]
		for _, job := range load.Jobs() {
			rows, bytes := job.Size()
			p.rows, p.bytes = p.rows+rows, p.bytes+bytes
		}
		entries[i] = p
	}
	return entries
}

// abandon takes a job back whose caller does not wait any more. What it shares a
// load with goes with it: a load cannot change once it was attempted.
func (l *Lane[J]) abandon(t *ticket[J]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.publish()
	err := context.Cause(t.job.Context())
	if t.entry == nil {
		i := slices.Index(l.fresh, t)
		l.fresh = slices.Delete(l.fresh, i, i+1)
		t.job.Fail(err)
		return
	}
	e := t.entry
	e.cancel()
	if i := slices.Index(l.retries, e); i >= 0 {
		l.retries = slices.Delete(l.retries, i, i+1)
		e.finish(err)
		select { // the head may be another one now
		case l.kick <- struct{}{}:
		default:
		}
	}
}

// publish tells what waits for a retry, is being attempted again, or waits behind
// those.
func (l *Lane[J]) publish() {
	waiting := l.retries
	if l.probing != nil {
		waiting = append([]*entry[J]{l.probing}, waiting...)
	}
	var q Queue
	if len(waiting) > 0 {
		head := waiting[0]
		q = Queue{Jobs: len(l.fresh), Since: head.since, Attempts: head.tries, Last: head.last}
		for _, e := range waiting {
			q.Jobs += len(e.tickets)
			q.Rows += e.rows
		}
		for _, t := range l.fresh {
			rows, _ := t.job.Size()
			q.Rows += rows
		}
	}
	if q.Jobs == 0 && l.waiting == 0 {
		return
	}
	l.waiting = q.Jobs
	l.hooks.Queue(q)
}
