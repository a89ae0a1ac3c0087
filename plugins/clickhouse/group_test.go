package clickhouse

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

func namerOf(t testing.TB, text string) tableNamer {
	t.Helper()
	expr, err := service.NewInterpolatedString(text)
	require.NoError(t, err)
	return newTableNamer(text, expr)
}

func batchFor(tables ...string) service.MessageBatch {
	var batch service.MessageBatch
	for _, table := range tables {
		m := service.NewMessage([]byte(`{}`))
		if table != "" {
			m.MetaSetMut("table", table)
		}
		batch = append(batch, m)
	}
	return batch
}

func TestALiteralTableIsOneGroup(t *testing.T) {
	n := namerOf(t, "ticks")
	batch := batchFor("", "", "")
	groups, bad := n.split(recordsOf(batch))
	require.Empty(t, bad)
	require.Equal(t, []group{{table: "ticks"}}, groups)
	require.Len(t, groups[0].of(recordsOf(batch)), 3)
}

func TestGroupsByTable(t *testing.T) {
	for _, text := range []string{`${! @table }`, `${!@table}`, `${! meta("table") }`, `${! metadata("table") }`, `${! @table.string() }`} {
		n := namerOf(t, text)
		groups, bad := n.split(recordsOf(batchFor("a", "a", "b", "a", "c.d.drop", "b")))
		require.Equal(t, []int{0, 1, 3}, groups[0].rows, text)
		require.Equal(t, []int{2, 5}, groups[1].rows)
		require.Len(t, bad, 1)
		require.Equal(t, 4, bad[0].index)
		require.ErrorContains(t, bad[0].err, `clickhouse.table: table name "c.d.drop": it has 2 points`)
	}
}

func TestAMissingTableNameIsABadRow(t *testing.T) {
	n := namerOf(t, `${! @table }`)
	groups, bad := n.split(recordsOf(batchFor("a", "", "a")))
	require.Equal(t, []int{0, 2}, groups[0].rows)
	require.ErrorContains(t, bad[0].err, `the message has no metadata key "table"`)
}

func BenchmarkSplit(b *testing.B) {
	tables := make([]string, 10_000)
	for i := range tables {
		tables[i] = "ticks"
	}
	batch := batchFor(tables...)
	n := namerOf(b, `${! @table }`)
	b.ReportAllocs()
	for b.Loop() {
		n.split(recordsOf(batch))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(batch)), "ns/row")
}
