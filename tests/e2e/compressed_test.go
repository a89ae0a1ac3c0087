package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// Records of 500 kB that compress to next to nothing: 1 GB of them are a hundred
// kilobytes or two on the broker, and fit into one fetch. What makes them large is stored
// by nobody: the memory of large rows has a test of its own. The memory is what docs/sizing.md
// says: the base, max_bytes, what is fetched ahead with a record batch beside it, as
// much again that waits for the buffer, and two inserts.
func TestMemoryWithWellCompressedBatches(t *testing.T) {
	const records, size = 2000, 500_000
	const promised = 40<<20 + (128<<20)*13/10 + 2*(32<<20+64<<20) + 2*(64<<20)
	r := newRig(t, oneEngine())
	client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()), kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerBatchMaxBytes(64<<20), kgo.ProducerLinger(5*time.Second), kgo.MaxBufferedRecords(400))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	r.feed(marketdata.External).sink = marketdata.KafkaSink(client, r.topic())
	r.pad(marketdata.External, size)
	r.publish(marketdata.External, records)

	b := r.startBinary(plain).ready()
	for part := range int64(4) { // each within the patience of a step
		r.awaitStored(marketdata.External, (part+1)*records/4)
	}
	n := r.tally(marketdata.External)
	peak, err := b.PeakRSS()
	require.NoError(t, err)
	t.Logf("peak resident memory %d MB of %d MB that are promised", peak>>20, promised>>20)
	assert.Zero(t, n.Missing(records, 0))
	assert.Less(t, peak, int64(promised))
	b.stop()
}
