package frame_test

import (
	"context"
	"strings"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

type mark struct{}

// make returns a frame of those records, with metadata and a marked context.
func makeFrame(texts ...string) *service.Message {
	b := frame.NewBuilder(len(texts), len(strings.Join(texts, "")))
	for _, text := range texts {
		b.Add([]byte(text))
	}
	template := service.NewMessage(nil)
	template.MetaSetMut("table", "ticks")
	return b.Message(context.WithValue(context.Background(), mark{}, "here"), template)
}

func body(t require.TestingT, m *service.Message) []byte {
	data, err := m.AsBytes()
	require.NoError(t, err)
	return data
}

// Whatever records hold, newlines and nothing included, they come out as they
// went in.
func TestRecordsComeOutAsTheyWentIn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`[a\n ]{0,5}`), 2, 20).Draw(rt, "records")
		m := makeFrame(texts...)
		f := frame.Of(m.Copy())
		require.NotNil(rt, f)
		require.Equal(rt, len(texts), f.Len())
		require.Equal(rt, strings.Join(texts, "\n"), string(body(rt, m)))
		for i, text := range texts {
			require.Equal(rt, text, string(f.Record(i)))
		}
	})
}

func TestARecordAloneIsNoFrame(t *testing.T) {
	m := makeFrame("one")
	assert.Nil(t, frame.Of(m))
	assert.Equal(t, "one", string(body(t, m)))
}

func TestAChangedBodyIsNoFrame(t *testing.T) {
	for _, changed := range [][]byte{[]byte("a\nb"), body(t, makeFrame("a", "b"))[:1], nil} {
		m := makeFrame("a", "b")
		m.SetBytes(changed)
		assert.Nil(t, frame.Of(m))
	}
	m := makeFrame("a", "b")
	m.SetBytes(body(t, m)[:1])
	assert.Nil(t, frame.Of(m))
}

func TestSingle(t *testing.T) {
	m := makeFrame("a", "b")
	one := frame.Of(m).Single(m, []byte("b"))
	assert.Equal(t, "b", string(body(t, one)))
	assert.Nil(t, frame.Of(one))
	assert.Equal(t, "here", one.Context().Value(mark{}))
	table, _ := one.MetaGet("table")
	assert.Equal(t, "ticks", table)
	assert.Equal(t, 1, service.MessageBatch{one}.CollapsedCount())
	assert.Equal(t, "a\nb", string(body(t, m)))
}

func TestTheHostCountsRecords(t *testing.T) {
	batch := service.MessageBatch{makeFrame("a", "b", "c"), makeFrame("d"), service.NewMessage([]byte("e"))}
	assert.Equal(t, 5, batch.CollapsedCount())
	var c frame.Finder
	var counts []int
	for _, m := range batch {
		counts = append(counts, c.Count(m))
	}
	assert.Equal(t, []int{3, 1, 1}, counts)
}

func unframe(t *testing.T, m *service.Message) service.MessageBatch {
	t.Helper()
	conf, err := frame.UnframeSpec().ParseYAML("", nil)
	require.NoError(t, err)
	p, err := frame.NewUnframe(conf, nil)
	require.NoError(t, err)
	out, err := p.Process(t.Context(), m)
	require.NoError(t, err)
	return out
}

func TestUnframe(t *testing.T) {
	out := unframe(t, makeFrame("a\n", "", "b"))
	require.Len(t, out, 3)
	for i, want := range []string{"a\n", "", "b"} {
		assert.Equal(t, want, string(body(t, out[i])))
		assert.Nil(t, frame.Of(out[i]))
		table, _ := out[i].MetaGet("table")
		assert.Equal(t, "ticks", table)
	}
	assert.Equal(t, 3, out.CollapsedCount())

	alone := service.NewMessage([]byte("x\ny"))
	assert.Equal(t, service.MessageBatch{alone}, unframe(t, alone), "what is no frame passes")
}

// The host gives what a processor makes the context of what it was made of.
func TestUnframedRecordsAreNoFrames(t *testing.T) {
	m := makeFrame("a", "b", "c")
	var c frame.Finder
	for _, one := range unframe(t, m) {
		one = one.WithContext(m.Context())
		assert.Nil(t, frame.Of(one))
		assert.Equal(t, 1, c.Count(one))
		assert.Len(t, unframe(t, one), 1)
	}
}
