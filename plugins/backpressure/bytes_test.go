package backpressure

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// narrow is a buffer whose bytes can be followed by hand: bound 1000, pause 800,
// resume 400.
const narrow = `
max_buffer_size: 10
max_bytes: 1000B
pause_threshold: 8
resume_threshold: 4
batch: {count: 4, byte_size: 300B, period: 1s}
`

// heavy are messages of those sizes.
func heavy(sizes ...int) service.MessageBatch {
	var batch service.MessageBatch
	for _, n := range sizes {
		batch = append(batch, service.NewMessage([]byte(strings.Repeat("x", n))))
	}
	return batch
}

// weighed writes messages of those sizes, which must be taken at once.
func (r *rig) weighed(t testing.TB, sizes ...int) *verdict {
	t.Helper()
	v := &verdict{}
	require.NoError(t, r.WriteBatch(t.Context(), heavy(sizes...), v.ack))
	return v
}

func (r *rig) settleNext(t testing.TB) {
	t.Helper()
	_, ack := r.read(t)
	require.NoError(t, ack(t.Context(), nil))
}

func sizes(t testing.TB, msgs service.MessageBatch) (n []int) {
	t.Helper()
	for _, m := range msgs {
		body, err := m.AsBytes()
		require.NoError(t, err)
		n = append(n, len(body))
	}
	return n
}

func TestBytesPauseAndResume(t *testing.T) {
	r := newRig(t, narrow)
	defer r.Close(t.Context())
	r.weighed(t, 300, 300, 200)
	assert.False(t, r.gate.Paused(), "at the threshold the gate stays open")
	r.weighed(t, 1)
	assert.True(t, r.gate.Paused(), "with four messages of ten")
	r.settleNext(t)
	assert.EqualValues(t, 501, r.control.Bytes())
	assert.True(t, r.gate.Paused())
	r.settleNext(t)
	assert.EqualValues(t, 201, r.control.Bytes())
	assert.False(t, r.gate.Paused())
}

// One of them below is not enough to resume.
func TestResumeNeedsBothLevels(t *testing.T) {
	r := newRig(t, narrow)
	defer r.Close(t.Context())
	r.weighed(t, 1, 1, 1, 1, 1, 1, 300, 140, 140)
	require.True(t, r.gate.Paused(), "nine messages of 586 bytes")
	require.EqualValues(t, 9, r.control.Level())
	r.conf.count = 6
	r.settleNext(t)
	assert.EqualValues(t, 3, r.control.Level(), "the six small ones have gone")
	assert.EqualValues(t, 580, r.control.Bytes())
	assert.True(t, r.gate.Paused(), "the bytes are not below their threshold yet")
	r.settleNext(t)
	assert.False(t, r.gate.Paused())
}

func TestWriteBlocksAtTheBoundInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, narrow+"enabled: false")
		defer r.Close(t.Context())
		done := false
		go func() {
			assert.NoError(t, r.WriteBatch(t.Context(), heavy(400, 300, 250, 51, 600), (&verdict{}).ack))
			done = true
		}()
		synctest.Wait()
		assert.EqualValues(t, 950, r.control.Bytes(), "what fits is taken, the next would be one byte too many")
		assert.False(t, done)
		r.settleNext(t)
		synctest.Wait()
		assert.EqualValues(t, 601, r.control.Bytes(), "room for the small one, not for the large one behind it")
		assert.False(t, done)
		r.settleNext(t)
		synctest.Wait()
		assert.EqualValues(t, 901, r.control.Bytes())
		assert.True(t, done)
	})
}

// It would wait for ever otherwise.
func TestMessageLargerThanTheBoundEntersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, narrow)
		defer r.Close(t.Context())
		v := &verdict{}
		go func() { assert.NoError(t, r.WriteBatch(t.Context(), heavy(1, 5000, 6000, 1), v.ack)) }()
		for _, want := range []int{1, 5000, 6000, 1} {
			synctest.Wait()
			assert.EqualValues(t, 1, r.control.Level())
			assert.EqualValues(t, want, r.control.Bytes())
			assert.Equal(t, want > 800, r.gate.Paused())
			r.settleNext(t)
		}
		assert.Equal(t, "acked", v.state())
	})
}

func TestBatchesAreFormedByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, narrow)
		defer r.Close(t.Context())
		start := time.Now()
		r.weighed(t, 100, 100)
		r.weighed(t, 90, 20, 350, 10)
		for _, want := range [][]int{{100, 100, 90}, {20}, {350}} {
			msgs, _ := r.read(t)
			assert.Equal(t, want, sizes(t, msgs))
			assert.Zero(t, time.Since(start), "a full batch does not wait for the period")
		}
		msgs, _ := r.read(t)
		assert.Equal(t, []int{10}, sizes(t, msgs))
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// The writer is blocked by bytes with less than a batch by count: the buffer
// must not wait for more.
func TestNoStallAtTheBoundInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 1000\nmax_bytes: 1000B\nenabled: false\nbatch: {count: 400, period: 1h}")
		defer r.Close(t.Context())
		v := &verdict{}
		go func() { assert.NoError(t, r.WriteBatch(t.Context(), heavy(600, 600, 600, 1000, 200), v.ack)) }()
		start := time.Now()
		for v.state() == "open" {
			synctest.Wait()
			r.settleNext(t)
			synctest.Wait()
		}
		assert.Zero(t, time.Since(start))
	})
}

func TestAbandonedMessagesGiveTheirBytesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, narrow)
		defer r.Close(t.Context())
		r.weighed(t, 100)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			assert.ErrorIs(t, r.WriteBatch(ctx, heavy(500, 300, 200), (&verdict{}).ack), context.Canceled)
		}()
		synctest.Wait()
		require.EqualValues(t, 900, r.control.Bytes())
		cancel()
		synctest.Wait()
		assert.EqualValues(t, 100, r.control.Bytes())
	})
}

func TestBytesAreNotBoundedWithoutABound(t *testing.T) {
	r := newRig(t, strings.Replace(strings.Replace(narrow, "1000B", "0", 1), "byte_size: 300B, ", "", 1))
	defer r.Close(t.Context())
	r.weighed(t, 5000, 5000, 5000, 5000)
	assert.EqualValues(t, 20000, r.control.Bytes(), "counted all the same")
	assert.False(t, r.gate.Paused())
	msgs, _ := r.read(t)
	assert.Len(t, msgs, 4)
}

// The words when it is the bytes that pause; those of the count stay as they are.
func TestLogLinesOfAPauseByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_bytes: 10MiB\nalert_after: 1m\nheartbeat_interval: 40s")
		defer r.Close(t.Context())
		r.run()
		r.logs.take()
		for range 9 {
			r.weighed(t, 1<<20)
		}
		assert.Equal(t, []string{"WARN ⚠️  BACKPRESSURE ACTIVE: Buffer high (9 MiB/10 MiB in 9 messages), pausing data ingestion (other: 9)"}, r.logs.take())
		time.Sleep(81 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"ERROR 🔴 CRITICAL: Backpressure active for 1.3 minutes! ClickHouse write bottleneck detected. Current buffer: 9 messages, 9 MiB"}, r.logs.take())
		for range 6 {
			r.settleNext(t)
		}
		assert.Equal(t, []string{"INFO ✅ BACKPRESSURE RELEASED: Buffer normal (3 MiB/10 MiB in 3 messages), resuming data ingestion (other: 3)"}, r.logs.take())
		f := r.board.Health().Metrics.Backpressure
		assert.EqualValues(t, 3<<20, f.CurrentBytes)
		assert.EqualValues(t, 10<<20, f.MaxBytes)
	})
}

func TestWeights(t *testing.T) {
	raw := service.NewMessage([]byte(`{"symbol":"BTC","price":1.5}`))
	assert.EqualValues(t, 28, weigh(raw))
	assert.False(t, raw.HasStructured())
	assert.Zero(t, weigh(service.NewMessage(nil)))

	parsed := raw.Copy()
	_, err := parsed.AsStructured()
	require.NoError(t, err)
	assert.Greater(t, weigh(parsed), weigh(raw), "body and parsed form")

	built := service.NewMessage(nil)
	built.SetStructuredMut(map[string]any{"text": strings.Repeat("x", 1000), "list": []any{1.5, true, nil, []byte("abc")}})
	assert.Greater(t, weigh(built), int64(1000))
	assert.Less(t, weigh(built), int64(1400))
	assert.False(t, built.HasBytes(), "it is not encoded for that")
}

func TestSizesInWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 128 << 20: "128 MiB", 107374182: "102.4 MiB", 5 << 40: "5 TiB", 5000 << 40: "5000 TiB"} {
		assert.Equal(t, want, formatSize(n))
	}
}
