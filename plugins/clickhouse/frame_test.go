package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// framed makes one message of records of a partition at offsets from the first.
func framed(first int, meta map[string]string, texts ...string) *service.Message {
	b := frame.NewBuilder(len(texts), len(strings.Join(texts, "")))
	run := position.NewRun("kafka/t/0", len(texts))
	for i, text := range texts {
		run.Add(int64(first+i), b.Add([]byte(text)))
	}
	template := service.NewMessage(nil)
	for k, v := range meta {
		template.MetaSetMut(k, v)
	}
	return b.Message(run.Mark(context.Background()), template)
}

// The records of frames are rows, whatever they hold; each bad one is a dead
// letter of its own, with its own position.
func TestFramesAreRows(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, note String, venue String")
		out := open(t, yamlFor(t, server, table, `columns: {id: id, note: '"n" + this.id.string()', venue: "@venue"}`))
		batch := service.MessageBatch{
			framed(100, map[string]string{"venue": "x"}, `{"id":1}`, `{"id":300}`, "{\n\"id\":\n2}"),
			service.NewMessage([]byte(`{"id":3}`)),
			framed(200, map[string]string{"venue": "y"}, `no`, `{"id":4}`),
		}
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"1", "n1", "x"}, {"2", "n2", "x"}, {"3", "n3", ""}, {"4", "n4", "y"}},
			query(t, server, "SELECT id, note, venue FROM default."+table+" ORDER BY id"))
		letters := boxOf(t).all()
		slices.SortFunc(letters, func(a, b letter) int { return strings.Compare(a.body, b.body) })
		require.Len(t, letters, 2)
		require.Equal(t, "no", letters[0].body)
		require.Equal(t, "200", letters[0].meta[metaOffset])
		require.Equal(t, `{"id":300}`, letters[1].body)
		require.Equal(t, "101", letters[1].meta[metaOffset])
		require.Equal(t, "x", letters[1].meta["venue"])
		require.EqualValues(t, 4, out.board.Rows())
	})
}

// The dead letter of an empty record says where it came from, alone and in a frame.
func TestEmptyRecordsHaveAPosition(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	out := open(t, yamlFor(t, server, newTable(t, server, "id UInt8"), ""))
	run := position.NewRun("kafka/t/0", 3)
	ctx := run.Mark(context.Background())
	var batch service.MessageBatch
	for i, data := range [][]byte{nil, []byte("no"), {}} {
		batch = append(batch, service.NewMessageWithContext(ctx, run.Add(int64(i), data)))
	}
	require.NoError(t, out.WriteBatch(t.Context(), append(batch, framed(10, nil, "", "", "x", ""), framed(20, nil, ""))))
	var offsets []string
	for _, l := range boxOf(t).all() {
		require.Equal(t, "kafka/t/0", l.meta[metaSource])
		offsets = append(offsets, l.meta[metaOffset])
	}
	require.ElementsMatch(t, []string{"0", "1", "2", "10", "11", "12", "13", "20"}, offsets)
}

// The token of rows is the same in frames and alone.
func TestFramesAreDeduplicated(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := newOnceTable(t, server, 100)
		out := open(t, yamlFor(t, server, table, ""))
		var texts []string
		run := position.NewRun("kafka/t/0", 50)
		ctx := run.Mark(context.Background())
		var alone service.MessageBatch
		for i := range 50 {
			text := fmt.Sprintf(`{"id":%d}`, i)
			texts = append(texts, text)
			data := []byte(text)
			run.Add(int64(i), data)
			alone = append(alone, service.NewMessageWithContext(ctx, data))
		}
		require.NoError(t, out.WriteBatch(t.Context(), alone))
		require.NoError(t, out.WriteBatch(t.Context(), service.MessageBatch{framed(0, nil, texts[:20]...), framed(20, nil, texts[20:]...)}))
		require.Equal(t, [][]string{{"50"}}, query(t, server, "SELECT count() FROM default."+table))
	})
}

// Records of one frame may go to several shards, and to a table that cannot be
// told.
func TestFramesAreDividedAndSplit(t *testing.T) {
	s, err := newSharder("key", 2)
	require.NoError(t, err)
	n := namerOf(t, `${! @table }`)
	all := recordsOf(service.MessageBatch{
		framed(0, map[string]string{"table": "a"}, `{"key":0}`, `{"key":1}`, `{}`, `{"key":2}`),
		framed(0, map[string]string{"table": "b.c.d"}, `{"key":0}`, `{"key":1}`),
		framed(0, map[string]string{"table": "a"}, `{"key":3}`, `{"key":4}`),
	})
	groups, bad := n.split(all)
	require.Equal(t, []group{{table: "a", rows: []int{0, 1, 2, 3, 6, 7}}}, groups)
	require.Len(t, bad, 2)
	groups, bad = s.divide(all, groups)
	require.Len(t, bad, 1)
	require.Equal(t, 2, bad[0].index)
	require.Equal(t, []group{{table: "a", rows: []int{0, 3, 7}}, {table: "a", shard: 1, rows: []int{1, 6}}}, groups)
}

// A table that is named by the record is asked for each of a frame.
func TestTheTableOfEachRecordOfAFrame(t *testing.T) {
	n := namerOf(t, `${! json("table") }`)
	groups, bad := n.split(recordsOf(service.MessageBatch{framed(0, nil, `{"table":"a"}`, `{"table":"b"}`, `{"table":"a"}`)}))
	require.Empty(t, bad)
	require.Equal(t, []int{0, 2}, groups[0].rows)
	require.Equal(t, []int{1}, groups[1].rows)
}

// A frame that a processor has made something else of is one record, as those
// are that were taken out of it.
func TestARewrittenFrameIsOneRecord(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt8")
	out := open(t, yamlFor(t, server, table, ""))
	m := framed(0, nil, `{"id":1}`, `{"id":2}`)
	rewritten, taken := m.Copy(), m.Copy()
	rewritten.SetBytes([]byte(`{"id":3}`))
	taken.SetBytes(frame.Of(m).Record(1))
	require.NoError(t, out.WriteBatch(t.Context(), service.MessageBatch{rewritten, taken}))
	require.Equal(t, [][]string{{"2"}, {"3"}}, query(t, server, "SELECT id FROM default."+table+" ORDER BY id"))
}

// Errors that are handed back name the message, whose records are all delivered
// again.
func TestRejectHandsBackFrames(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8")
		yaml := strings.Replace(yamlFor(t, server, table, ""), fmt.Sprintf("{letter_box: {name: %q}}", t.Name()), "{reject: no}", 1)
		out := open(t, yaml)
		batch := service.MessageBatch{framed(0, nil, `{"id":1}`), framed(1, nil, `{"id":2}`, `{"id":300}`, `{"id":301}`)}
		err := out.WriteBatch(t.Context(), batch)
		var failed *service.BatchError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, 1, failed.IndexedErrors())
	})
}
