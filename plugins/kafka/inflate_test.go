package kafka

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Well compressed batches take a thousand times what was fetched: however many of them
// fit into a fetch, only so much of them is decompressed ahead, and all arrive.
func TestWellCompressedBatchesAreDecompressedLittleByLittle(t *testing.T) {
	const batches, perBatch, size, bound = 30, 20, 50_000, 4 << 20 // 30 MB, of which a batch takes 1 MB
	for name, brokers := range map[string]int{"one broker": 1, "three brokers": 3} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(brokers)), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
			topic := c.topic(6)
			for i := range batches { // each of them a batch of its own
				var rs []*kgo.Record
				for j := range perBatch {
					value := append(fmt.Appendf(nil, "%d ", i*perBatch+j), bytes.Repeat([]byte("a"), size)...)
					rs = append(rs, &kgo.Record{Topic: topic, Partition: int32(i % 6), Value: value})
				}
				require.NoError(t, c.client.ProduceSync(t.Context(), rs...).FirstErr())
			}
			k := c.consumer(c.config(topic, "fetch_max_decompressed_bytes: 4MiB\nbatch: {count: 10}"))
			require.NoError(t, k.in.Connect(t.Context()))
			defer k.in.Close(t.Context())
			client, seen := k.in.session.Load().client, map[string]int{}
			for len(seen) < batches*perBatch {
				batch, ack, err := k.in.ReadBatch(t.Context())
				require.NoError(t, err)
				require.LessOrEqual(t, client.BufferedFetchBytes(), int64(bound+brokers*perBatch*(size+10)))
				for _, m := range batch {
					text, err := m.AsBytes()
					require.NoError(t, err)
					seen[string(bytes.TrimRight(text, "a"))]++
				}
				require.NoError(t, ack(t.Context(), nil))
			}
			for id, n := range seen {
				require.Equal(t, 1, n, id)
			}
			require.True(t, k.in.stats.Link.State().Connected, "no fault")
		})
	}
}

// One batch that is larger than the bound is taken all the same.
func TestABatchLargerThanTheBoundIsTaken(t *testing.T) {
	c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(1)), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	topic := c.topic(1)
	for i := range 5 {
		value := append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte("a"), 500_000)...)
		require.NoError(t, c.client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr())
	}
	k := c.consume(topic, false, "fetch_max_decompressed_bytes: 1kB")
	eventually(t, "all is delivered", func() bool { return k.total() == 5 })
	require.Equal(t, upTo(0, 5), k.got(0))
}

// Fetches shrink while too much comes out of them, and grow again.
func TestFetchesFitWhatComesOutOfThem(t *testing.T) {
	var size int32
	n := &inflation{most: 1000, fetch: 64, partition: 16, size: 64, held: map[int32]int64{}, resize: func(s, _ int32) { size = s }}
	broker := kgo.BrokerMetadata{NodeID: 1}
	fetch := func(bytes int) {
		n.OnBrokerRead(broker, 1, 0, 0, 0, nil)
		n.OnFetchBatchRead(broker, "t", 0, kgo.FetchBatchMetrics{UncompressedBytes: bytes, CompressionType: 4})
	}
	for _, want := range []int32{0, 32, 16, 8} {
		fetch(2000)
		require.Equal(t, want, size)
	}
	require.True(t, n.full())
	require.EqualValues(t, 4, size)
	require.True(t, n.full())
	require.True(t, n.full())
	require.EqualValues(t, 1, size)
	require.False(t, n.full(), "one batch is always taken")
	fetch(100)
	for _, want := range []int32{2, 4, 8, 16, 32, 64, 64} {
		fetch(100)
		require.Equal(t, want, size)
	}
	n.OnBrokerDisconnect(broker, nil)
	require.Zero(t, n.total)
}
