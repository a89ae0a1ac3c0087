package clickhouse

import (
	"fmt"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// An array of objects, and objects one after the other, are as many rows; each bad
// one, or broken line, is a dead letter of its own, with the position of what it came in.
func TestOneMessageIsSeveralRows(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, note String, venue String")
		out := open(t, yamlFor(t, server, table, `columns: {id: id, note: '"n" + this.id.string()', venue: "@venue"}`))
		batch := service.MessageBatch{
			framed(100, map[string]string{"venue": "x"}, `[{"id":1},{"id":300},{"id":2}]`, `{"id":3}`, "\xef\xbb\xbf{\"id\":4}\n{\"id\":5}\n\n"),
			service.NewMessage([]byte("{\"id\":6}{\"id\":-1}\r\n{\"id\":7}")),
			service.NewMessage([]byte(`[]`)),
			service.NewMessage([]byte(`[{"id":8},`)),
			service.NewMessage([]byte(`[{"id":9}, 1]`)),
			service.NewMessage([]byte("{\"id\":10}\n{\"id\":x\n[{\"id\":11},{\"id\":-2}]\noops")),
			service.NewMessage([]byte("neither\nnor\n")),
			service.NewMessage([]byte("{\"id\":y\n{\"id\":12}")),
		}
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"1", "n1", "x"}, {"2", "n2", "x"}, {"3", "n3", "x"}, {"4", "n4", "x"}, {"5", "n5", "x"}, {"6", "n6", ""}, {"7", "n7", ""}, {"9", "n9", ""}, {"10", "n10", ""}, {"11", "n11", ""}, {"12", "n12", ""}},
			query(t, server, "SELECT id, note, venue FROM default."+table+" ORDER BY id"))
		bodies := map[string]string{}
		for _, l := range boxOf(t).all() {
			bodies[l.body] = l.meta[metaOffset]
			require.NotEmpty(t, l.meta[metaError])
		}
		require.Equal(t, map[string]string{`{"id":300}`: "100", `{"id":-1}`: "", `[{"id":8},`: "", `[]`: "", `1`: "", `{"id":x`: "", `{"id":-2}`: "", "oops": "", "neither\nnor\n": "", `{"id":y`: ""}, bodies)
		require.EqualValues(t, 11, out.board.Rows())
	})
}

// Equal objects of one message are rows of their own, and known again when the
// message comes again.
func TestSeveralRowsOfAMessageAreDeduplicated(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := fmt.Sprintf("t%d", tableNumber.Add(1))
		require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+table+" (id UInt8, m UInt8 MATERIALIZED throwIf(id = 9)) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100"))
		out := open(t, yamlFor(t, server, table, ""))
		// The server refuses one of them, so that each is inserted alone in the end.
		for range 2 {
			require.NoError(t, out.WriteBatch(t.Context(), service.MessageBatch{framed(7, nil, `[{"id":9},{"id":1},{"id":9},{"id":1}]`)}))
			require.Equal(t, [][]string{{"2"}}, query(t, server, "SELECT count() FROM default."+table))
		}
	})
}
