package clickhouse

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// lane is the way into one table: deliveries wait here in the order they came,
// and what fails waits here for its retry. Every lane has its own back-off and
// its own width, so that a table in trouble holds nothing up but itself.
//
// Deliveries that wait together leave together, as one insert: the slower the
// server, the larger the inserts. While something waits for a retry, nothing
// overtakes it, and one insert at a time probes whether the trouble is over.
//
// The width is how many inserts may run at a time. It follows the additive
// increase and multiplicative decrease of TCP (Chiu and Jain, 1989): halved
// when the server is overloaded, and widened by one with every widthful of
// successes.
//
// A lane is safe for concurrent use. Its workers end by themselves when there
// is nothing to do.
type lane struct {
	attempt func(context.Context, *chunk) error
	rules   laneRules
	slots   *semaphore.Weighted // inserts of all lanes together
	figures *status.Table
	changed func() // told when the retry queue has changed
	redact  func(error) error
	tell    func(report)    // told of every attempt's end
	base    context.Context //nolint:containedctx // ends with the output
	workers *sync.WaitGroup // of all lanes

	mu      sync.Mutex
	fresh   []*delivery // never tried, in the order they came
	retries []*chunk    // failed, in the order they came
	probing *chunk      // the retry at work, nil when there is none
	working int         // workers, waiting ones included
	chunks  uint64      // made so far
	width   float64
	kick    chan struct{} // wakes a worker that waits for a retry to be due
}

// laneRules say how a lane retries.
type laneRules struct {
	backoff    backoff
	maxRetries int // 0 means for ever
	width      int // inserts at a time, at most
	rows       int // rows of deliveries that leave together, at most
}

// report is how an attempt ended.
type report struct {
	chunk *chunk
	err   error // nil for a success
	class server.Class
	words string // the error for /health and the page: nothing of what a record holds
}

func newLane(rules laneRules) *lane {
	return &lane{rules: rules, width: float64(rules.width), kick: make(chan struct{}, 1)}
}

// add queues a delivery. When its context ends before it is stored, it is
// taken back.
func (l *lane) add(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh = append(l.fresh, d)
	d.stop = context.AfterFunc(d.ctx, func() { l.abandon(d) })
	l.hire()
	l.publish()
}

// limit is how many workers there may be now.
func (l *lane) limit() int {
	if len(l.retries) > 0 || l.probing != nil {
		return 1
	}
	return max(1, int(l.width))
}

// hire starts a worker if there is work and room for one.
func (l *lane) hire() {
	if len(l.fresh)+len(l.retries) == 0 || l.working >= l.limit() {
		return
	}
	l.working++
	l.workers.Go(l.work)
}

func (l *lane) work() {
	for {
		c := l.next()
		if c == nil {
			return
		}
		err := l.attempt(c.ctx, c)
		if err != nil {
			err = l.redact(err)
		}
		l.slots.Release(1)
		l.settle(c, err)
	}
}

// next returns the chunk to try, with a slot taken for it; nil ends the
// worker.
func (l *lane) next() *chunk {
	for {
		wait, needed := l.wait()
		if !needed {
			return nil
		}
		if wait > 0 {
			l.sleep(wait)
			continue
		}
		if err := l.slots.Acquire(l.base, 1); err != nil {
			continue // the output ends
		}
		if c := l.take(); c != nil {
			return c
		}
		l.slots.Release(1)
	}
}

// wait returns how long until there may be something to do. A worker that is
// not needed has left when it returns.
func (l *lane) wait() (d time.Duration, needed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fresh)+len(l.retries) == 0 || l.working > l.limit() || l.base.Err() != nil {
		l.working--
		return 0, false
	}
	if len(l.retries) > 0 {
		return time.Until(l.retries[0].due), true
	}
	return 0, true
}

func (l *lane) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.kick:
	case <-l.base.Done():
	}
}

// take returns the retry that is due, else everything that waits, as far as
// one insert can hold it.
func (l *lane) take() *chunk {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.publish()
	if len(l.retries) > 0 {
		return l.probe()
	}
	if l.working > l.limit() || len(l.fresh) == 0 {
		return nil
	}
	l.chunks++
	c := newChunk(l.base, l.chunks)
	c.tries = 1
	c.take(l.group(0))
	return c
}

// probe returns the first retry, if it is due and no other one is at work. What
// was refused before anything was written grows on its way.
func (l *lane) probe() *chunk {
	c := l.retries[0]
	if l.probing != nil || time.Until(c.due) > 0 {
		return nil
	}
	l.retries = slices.Delete(l.retries, 0, 1)
	l.probing = c
	c.tries++
	if c.mergeable && l.rules.maxRetries == 0 {
		c.take(l.group(len(c.records)))
	}
	return c
}

// group takes deliveries from the head of the queue, to leave together with
// the rows there are. The first one leaves whatever its size, and a sealed one
// leaves alone.
func (l *lane) group(rows int) []*delivery {
	n := 0
	for _, d := range l.fresh {
		alone := rows == 0
		rows += len(d.records)
		if !alone && (rows > l.rules.rows || d.sealed) {
			break
		}
		n++
		if d.sealed {
			break
		}
	}
	group := slices.Clone(l.fresh[:n])
	l.fresh = slices.Delete(l.fresh, 0, n)
	return group
}

// settle ends the deliveries of a chunk, or puts it back to be tried again.
func (l *lane) settle(c *chunk, err error) {
	r := report{chunk: c, err: err}
	if err != nil {
		r.class, r.words = server.Classify(err), wordOf(err)
	}
	l.mu.Lock()
	if l.probing == c {
		l.probing = nil
	}
	ends := true
	switch {
	case err == nil:
		l.width = min(float64(l.rules.width), l.width+1/l.width)
	case c.ctx.Err() != nil:
	case l.rules.maxRetries > 0 && c.tries > l.rules.maxRetries:
		err = givingUp(c.tries, err)
	default:
		ends = false
		l.putBack(c, r)
	}
	l.publish() // before the callers go on, who may look
	l.mu.Unlock()
	l.tell(r)
	if ends {
		c.finish(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hire()
}

// putBack queues a failed chunk in its place.
func (l *lane) putBack(c *chunk, r report) {
	l.figures.Retries.Add(1)
	if r.class.Overload() {
		l.width = max(1, l.width/2)
	}
	c.failed(r, l.rules.backoff)
	at, _ := slices.BinarySearchFunc(l.retries, c, func(a, b *chunk) int { return int(a.number) - int(b.number) })
	l.retries = slices.Insert(l.retries, at, c)
}

// abandon takes a delivery back whose caller does not wait any more. What it
// shares a chunk with goes with it: a chunk cannot change once it was tried.
func (l *lane) abandon(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.publish()
	if d.chunk == nil {
		i := slices.Index(l.fresh, d)
		l.fresh = slices.Delete(l.fresh, i, i+1)
		d.fail(context.Cause(d.ctx))
		return
	}
	d.chunk.cancel()
	if i := slices.Index(l.retries, d.chunk); i >= 0 {
		l.retries = slices.Delete(l.retries, i, i+1)
		d.chunk.finish(context.Cause(d.ctx))
		select { // the head may be another one now
		case l.kick <- struct{}{}:
		default:
		}
	}
}
