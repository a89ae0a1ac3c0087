package backpressure

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// writeSealed sends a sealed batch that must be taken at once.
func (r *rig) writeSealed(t testing.TB, first, n int) *verdict {
	t.Helper()
	v := &verdict{}
	batch := r.batch("external", first, n)
	seal(batch)
	require.NoError(t, r.WriteBatch(t.Context(), batch, v.ack))
	return v
}

// A sealed batch waits for no others, and takes its turn with those that are due.
func TestSealedBatchesLeaveAtOnceAndAsTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 100\nbatch: {count: 10, period: 1s}")
		defer r.Close(context.Background())
		r.write(t, "ticks", 0, 3)
		time.Sleep(time.Millisecond)
		first := r.writeSealed(t, 100, 15)
		second := r.writeSealed(t, 200, 2)
		msgs, ack := r.read(t)
		require.Len(t, msgs, 15)
		require.NoError(t, ack(t.Context(), nil))
		require.Equal(t, "acked", first.state())

		time.Sleep(2 * time.Second)
		msgs, _ = r.read(t)
		require.Equal(t, []string{"0", "1", "2"}, numbers(t, msgs), "the oldest that is due goes first")
		msgs, ack = r.read(t)
		require.Equal(t, []string{"200", "201"}, numbers(t, msgs))
		require.NoError(t, ack(t.Context(), errOutput))
		msgs, ack = r.read(t)
		require.Equal(t, []string{"200", "201"}, numbers(t, msgs), "a retry is the same batch")
		require.NoError(t, ack(t.Context(), nil))
		require.Equal(t, "acked", second.state())
	})
}

// A sealed batch enters when there is room for all of it, or alone.
func TestSealedBatchesEnterWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 10\nbatch: {count: 2}")
		defer r.Close(context.Background())
		r.write(t, "ticks", 0, 6)
		v := &verdict{}
		batch := r.batch("external", 100, 25)
		seal(batch)
		written := make(chan error)
		go func() { written <- r.WriteBatch(t.Context(), batch, v.ack) }()
		for range 3 {
			synctest.Wait()
			select {
			case <-written:
				require.Fail(t, "it entered before there was room")
			default:
			}
			_, ack := r.read(t)
			require.NoError(t, ack(t.Context(), nil))
		}
		require.NoError(t, <-written)
		require.EqualValues(t, 25, r.control.Level())
		msgs, ack := r.read(t)
		require.Len(t, msgs, 25)
		require.NoError(t, ack(t.Context(), nil))
		require.Equal(t, "acked", v.state())
	})
}
