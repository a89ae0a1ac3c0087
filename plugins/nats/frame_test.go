package nats

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// Records of any subjects travel many to a message and are counted one by one.
func TestRecordsPerMessage(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := connected(t, s, "records_per_message: 7\nmetadata: {table: ticks}\nbatch: {count: 100}")
	for i := range 50 {
		r.publish("feed.a", 10*i, 10*i+5)
		r.publish("feed.b", 10*i+5, 10*i+10)
	}
	var got []string
	messages := 0
	for len(got) < 500 {
		batch := r.read()
		messages += len(batch)
		for _, m := range batch {
			table, _ := m.MetaGet("table")
			assert.Equal(t, "ticks", table)
			_, named := m.MetaGet(metaSubject)
			assert.False(t, named)
			assert.Same(t, r.figures, status.OriginOf(m.Context()))
		}
		got = append(got, contents(t, batch)...)
	}
	assert.ElementsMatch(t, numbers(0, 500), got)
	assert.Less(t, messages, 250)
	r.balanced(500)

	r.gate.Hold(gate.ReasonOperator)
	r.publish("feed.a", 0, 20)
	r.balanced(520)
	assert.EqualValues(t, 20, r.figures.Dropped.Load())
}

// Records from JetStream know their sequences in frames, too, and are
// acknowledged one by one.
func TestJetRecordsPerMessage(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"batch: {count: 100}\nrecords_per_message: 30")
		r.publish(0, 1000)
		got, batches := r.readN(1000, true)
		assert.Equal(t, numbers(0, 1000), got)
		r.settled(1000)
		assert.EqualValues(t, 1000, r.figures.Received.Load())
		var finder position.Finder
		next := int64(1)
		for _, b := range batches {
			for _, m := range b.messages {
				f := frame.Of(m)
				if f == nil {
					next++
					continue
				}
				for i := range f.Len() {
					source, sequence, ok := finder.Find(m.Context(), f.Record(i))
					require.True(t, ok)
					require.Equal(t, "jetstream/FEED", source)
					require.Equal(t, next, sequence)
					next++
				}
			}
		}
		require.EqualValues(t, 1001, next)
	})
}
