package backpressure

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small is a buffer whose numbers can be followed by hand.
const small = `
max_buffer_size: 10
pause_threshold: 8
resume_threshold: 4
batch: {count: 4, period: 1s}
`

func TestBatchesAreFormedByCount(t *testing.T) {
	r := newRig(t, small)
	defer r.Close(t.Context())
	r.write(t, "ticks", 0, 3)
	r.write(t, "ticks", 3, 3)
	msgs, _ := r.read(t)
	assert.Equal(t, []string{"0", "1", "2", "3"}, numbers(t, msgs), "two source batches joined, the second one split")
}

func TestBatchesAreFormedByPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		r.write(t, "ticks", 0, 1)
		time.Sleep(600 * time.Millisecond)
		r.write(t, "ticks", 1, 1)
		start := time.Now()
		msgs, _ := r.read(t)
		assert.Len(t, msgs, 2)
		assert.Equal(t, 400*time.Millisecond, time.Since(start), "the period counts from the oldest message")
	})
}

func TestClosedGateFlushesAtOnceWhenNothingIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 10\npause_threshold: 2\nresume_threshold: 1\nbatch: {count: 1, period: 1h}")
		defer r.Close(t.Context())
		r.conf.count = 8 // lint refuses this: the rule must not be what saves us
		r.write(t, "ticks", 0, 3)
		require.True(t, r.gate.Paused())
		msgs, ack := r.read(t)
		assert.Len(t, msgs, 3)
		require.NoError(t, ack(t.Context(), nil))
		assert.False(t, r.gate.Paused())
	})
}

func TestSourceIsAcknowledgedWhenAllOfItIsSettled(t *testing.T) {
	r := newRig(t, small)
	defer r.Close(t.Context())
	a := r.write(t, "ticks", 0, 3)
	b := r.write(t, "ticks", 3, 5)
	_, ack1 := r.read(t)
	_, ack2 := r.read(t)

	require.NoError(t, ack2(t.Context(), nil)) // out of order
	assert.Equal(t, "open", a.state())
	assert.Equal(t, "open", b.state())
	require.NoError(t, ack1(t.Context(), nil))
	assert.Equal(t, "acked", a.state())
	assert.Equal(t, "acked", b.state())
	require.NoError(t, ack1(t.Context(), nil))
	assert.Equal(t, "acked", a.state(), "a second call of an acknowledgement is nothing")
	assert.Zero(t, r.control.Level())
}

func TestLevelCountsQueuedInFlightAndRetrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		r.write(t, "ticks", 0, 9)
		_, ack := r.read(t)
		assert.EqualValues(t, 9, r.control.Level(), "reading frees nothing")
		require.NoError(t, ack(t.Context(), errOutput))
		assert.EqualValues(t, 9, r.control.Level(), "a rejected batch stays")
		assert.True(t, r.gate.Paused())
		assert.EqualValues(t, 9, r.board.Inputs()[0].Level.Load())
		assert.EqualValues(t, 9, r.board.Inputs()[0].Accepted.Load())
	})
}

func TestWriteBlocksAtTheBoundAndIsTakenInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		v, done := &verdict{}, false
		go func() {
			assert.NoError(t, r.WriteBatch(t.Context(), r.batch("ticks", 0, 23), v.ack))
			done = true
		}()
		var got []string
		for len(got) < 20 {
			synctest.Wait()
			assert.LessOrEqual(t, r.control.Level(), int64(10))
			assert.Equal(t, len(got) > 12, done, "taken when 23 fit into 10 held and %d settled", len(got))
			msgs, ack := r.read(t)
			got = append(got, numbers(t, msgs)...)
			require.NoError(t, ack(t.Context(), nil))
		}
		assert.Equal(t, "open", v.state())
		msgs, ack := r.read(t)
		require.NoError(t, ack(t.Context(), nil))
		assert.Equal(t, "acked", v.state())
		for i, n := range append(got, numbers(t, msgs)...) {
			assert.Equal(t, r.label(i), n, "order is kept")
		}
	})
}

func (r *rig) label(i int) string {
	b, _ := r.batch("ticks", i, 1)[0].AsBytes()
	return string(b)
}

func TestBlockedWriteEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		first := r.write(t, "ticks", 0, 4)
		ctx, cancel := context.WithCancel(t.Context())
		v := &verdict{}
		var err error
		go func() { err = r.WriteBatch(ctx, r.batch("candles", 4, 12), v.ack) }()
		synctest.Wait()
		require.EqualValues(t, 10, r.control.Level())
		cancel()
		synctest.Wait()
		require.ErrorIs(t, err, context.Canceled)
		assert.EqualValues(t, 4, r.control.Level(), "what waited is taken out again: the host nacks the source")

		msgs, ack := r.read(t)
		require.NoError(t, ack(t.Context(), nil))
		assert.Equal(t, []string{"0", "1", "2", "3"}, numbers(t, msgs))
		assert.Equal(t, "acked", first.state())
		assert.Equal(t, "open", v.state(), "the host has nacked it, the buffer says nothing more")
	})
}

func TestRejectedBatchIsRetriedFirstWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		v := r.write(t, "ticks", 0, 4)
		wait := 100 * time.Millisecond
		for range 12 {
			start := time.Now()
			msgs, ack := r.read(t)
			assert.Equal(t, []string{"0", "1", "2", "3"}, numbers(t, msgs))
			if wait > 100*time.Millisecond {
				assert.Equal(t, min(wait/2, 30*time.Second), time.Since(start))
			}
			wait *= 2
			msgs[0].SetBytes([]byte("spoilt"))
			msgs[1].MetaSetMut("spoilt", true)
			require.NoError(t, ack(t.Context(), errOutput))
			assert.Equal(t, "open", v.state(), "no nack goes up while a retry is possible")
		}
		r.write(t, "ticks", 4, 4)
		msgs, _ := r.read(t)
		assert.Equal(t, []string{"4", "5", "6", "7"}, numbers(t, msgs), "others go on while a batch waits")
		msgs, ack := r.read(t)
		require.NoError(t, ack(t.Context(), nil))
		_, spoilt := msgs[1].MetaGet("spoilt")
		assert.False(t, spoilt, "a retry starts from the original")
		assert.Equal(t, "acked", v.state())
	})
}

func TestEmptyBatchIsAcknowledgedAndNeverPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		v := &verdict{}
		require.NoError(t, r.WriteBatch(t.Context(), nil, v.ack))
		assert.Equal(t, "acked", v.state())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err := r.ReadBatch(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// The host calls EndOfInput only when every acknowledgement is resolved: a
// buffer that waited for it to flush would wait for itself.
func TestTailIsFlushedWithoutEndOfInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		v := r.write(t, "ticks", 0, 1)
		_, ack := r.read(t)
		require.NoError(t, ack(t.Context(), nil))
		assert.Equal(t, "acked", v.state())
	})
}

func TestDrainFlushesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		defer r.Close(t.Context())
		r.write(t, "ticks", 0, 1)
		r.gate.Drain()
		start := time.Now()
		_, _ = r.read(t)
		assert.Zero(t, time.Since(start), "the batch period is not waited for")
	})
}

func TestEndOfInputEndsReadingOnlyWhenAllIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		r.write(t, "ticks", 0, 5)
		r.EndOfInput()
		r.EndOfInput()
		_, ack1 := r.read(t)
		_, ack2 := r.read(t)
		require.NoError(t, ack1(t.Context(), nil))
		require.NoError(t, ack2(t.Context(), errOutput))
		_, ack3 := r.read(t) // the rejected one again
		var end error
		go func() { _, _, end = r.ReadBatch(t.Context()) }()
		synctest.Wait()
		require.NoError(t, end, "one message is still at the output")
		require.NoError(t, ack3(t.Context(), nil))
		synctest.Wait()
		require.ErrorIs(t, end, service.ErrEndOfBuffer)
		require.NoError(t, r.Close(t.Context()))
	})
}

// A forced stop: the host delivers no acknowledgement any more, and waits for
// those that the buffer holds.
func TestCloseNacksEverythingUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small)
		sent := r.write(t, "ticks", 0, 4)
		_, ack := r.read(t)
		rejected := r.write(t, "ticks", 4, 4)
		_, nack := r.read(t)
		require.NoError(t, nack(t.Context(), errOutput))
		queued := r.write(t, "ticks", 8, 2)
		blocked, blockedErr := &verdict{}, error(nil)
		go func() { blockedErr = r.WriteBatch(t.Context(), r.batch("ticks", 10, 2), blocked.ack) }()
		synctest.Wait()

		require.NoError(t, r.Close(t.Context()))
		synctest.Wait()
		for name, v := range map[string]*verdict{"sent": sent, "rejected": rejected, "queued": queued} {
			assert.Equal(t, "nacked", v.state(), name)
		}
		require.Error(t, blockedErr)
		assert.Equal(t, "open", blocked.state(), "the host nacks what WriteBatch refused")

		require.NoError(t, ack(t.Context(), nil), "a late acknowledgement changes nothing")
		assert.Equal(t, "nacked", sent.state())
		require.NoError(t, r.Close(t.Context()))
		_, _, err := r.ReadBatch(t.Context())
		require.ErrorIs(t, err, service.ErrEndOfBuffer)
		require.Error(t, r.WriteBatch(t.Context(), r.batch("ticks", 0, 1), blocked.ack))
		assert.EqualValues(t, 0, r.board.Inputs()[0].Level.Load())
	})
}

func TestEmergencySwitchBlocksAtTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, small+"enabled: false")
		defer r.Close(t.Context())
		r.write(t, "ticks", 0, 10)
		assert.False(t, r.gate.Paused())
		var done bool
		go func() {
			assert.NoError(t, r.WriteBatch(t.Context(), r.batch("ticks", 10, 1), (&verdict{}).ack))
			done = true
		}()
		synctest.Wait()
		assert.False(t, done)
		assert.EqualValues(t, 10, r.control.Level())
		_, ack := r.read(t)
		require.NoError(t, ack(t.Context(), nil))
		synctest.Wait()
		assert.True(t, done)
	})
}
