package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// latencyResult is how long records took from their publication until a query
// found them, in milliseconds.
type latencyResult struct {
	Stream  string  `json:"stream"`
	Rate    int     `json:"rate"`
	Records int     `json:"records"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Max     float64 `json:"max_ms"`
}

// timed notes when each record was published. One goroutine publishes and one
// other reads what is below the count.
type timed struct {
	marketdata.Sink
	at    []time.Time // of seq 1, 2, ...
	count atomic.Int64
}

func (t *timed) Publish(ctx context.Context, key string, record []byte) error {
	n := t.count.Load()
	t.at[n] = time.Now()
	t.count.Add(1)
	return t.Sink.Publish(ctx, key, record)
}

// visible turns what queries found into latencies.
type visible struct {
	seen int
	ms   []float64
}

// found takes note that at this time a stream's first n records can be queried.
func (v *visible) found(n int, at time.Time, published []time.Time) {
	for ; v.seen < n; v.seen++ {
		v.ms = append(v.ms, float64(at.Sub(published[v.seen]).Microseconds())/1000)
	}
}

func (v *visible) result(of string, rate int) latencyResult {
	sorted := slices.Sorted(slices.Values(v.ms))
	if len(sorted) == 0 {
		return latencyResult{Stream: of, Rate: rate}
	}
	return latencyResult{
		Stream: of, Rate: rate, Records: len(sorted),
		P50: quantile(sorted, 0.5), P99: quantile(sorted, 0.99), Max: sorted[len(sorted)-1],
	}
}

// latency measures the shipped pipeline at a steady rate.
func (s *servers) latency(ctx context.Context, set settings) (results []latencyResult, err error) {
	if err := s.reset(ctx, sourceShipped); err != nil {
		return nil, err
	}
	group := fmt.Sprintf("bench-latency-%d", time.Now().UnixNano())
	if err := s.kafka.CreateTopic(ctx, group, partitions); err != nil {
		return nil, err
	}
	ch, err := start(ctx, shipped(set.bin)(s, group, group))
	if err != nil {
		return nil, err
	}
	defer func() {
		_, stopErr := ch.stop()
		err = errors.Join(err, stopErr)
	}()
	sinks, closeAll, err := s.openStreams(ctx, group, ch)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	results = make([]latencyResult, len(streams))
	errs := make([]error, len(streams))
	var all sync.WaitGroup
	for i, of := range streams {
		all.Go(func() { results[i], errs[i] = s.latencyOf(ctx, of, sinks[i], set.plan.Latency, ch.done) })
	}
	all.Wait()
	for _, r := range results {
		progress("latency of %s at %d/s: p50 %.0f ms, p99 %.0f ms", r.Stream, r.Rate, r.P50, r.P99)
	}
	return results, errors.Join(errs...)
}

// latencyOf publishes one stream and watches its table until all is there.
func (s *servers) latencyOf(ctx context.Context, of stream, sink marketdata.Sink, length time.Duration, gone <-chan struct{}) (latencyResult, error) {
	gen, err := marketdata.New(1, of.kind, shippedStream)
	if err != nil {
		return latencyResult{}, err
	}
	rate := of.of(latencyRate)
	count := int(length.Seconds()) * rate
	clocked := &timed{Sink: sink, at: make([]time.Time, count)}
	published := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, length+time.Minute)
	defer cancel()
	go func() { // ends with its context, and is waited for
		_, err := marketdata.Publish(ctx, clocked, gen, marketdata.Shape{Rate: float64(rate), Count: int64(count)})
		published <- err
	}()
	var v visible
	err = s.watch(ctx, of.kind, count, gone, func(n int, at time.Time) {
		v.found(min(n, int(clocked.count.Load())), at, clocked.at) // the load makes what was noted before visible here
	})
	if err != nil {
		cancel()
	}
	return v.result(string(of.kind), rate), errors.Join(err, <-published)
}

// watch tells, until so many records can be queried, how many can: all up to a
// number that is the count as well.
func (s *servers) watch(ctx context.Context, kind marketdata.Kind, records int, gone <-chan struct{}, found func(n int, at time.Time)) error {
	sql := fmt.Sprintf("SELECT count() = max(seq) ? max(seq) : 0 FROM market.%s", kind)
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for {
		n, err := s.number(ctx, sql)
		if err != nil {
			return fmt.Errorf("watching %s: %w", kind, err)
		}
		if found(n, time.Now()); n >= records {
			return nil
		}
		select {
		case <-every.C:
		case <-gone:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("watching %s: %w at %d of %d", kind, ctx.Err(), n, records)
		}
	}
}
