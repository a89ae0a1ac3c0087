package nats

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

const memoryYAML = `
subjects: [feed.a, feed.b.*]
on_pause: conflate
conflate: {max_bytes: 4000000}
batch: {byte_size: 2000000, period: 1h}
pending_limits: {bytes: 4000000}
`

// 150 MB of large messages meet an input that nobody reads: before, during and
// after a pause it holds what it may, to the byte, and every message is counted.
func TestABurstOfLargeMessagesStaysWithinTheBounds(t *testing.T) {
	r := connected(t, startServer(t), memoryYAML)
	before := heap()
	total := int64(0)
	burst := func() {
		payload := make([]byte, 500_000)
		for i := range 72 {
			require.NoError(t, r.pub.Publish("feed.a", payload))
			require.NoError(t, r.pub.Publish("feed.b."+string(rune('a'+i%26)), payload[:200_000]))
			total += 2
			if i%18 == 17 { // 13 MB: the server cuts off a client that is behind by 64 MB
				require.NoError(t, r.pub.FlushTimeout(patience))
				eventually(t, func() bool { return r.figures.Received.Load() == total }, func() string { return "not received" })
			}
		}
		h := r.in.hold
		h.mu.Lock()
		defer h.mu.Unlock()
		assert.LessOrEqual(t, h.bytes, 2_000_000)
		assert.LessOrEqual(t, h.kept.bytes, 4_000_000)
		for _, sub := range r.in.session.subs {
			_, bytes, err := sub.Pending()
			require.NoError(t, err)
			assert.LessOrEqual(t, bytes, 4_000_000)
		}
	}
	burst()
	assert.Positive(t, r.figures.SlowConsumer.Load())
	r.gate.Hold(gate.ReasonOperator)
	burst()
	eventually(t, func() bool { return r.figures.Conflated.Load() > 0 && r.figures.Dropped.Load() > 0 }, func() string { return "nothing conflated" })
	r.gate.Release(gate.ReasonOperator)
	burst()
	assert.Less(t, heap()-before, int64(3*(2_000_000+4_000_000+2*4_000_000)), "of 150 MB")

	r.gate.Drain()
	for _, batch := range batchesToEnd(r) {
		assert.LessOrEqual(t, batch, 2_000_000)
	}
	r.balanced(total)
}

// batchesToEnd reads to the end of the input and returns the bytes of each batch.
func batchesToEnd(r *rig) (sizes []int) {
	for {
		batch, err := r.tryRead()
		if err != nil {
			return sizes
		}
		size := 0
		for _, content := range contents(r.t, batch) {
			size += len(content)
		}
		sizes = append(sizes, size)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAMessageLargerThanABatchIsOneByItself(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {byte_size: 1000, period: 1h}")
	for _, size := range []int{10, 5000, 20, 6000} {
		require.NoError(t, r.pub.Publish("feed.a", make([]byte, size)))
	}
	require.NoError(t, r.pub.FlushTimeout(patience))
	eventually(t, func() bool { return r.figures.Received.Load() == 4 }, func() string { return "not received" })
	r.gate.Drain()
	assert.Equal(t, []int{10, 5000, 20, 6000}, batchesToEnd(r))
	r.balanced(4)
}
