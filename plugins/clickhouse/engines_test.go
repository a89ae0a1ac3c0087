package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Whatever the engine makes of the rows of an insert, or throws away of them, they are
// stored as far as the server is concerned: nothing is sent again.
func TestEveryEngineTakesRows(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		for name, c := range map[string]struct {
			ddl  string
			kept string // how many rows there are in the end; "" where a merge may come first
			bad  int
			late bool // of what 18.16 does not know
		}{
			"replacing":  {ddl: "(id UInt32, v UInt32) ENGINE = ReplacingMergeTree ORDER BY id"},
			"summing":    {ddl: "(id UInt32, v UInt32) ENGINE = SummingMergeTree ORDER BY id"},
			"collapsing": {ddl: "(id UInt32, v UInt32, s Int8 DEFAULT if(v % 2 = 1, 1, -1)) ENGINE = CollapsingMergeTree(s) ORDER BY id"},
			"null":       {ddl: "(id UInt32, v UInt32) ENGINE = Null", kept: "0"},
			"memory":     {ddl: "(id UInt32, v UInt32) ENGINE = Memory", kept: "300"},
			"log":        {ddl: "(id UInt32, v UInt32) ENGINE = Log", kept: "300"},
			"partitions": {ddl: "(id UInt32, v UInt32) ENGINE = MergeTree PARTITION BY v ORDER BY id", kept: "300"},
			"expired":    {ddl: "(id UInt32, v UInt32, at DateTime DEFAULT toDateTime(100000)) ENGINE = MergeTree ORDER BY id TTL at + INTERVAL 1 DAY", late: true},
			"ephemeral":  {ddl: "(id UInt32, v UInt32 EPHEMERAL, w UInt32 DEFAULT v + 1) ENGINE = MergeTree ORDER BY id", kept: "300", late: true},
			"constraint": {ddl: "(id UInt32, v UInt32, CONSTRAINT small CHECK v < 299) ENGINE = MergeTree ORDER BY id", kept: "299", bad: 1, late: true},
		} {
			t.Run(name, func(t *testing.T) {
				if c.late && server.Kind() == stack.KindLegacy {
					t.Skip("18.16 does not know it")
				}
				table := fmt.Sprintf("t%d", tableNumber.Add(1))
				require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+table+" "+c.ddl))
				out := open(t, yamlFor(t, server, table, ""))
				var texts []string
				for i := range 300 {
					texts = append(texts, fmt.Sprintf(`{"id":%d,"v":%d}`, i/3, i))
				}
				ctx, cancel := context.WithTimeout(t.Context(), long)
				defer cancel()
				require.NoError(t, out.WriteBatch(ctx, records(texts...)))
				require.EqualValues(t, 300-c.bad, out.board.Rows())
				require.Zero(t, out.board.Table(table).Retries.Load(), "the server has what it was sent")
				require.Len(t, boxOf(t).all(), c.bad)
				if c.kept != "" {
					require.Equal(t, c.kept, query(t, server, "SELECT count() FROM default."+table)[0][0])
				}
			})
		}
	})
}

// One record that is larger than any piece of an insert is stored as it is.
func TestAHugeRow(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, s String")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`, `{"id":2,"s":"`+strings.Repeat("x", 24<<20)+`"}`, `{"id":3}`)))
		require.Equal(t, [][]string{{"3", fmt.Sprint(24 << 20)}}, query(t, server, "SELECT count(), sum(length(s)) FROM default."+table))
	})
}
