package clickhouse

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A lasting error is told once, and then rarely; another one, and the end of it,
// at once.
func TestALastingErrorIsToldRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p patience
		failure := errors.New("no such table")
		attempts := 0
		mended := time.Now().Add(time.Hour)
		attempt := func(context.Context) error {
			attempts++
			if time.Now().After(mended) {
				return nil
			}
			return failure
		}
		require.Equal(t, failure, p.try(t.Context(), attempt))
		require.Equal(t, 1, attempts)
		begun := time.Now()
		for range 3 {
			require.Equal(t, failure, p.try(t.Context(), attempt))
		}
		require.GreaterOrEqual(t, time.Since(begun), 3*repeatEvery)
		require.Less(t, attempts, 30)
		failure = errors.New("another")
		require.Equal(t, failure, p.try(t.Context(), attempt))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.Equal(t, failure, p.try(ctx, attempt), "the caller has no time")
		begun = time.Now()
		mended = begun.Add(3 * time.Second)
		require.NoError(t, p.try(t.Context(), attempt))
		require.Less(t, time.Since(begun), 10*time.Second)
	})
}
