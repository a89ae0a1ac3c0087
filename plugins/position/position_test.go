package position_test

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// fill returns messages at offsets 100, 110, 120, ... of a source.
func fill(source string, n int) service.MessageBatch {
	run := position.NewRun(source, n)
	ctx := run.Mark(context.Background())
	var batch service.MessageBatch
	for i := range n {
		data := []byte{'{', byte(i), '}'}
		run.Add(int64(100+10*i), data)
		batch = append(batch, service.NewMessageWithContext(ctx, data))
	}
	return batch
}

func find(t *testing.T, f *position.Finder, m *service.Message) (string, int64, bool) {
	t.Helper()
	data, err := m.AsBytes()
	require.NoError(t, err)
	return f.Find(m.Context(), data)
}

func TestMessagesAreFoundInAnyOrderAndThroughCopies(t *testing.T) {
	a, b := fill("kafka/a/0", 5), fill("kafka/b/1", 5)
	var f position.Finder
	for _, i := range []int{0, 1, 4, 2, 3, 0} {
		for source, batch := range map[string]service.MessageBatch{"kafka/a/0": a, "kafka/b/1": b} {
			got, offset, ok := find(t, &f, batch[i].Copy())
			require.True(t, ok)
			assert.Equal(t, source, got)
			assert.EqualValues(t, 100+10*i, offset)
		}
	}
}

func TestWhatIsNotTheRecordAnyMoreHasNoPosition(t *testing.T) {
	batch := fill("kafka/a/0", 3)
	var f position.Finder
	changed := batch[1].Copy()
	changed.SetBytes([]byte("{\x01}"))
	_, _, ok := find(t, &f, changed)
	assert.False(t, ok, "other bytes")
	_, _, ok = find(t, &f, service.NewMessage([]byte("{}")))
	assert.False(t, ok, "no run")
	_, _, ok = f.Find(batch[0].Context(), nil)
	assert.False(t, ok, "no bytes")
	assert.Equal(t, "kafka/a/0", position.SourceOf(changed.Context()), "the source is still known")
	assert.Empty(t, position.SourceOf(context.Background()))
}

// A sealed record keeps its position whatever becomes of its bytes, and whoever
// adds to its context.
func TestSealedRecordsKeepTheirPosition(t *testing.T) {
	type tracing struct{}
	parent := context.WithValue(context.Background(), tracing{}, "span")
	seal := position.Seal(parent, "kafka/a/0", 1) // more records than it has room for
	var batch service.MessageBatch
	for i := range 3 {
		batch = append(batch, service.NewMessageWithContext(seal.Add(int64(10*i)), []byte("{}")))
	}
	var f position.Finder
	for i, m := range batch {
		changed := m.Copy()
		changed.SetBytes(nil)
		wrapped := changed.WithContext(context.WithValue(changed.Context(), tracing{}, "child"))
		for _, m := range []*service.Message{m, changed, wrapped} {
			source, offset, ok := find(t, &f, m)
			require.True(t, ok)
			assert.Equal(t, "kafka/a/0", source)
			assert.EqualValues(t, 10*i, offset)
			assert.Same(t, seal, position.SealOf(m.Context()))
			assert.Equal(t, "kafka/a/0", position.SourceOf(m.Context()))
		}
		assert.Equal(t, "span", m.Context().Value(tracing{}))
	}
	other := fill("kafka/b/1", 1)[0]
	source, _, ok := find(t, &f, other)
	require.True(t, ok)
	assert.Equal(t, "kafka/b/1", source, "what is not sealed comes between")
	assert.Nil(t, position.SealOf(other.Context()))
}

func BenchmarkFind(b *testing.B) {
	batch := fill("kafka/a/0", 250)
	data := make([][]byte, len(batch))
	for i, m := range batch {
		data[i], _ = m.AsBytes()
	}
	b.ReportAllocs()
	var f position.Finder
	for b.Loop() {
		for i, m := range batch {
			if _, _, ok := f.Find(m.Context(), data[i]); !ok {
				b.Fatal("lost")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/record")
}

// Records without bytes are found, too, each by itself, and none is mistaken for what is
// empty in another way.
func TestEmptyRecordsAreFound(t *testing.T) {
	memory := []byte("{}")
	given := [][]byte{nil, {}, memory[:0], memory[:0], {}, memory, nil}
	run := position.NewRun("kafka/a/0", len(given))
	ctx := run.Mark(context.Background())
	var batch service.MessageBatch
	for i, data := range given {
		batch = append(batch, service.NewMessageWithContext(ctx, run.Add(int64(i), data)))
	}
	var f position.Finder
	for _, i := range []int{6, 0, 1, 2, 3, 4, 5, 6} {
		source, offset, ok := find(t, &f, batch[i].Copy())
		require.True(t, ok, i)
		assert.Equal(t, "kafka/a/0", source)
		assert.EqualValues(t, i, offset)
	}
	for name, data := range map[string][]byte{"nil": nil, "empty": {}, "of a record": memory[1:1]} {
		_, _, ok := f.Find(ctx, data)
		assert.False(t, ok, name)
	}
}
