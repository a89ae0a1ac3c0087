package clickhouse

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
)

// However many batches wait for an output that takes no dead letters, it is tried as often
// as one would try it, and all are there once it takes them.
func TestARefusingOutputIsTriedByOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const batches, outage, longest = 100, 10 * time.Minute, 10 * time.Second
		backoff := lane.Backoff{Initial: 100 * time.Millisecond, Max: longest}
		turns := newLetterTurns(backoff)
		var attempts, stored atomic.Int64
		begin := time.Now()
		write := func() error {
			attempts.Add(1)
			if time.Since(begin) < outage {
				return errors.New("no space left on device")
			}
			stored.Add(1)
			return nil
		}
		var all sync.WaitGroup
		for range batches {
			all.Go(func() {
				for n := 1; turns.try(t.Context(), write) != nil; n++ {
					time.Sleep(backoff.Wait(n))
				}
			})
		}
		time.Sleep(outage - time.Second)
		// Each once before it is known; then one in a while, half of the longest on average.
		assert.Less(t, attempts.Load(), int64(batches+3*outage/longest))
		all.Wait()
		assert.EqualValues(t, batches, stored.Load())
		assert.Less(t, time.Since(begin), outage+3*longest)
	})
}

// Letters that the output never takes keep no others from it.
func TestARefusedLetterKeepsNoOthersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backoff := lane.Backoff{Initial: 100 * time.Millisecond, Max: 10 * time.Second}
		turns := newLetterTurns(backoff)
		ctx, cancel := context.WithCancel(t.Context())
		var refused sync.WaitGroup
		refused.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				_ = turns.try(ctx, func() error { return errors.New("too large") })
				time.Sleep(backoff.Wait(n))
			}
		})
		time.Sleep(time.Hour)
		begin := time.Now()
		var others sync.WaitGroup
		for range 100 {
			others.Go(func() { assert.NoError(t, turns.try(ctx, func() error { return nil })) })
		}
		others.Wait()
		assert.LessOrEqual(t, time.Since(begin), 10*time.Second)
		cancel()
		refused.Wait()
	})
}
