package marketdata

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sink is where records go. It is for one goroutine, but for Published.
type Sink interface {
	// Publish takes one record; record may be changed when it returns. It may
	// block, and it need not wait for delivery.
	Publish(ctx context.Context, key string, record []byte) error
	// Flush waits until all that was published has arrived.
	Flush(ctx context.Context) error
	// Published counts the records that have arrived, as far as the sink can
	// tell. It may be called from any goroutine.
	Published() int64
}

// Shape is how fast and how much a stream is published.
type Shape struct {
	Rate  float64 // records a second; 0 is as fast as the sink takes them
	Count int64   // records in all; 0 is until the context ends

	// A burst multiplies the rate by BurstFactor for BurstLength, at the
	// start of every BurstEvery. No burst when one of them is 0.
	BurstFactor float64
	BurstEvery  time.Duration
	BurstLength time.Duration
}

// due is how many records the shape wants after elapsed time.
func (s Shape) due(elapsed time.Duration) int64 {
	seconds := elapsed.Seconds()
	if s.BurstFactor > 0 && s.BurstEvery > 0 && s.BurstLength > 0 {
		length := min(s.BurstLength, s.BurstEvery)
		bursts := float64(elapsed / s.BurstEvery)
		inBurst := bursts*length.Seconds() + min(elapsed%s.BurstEvery, length).Seconds()
		seconds += (s.BurstFactor - 1) * inBurst
	}
	return int64(seconds * s.Rate)
}

const (
	// chunk is the most records between two looks at the clock and the context.
	chunk = 512
	// pace is the time between two looks when nothing is due.
	pace = time.Millisecond
	// flushTimeout bounds the delivery of the rest after the context has ended.
	flushTimeout = 3 * time.Minute
)

// Publish sends the generator's records to the sink in the given shape, until
// the count is reached or ctx ends, which is no error. It flushes and returns
// how many records of this sink have arrived.
func Publish(ctx context.Context, sink Sink, gen *Generator, shape Shape) (int64, error) {
	err := send(ctx, sink, gen, shape)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if flushErr := sink.Flush(flush); flushErr != nil {
		err = errors.Join(err, fmt.Errorf("flushing %s: %w", gen.Kind(), flushErr))
	}
	return sink.Published(), err
}

func send(ctx context.Context, sink Sink, gen *Generator, shape Shape) error {
	var buf []byte
	start, sent := time.Now(), int64(0)
	for shape.Count == 0 || sent < shape.Count {
		n, err := shape.next(ctx, start, sent)
		if err != nil {
			return err
		}
		if shape.Rate > 0 {
			gen.CatchUp(time.Now())
		}
		for range n {
			buf = gen.AppendNext(buf[:0])
			if err := sink.Publish(ctx, gen.Key(), buf); err != nil {
				return fmt.Errorf("publishing %s %d: %w", gen.Kind(), gen.Seq(), err)
			}
		}
		sent += n
	}
	return nil
}

// next is how many records may be sent now. It waits when that is none yet.
func (s Shape) next(ctx context.Context, start time.Time, sent int64) (int64, error) {
	n := int64(chunk)
	if s.Rate > 0 {
		n = min(n, s.due(time.Since(start))-sent)
	}
	if s.Count > 0 {
		n = min(n, s.Count-sent)
	}
	if n > 0 {
		return n, ctx.Err()
	}
	timer := time.NewTimer(pace)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-timer.C:
		return 0, nil
	}
}
