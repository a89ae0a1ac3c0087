package clickhouse

import (
	"fmt"
	"testing"

	chproto "github.com/ClickHouse/ch-go/proto"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// A column of the driver that was sent and emptied takes the next piece as a new
// one would.
func TestPiecesOfEveryType(t *testing.T) {
	for _, c := range roundTrips {
		if unsplit.MatchString(c.typ) {
			continue
		}
		t.Run(c.typ, func(t *testing.T) {
			d := decoderFor(column.NewSchema("t", []column.Spec{{Name: "c", Type: c.typ}}), false)
			for i := range 4 {
				require.NoError(t, d.Add([]byte(`{"c":`+c.json+`}`), i))
			}
			used, fresh := driverColumn(t, c.typ), driverColumn(t, c.typ)
			var first, second, want chproto.Buffer
			send := func(to chcolumn.Interface, from, end int, buf *chproto.Buffer) {
				require.NoError(t, segment{block: d.Blocks()[0], from: from, to: end}.fill([]chcolumn.Interface{to}))
				require.Equal(t, end-from, to.Rows())
				to.Encode(buf)
				to.Reset()
			}
			send(used, 0, 3, &first)
			send(used, 3, 4, &second)
			send(fresh, 3, 4, &want)
			require.Equal(t, want.Buf, second.Buf)
			require.NotEqual(t, first.Buf, second.Buf)
		})
	}
}

func driverColumn(t *testing.T, typ string) chcolumn.Interface {
	t.Helper()
	c, err := chcolumn.Type(typ).Column("c", &chcolumn.ServerContext{})
	require.NoError(t, err)
	return c
}

// A large insert goes to the driver in pieces, and is one to the server.
func TestPiecesAreOneInsert(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, s String, k LowCardinality(String), a Array(String)")
		query(t, server, "SYSTEM STOP MERGES default."+table)
		out := open(t, yamlFor(t, server, table, ""))
		out.cfg.pieceWeight = 500
		var texts []string
		for i := range 1000 {
			texts = append(texts, fmt.Sprintf(`{"id":%d,"s":"text %d","k":"k%d","a":["%d","x"]}`, i, i, i/7, i))
		}
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.Equal(t, [][]string{{"1000", "1000", "1000"}}, query(t, server, "SELECT count(), uniqExact(id), countIf(s = concat('text ', toString(id)) AND "+
			"k = concat('k', toString(intDiv(id, 7))) AND a = [toString(id), 'x']) FROM default."+table))
		require.Equal(t, [][]string{{"1"}}, query(t, server, "SELECT count() FROM system.parts WHERE active AND table = '"+table+"'"))
	})
}

func TestPieces(t *testing.T) {
	cfg := &config{pieceWeight: 1000}
	b := &column.Block{Schema: column.NewSchema("t", []column.Spec{{Name: "s", Type: "String"}}), Rows: make([]int, 100), Weight: 10_000}
	whole := segment{block: b, to: 100}
	require.Len(t, whole.pieces(cfg), 10)
	require.Len(t, segment{block: b, from: 40, to: 55}.pieces(cfg), 2)
	require.Equal(t, []segment{{block: b, from: 40, to: 47}, {block: b, from: 47, to: 55}}, segment{block: b, from: 40, to: 55}.pieces(cfg))
	cfg.pieceWeight = 1
	require.Len(t, whole.pieces(cfg), 100, "a piece has a row at least")
	cfg.http = true
	require.Equal(t, []segment{whole}, whole.pieces(cfg), "over HTTP nothing is gained")
	cfg.http, b.Schema = false, column.NewSchema("t", []column.Spec{{Name: "s", Type: "Map(String, JSON)"}})
	require.Equal(t, []segment{whole}, whole.pieces(cfg))
}
