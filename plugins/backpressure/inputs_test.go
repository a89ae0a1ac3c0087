package backpressure

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Each input has batches of its own: full ones, else by the clock.
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
	})
}

// Many inputs whose batches are not full do not close the gate: at three quarters
// of the pause threshold the largest leaves.
func TestManyInputsDoNotCloseTheGateOverBatchesThatAreNotFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 100\nbatch: {count: 20, period: 1h}") // pauses above 80
		defer r.Close(context.Background())
		for i, input := range []string{"a", "b", "c", "d"} {
			r.write(t, input, 100*i, 14+i)
		}
		msgs, _ := r.read(t)
		require.Len(t, msgs, 17, "62 wait, most of them in d")
		r.write(t, "a", 14, 5)
		r.write(t, "d", 317, 10)
		msgs, _ = r.read(t)
		require.Len(t, msgs, 19, "60 wait, most of them in a")
		require.False(t, r.gate.Paused())
	})
}
