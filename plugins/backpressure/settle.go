package backpressure

import (
	"context"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// settler returns the acknowledgement of a flight. Only its first call counts.
func (b *buffer) settler(f *flight) service.AckFunc {
	var once sync.Once
	return func(ctx context.Context, err error) error {
		var ackErr error
		once.Do(func() {
			if err != nil {
				b.reject(f, err)
				return
			}
			ackErr = acknowledge(ctx, b.settle(f), nil)
		})
		return ackErr
	}
}

// settle frees the room of a flight and returns the sources that are complete.
func (b *buffer) settle(f *flight) []*source {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	if b.closed {
		return nil // Close has handed everything back already
	}
	var complete []*source
	for _, p := range f.parts {
		b.shift(p.src, minus(p.load))
		if p.src.complete() && !p.src.abandoned {
			complete = append(complete, p.src)
		}
	}
	b.observe()
	signal(b.freed)
	signal(b.ready)
	return complete
}

// reject puts a flight that the output refused as a whole back to the head,
// to be tried again after a while. Its messages stay in the level.
func (b *buffer) reject(f *flight, cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	if b.closed {
		return
	}
	wait := f.retry.next()
	if f.since.IsZero() {
		f.since = time.Now()
	}
	f.due = time.Now().Add(wait)
	b.retries = append(b.retries, f)
	b.metrics.rejected.Incr(1)
	b.logRejected(f, wait, cause)
	signal(b.ready)
}
