package kafka

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// apart lists the records of messages with their positions.
func apart(t *testing.T, batches []service.MessageBatch) (texts map[string][]string, offsets map[string][]int64) {
	t.Helper()
	texts, offsets = map[string][]string{}, map[string][]int64{}
	var finder position.Finder
	for _, batch := range batches {
		for _, m := range batch {
			body, err := m.AsBytes()
			require.NoError(t, err)
			records := [][]byte{body}
			if f := frame.Of(m); f != nil {
				records = nil
				for i := range f.Len() {
					records = append(records, f.Record(i))
				}
			}
			for _, r := range records {
				source, offset, ok := finder.Find(m.Context(), r)
				require.True(t, ok)
				texts[source] = append(texts[source], string(r))
				offsets[source] = append(offsets[source], offset)
			}
		}
	}
	return texts, offsets
}

// Records travel many to a message, never those of two partitions in one, and
// are counted one by one.
func TestRecordsPerMessage(t *testing.T) {
	c := newCluster(t, fakeBrokers(t))
	topic := c.topic(2)
	c.produce(topic, 0, 0, 150)
	c.produce(topic, 1, 0, 150)
	k := c.consume(topic, false, "batch: {count: 64}\nrecords_per_message: 10\nmetadata: {table: t}")
	eventually(t, "all is delivered", func() bool { return k.in.stats.Received.Load() == 300 })
	eventually(t, "and committed", func() bool {
		return c.committed(c.group(), topic, 0) == 150 && c.committed(c.group(), topic, 1) == 150
	})
	k.close()
	texts, offsets := apart(t, k.batches)
	require.Len(t, texts, 2)
	for source := range texts {
		require.Len(t, texts[source], 150)
		for i, o := range offsets[source] {
			require.EqualValues(t, i, o)
		}
	}
	messages := 0
	for _, b := range k.batches {
		messages += len(b)
		for _, m := range b {
			table, _ := m.MetaGet("table")
			require.Equal(t, "t", table)
		}
	}
	require.Less(t, messages, 100)
}

// Records of partitions that are given up are left out of a batch of frames, too.
func TestPartOfABatchOfFramesIsDiscarded(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, both)
	b := (&poller{assignment: a, perMessage: 2}).build(resolve(a, append(polled(1, 3, 4, 9), polled(2, 40, 41, 42)...)))
	require.Len(t, b.messages, 4)
	a.lose(l, one)
	messages, receipts := a.handOut(b)
	require.Len(t, messages, 2)
	require.Equal(t, 3, receipts[0].records)
	p, _ := messages[0].MetaGetMut(metaPartition)
	require.Equal(t, 2, p)
}
