package backpressure

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The oldest record is that of the oldest source which is not settled whole, in
// whatever order sources settle.
func TestAgeOfTheOldestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "batch: {count: 2, period: 1s}")
		assert.Zero(t, r.oldestAge())
		r.write(t, "ticks", 0, 4) // leaves in two batches
		time.Sleep(time.Minute)
		r.write(t, "ticks", 4, 2)
		time.Sleep(time.Minute)
		r.write(t, "ticks", 6, 2)
		assert.Equal(t, 2*time.Minute, r.oldestAge())

		_, first := r.read(t)
		_, rest := r.read(t)
		_, second := r.read(t)
		_, third := r.read(t)
		require.NoError(t, second(t.Context(), nil))
		require.NoError(t, first(t.Context(), nil))
		assert.Equal(t, 2*time.Minute, r.oldestAge(), "half of it is held")
		assert.EqualValues(t, 2*time.Minute, *r.board.Health().Metrics.Backpressure.Oldest, "what /health says")
		require.NoError(t, rest(t.Context(), nil))
		assert.Zero(t, r.oldestAge(), "the one in between was settled before: the newest has just come")
		time.Sleep(time.Second)
		assert.Equal(t, time.Second, r.oldestAge())
		require.NoError(t, third(t.Context(), nil))
		assert.Zero(t, r.oldestAge())
		assert.Nil(t, r.board.Health().Metrics.Backpressure.Oldest)
		assert.Nil(t, r.sources.oldest)
		assert.Nil(t, r.sources.newest)
		require.NoError(t, r.Close(t.Context()))
	})
}
