package backpressure

import (
	"context"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// ReadBatch returns the next batch for the output: a full or a sealed one at
// once, a smaller one when its oldest message has waited for the batch period, or
// when nothing more can be expected.
func (b *buffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	b.run()
	for {
		f, wait, err := b.next(time.Now())
		if err != nil {
			return nil, nil, err
		}
		if f != nil {
			return b.handOut(f), b.settler(f), nil
		}
		if err := b.await(ctx, wait); err != nil {
			return nil, nil, err
		}
	}
}

// await waits until the reader is signalled or the wait is over; a wait below
// zero is for ever.
func (b *buffer) await(ctx context.Context, wait time.Duration) error {
	var over <-chan time.Time
	if wait >= 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-b.ready:
	case <-over:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// next returns a flight that may leave now, or how long until one may by the
// clock alone.
func (b *buffer) next(now time.Time) (*flight, time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || (b.ended && b.level.Records == 0) {
		return nil, 0, service.ErrEndOfBuffer
	}
	wait := time.Duration(-1)
	if i := b.nextRetry(); i >= 0 {
		f := b.retries[i]
		if wait = f.due.Sub(now); wait <= 0 {
			b.retries = slices.Delete(b.retries, i, i+1)
			return b.launch(f), 0, nil
		}
	}
	ripe, rest := b.ripe(now)
	switch {
	case b.sealed.held.Records > 0 && (ripe == nil || !ripe.oldest().Before(b.sealed.oldest())):
		return b.launch(b.sealed.takeSegment()), 0, nil
	case ripe != nil:
		return b.launch(ripe.take(b.conf.count, b.now().byteSize)), 0, nil
	case rest >= 0 && (wait < 0 || rest < wait):
		wait = rest
	}
	return nil, wait, nil
}

// ripe returns the queue that a batch may leave of: of several the one whose
// first message has waited longest. If there is none, rest is how long until there
// is by the clock, below zero when nothing waits.
func (b *buffer) ripe(now time.Time) (first *queue, rest time.Duration) {
	rest = -1
	ending, largest := b.ended || b.draining.Load() || b.ending.Load(), b.crowded()
	for _, q := range b.queues {
		if q.held.Records == 0 {
			continue
		}
		wait := b.conf.period - now.Sub(q.oldest())
		switch {
		case ending, q == largest, wait <= 0, b.full(q.held):
			if first == nil || q.oldest().Before(first.oldest()) {
				first = q
			}
		case rest < 0 || wait < rest:
			rest = wait
		}
	}
	return first, rest
}

// full reports whether so much is a whole batch.
func (b *buffer) full(held gate.Level) bool {
	return held.Records >= b.conf.count || held.Bytes >= b.now().byteSize
}

// crowded returns the largest queue when it must not wait until it is full: so
// much waits in all of them together that the gate might close over batches that
// are not full, or it is closed, or an input waits for its turn, and only what waits
// here could make room.
func (b *buffer) crowded() (largest *queue) {
	var all gate.Level
	for _, q := range b.queues {
		all = plus(all, q.held)
		if largest == nil || q.held.Records > largest.held.Records {
			largest = q
		}
	}
	l := b.now().limits
	if all.Records >= crowd(l.Pause) || (l.Bytes.Max != 0 && all.Bytes >= crowd(l.Bytes.Pause)) ||
		(b.flying == 0 && (b.gate.Paused() || b.gate.Yielding())) {
		return largest
	}
	return nil
}

// crowd is three quarters of a pause threshold.
func crowd[T int | int64](pause T) T { return pause - pause/4 }

// nextRetry is the index of the rejected flight that is due first, -1 if there
// is none.
func (b *buffer) nextRetry() int {
	first := -1
	for i, f := range b.retries {
		if first < 0 || f.due.Before(b.retries[first].due) {
			first = i
		}
	}
	return first
}

func (b *buffer) launch(f *flight) *flight {
	b.flying++
	return f
}

// handOut returns shallow copies of the messages (of the originals the first one
// carries the flight's name), unless nothing will change
// them: processors may change what they are given, and a retry must start from the
// original.
func (b *buffer) handOut(f *flight) service.MessageBatch {
	if b.passesOriginals() {
		return f.msgs
	}
	out := make(service.MessageBatch, len(f.msgs))
	for i, m := range f.msgs {
		out[i] = m.Copy()
	}
	return out
}
