package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// How long a partition rests whose fetches fail: doubling, from one to the other.
const (
	restInitial = 100 * time.Millisecond
	restMax     = 10 * time.Second
)

// rests keeps the client from fetching partitions whose fetches fail: it would try
// again at once, thousands of times a second. Each of them rests for a while, and
// is then tried from outside, by a fetch of its own: a partition that nothing comes
// to is known to be well again, too, and none is fetched in vain.
type rests struct {
	assignment *assignment
	link       *link
	try        func(context.Context, []topicPartition) map[topicPartition]error // nil where it can be fetched

	added chan struct{} // has room for one

	mu sync.Mutex
	by map[topicPartition]*rest
}

// rest is that of one partition.
type rest struct {
	err   error // of the fetch
	wait  time.Duration
	until time.Time // zero when it is fetched again
	woken time.Time
}

func newRests(a *assignment, l *link, try func(context.Context, []topicPartition) map[topicPartition]error) *rests {
	return &rests{assignment: a, link: l, try: try, added: make(chan struct{}, 1), by: map[topicPartition]*rest{}}
}

// add lets a partition rest; -1 stands for all of a topic. One that fails again
// soon rests longer.
func (r *rests) add(tp topicPartition, err error) {
	r.link.stick(tp, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.by[tp]
	now := time.Now()
	switch {
	case one == nil || (one.until.IsZero() && now.Sub(one.woken) > restMax):
		one = &rest{wait: restInitial}
		r.by[tp] = one
	case one.until.IsZero():
		one.wait = min(2*one.wait, restMax)
	default: // it rests already
		one.err = err
		return
	}
	one.err, one.until = err, now.Add(one.wait)
	r.assignment.idle(tp, idleFetch)
	signal(r.added)
}

// deliver says that records of these partitions came.
func (r *rests) deliver(chunks []chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; len(r.by) > 0 && i < len(chunks); i++ {
		if one := r.by[chunks[i].part.topicPartition]; one != nil && one.until.IsZero() {
			delete(r.by, chunks[i].part.topicPartition)
		}
	}
}

// giveUp says that others care for these partitions now.
func (r *rests) giveUp(gone map[string][]int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	each(gone, func(tp topicPartition) { delete(r.by, tp) })
}

// run tries partitions when they have rested, until ctx ends.
func (r *rests) run(ctx context.Context) {
	for ctx.Err() == nil {
		due, next := r.due(time.Now())
		if len(due) > 0 {
			r.attend(due, r.try(ctx, due))
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-r.added:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// due are those that have rested, and how long it is until the next has.
func (r *rests) due(now time.Time) (due []topicPartition, next time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = restMax
	for tp, one := range r.by {
		switch rest := one.until.Sub(now); {
		case one.until.IsZero():
		case rest <= 0:
			due = append(due, tp)
		default:
			next = min(next, rest)
		}
	}
	return due, next
}

// attend acts on what came of trying partitions. Where an error was not one of the
// brokers', such as of a batch that cannot be read, only a record that comes tells
// that it is over.
func (r *rests) attend(due []topicPartition, tried map[topicPartition]error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, tp := range due {
		one := r.by[tp]
		if one == nil {
			continue // given up meanwhile
		}
		if err := tried[tp]; err != nil {
			one.wait = min(2*one.wait, restMax)
			one.until = now.Add(one.wait)
			r.link.stick(tp, err)
			continue
		}
		one.until, one.woken = time.Time{}, now
		if ofBroker(one.err) {
			r.link.clear(tp)
		}
		r.assignment.wake(tp, idleFetch)
	}
}

// ofBroker reports whether a broker answered with that error.
func ofBroker(err error) bool {
	var ke *kerr.Error
	return errors.As(err, &ke)
}
