package backpressure

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Each input has batches of its own: the largest when there is enough for a batch
// altogether, the others by the clock.
func TestBatchesAreOfOneInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 100\nbatch: {count: 10, period: 1s}")
		defer r.Close(context.Background())
		r.write(t, "ticks", 0, 4)
		time.Sleep(time.Millisecond)
		r.write(t, "candles", 100, 8)
		r.write(t, "ticks", 4, 3)
		r.write(t, "candles", 108, 4)
		msgs, _ := r.read(t)
		require.Equal(t, []string{"100", "101", "102", "103", "104", "105", "106", "107", "108", "109"}, numbers(t, msgs))
		began := time.Now()
		msgs, _ = r.read(t)
		require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6"}, numbers(t, msgs))
		require.Equal(t, 999*time.Millisecond, time.Since(began))
		msgs, _ = r.read(t)
		require.Equal(t, []string{"110", "111"}, numbers(t, msgs))
		r.write(t, "ticks", 10, 6)
		r.write(t, "candles", 120, 5)
		msgs, _ = r.read(t)
		require.Len(t, msgs, 6, "eleven wait, the most of ticks")
	})
}
