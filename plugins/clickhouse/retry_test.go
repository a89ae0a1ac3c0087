package clickhouse

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func testQueue() *retryQueue {
	return &retryQueue{initial: 100 * time.Millisecond, max: 30 * time.Second, waiting: &atomic.Int64{}}
}

func TestBackOffDoublesUpToItsMaximum(t *testing.T) {
	q := testQueue()
	for n, want := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 5: 1600 * time.Millisecond, 9: 25600 * time.Millisecond, 10: 30 * time.Second, 1000: 30 * time.Second,
	} {
		require.Equal(t, want, q.ceiling(n), "failure %d", n)
	}
}

func TestRetryQueueWaitsNoLongerThanItsCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := testQueue()
		for n := 1; n <= 12; n++ {
			start := time.Now()
			require.NoError(t, q.wait(t.Context(), n, retry))
			waited := time.Since(start)
			require.Positive(t, waited)
			require.LessOrEqual(t, waited, q.ceiling(n))
			start = time.Now()
			require.NoError(t, q.wait(t.Context(), n, retrySlow))
			require.LessOrEqual(t, time.Since(start), q.ceiling(n+slowSteps))
		}
	})
}

func TestRetryQueueCountsWhoWaitsAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := testQueue()
		q.initial = time.Hour
		q.max = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		for range 3 {
			go func() { errs <- q.wait(ctx, 1, retry) }()
		}
		synctest.Wait()
		require.EqualValues(t, 3, q.waiting.Load())
		cancel()
		for range 3 {
			require.ErrorIs(t, <-errs, context.Canceled)
		}
		require.Zero(t, q.waiting.Load())
	})
}

func TestTroubleIsLoggedOnItsEdgesAndNowAndThen(t *testing.T) {
	var tr trouble
	now := time.Now()
	logged := 0
	for i := range 1000 {
		if tr.failed(now.Add(time.Duration(i) * 100 * time.Millisecond)) {
			logged++
		}
	}
	require.Equal(t, 4, logged, "at 0, 30, 60 and 90 s")
	failures, lasted := tr.over(now.Add(100 * time.Second))
	require.Equal(t, 1000, failures)
	require.Equal(t, 100*time.Second, lasted)
	failures, _ = tr.over(now)
	require.Zero(t, failures)
	require.True(t, tr.failed(now.Add(101*time.Second)), "a new trouble is logged at once")
}
