package server

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

const idAndText = "(id UInt32, s String) ENGINE = MergeTree ORDER BY id"

func TestInsert(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		for _, compression := range []string{LZ4, ZSTD, None} {
			for _, piece := range []int{0, 500} {
				t.Run(fmt.Sprint(compression, piece), func(t *testing.T) {
					table := newTable(t, d, idAndText)
					r := d.replica(t, func(c *Config) { c.Compression, c.Piece = compression, piece })
					query(t, d, "SYSTEM STOP MERGES default."+table.Name)
					for i := range 3 {
						w, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(1000*i, 1000)})
						require.NoError(t, err)
						t.Logf("%+v", w)
					}
					require.Equal(t, [][]string{{"3000", "3000", "3000"}},
						query(t, d, "SELECT count(), uniqExact(id), countIf(s = concat('text ', toString(id))) FROM default."+table.Name))
					require.Equal(t, [][]string{{"3"}}, query(t, d, "SELECT count() FROM system.parts WHERE active AND table = '"+table.Name+"'"), "an insert is one block")
				})
			}
		}
	})
}

// Columns are those that the server asks for however it spells their types, and
// are sent in its order and by its spelling.
func TestColumnsAreArrangedByTypeAndName(t *testing.T) {
	fields := []field{{Spec: column.Spec{Name: "t", Type: "Tuple(\n    a UInt8,\n    b String)"}}, {Spec: column.Spec{Name: "d", Type: "Decimal(9,2)"}}}
	got, err := arranged(fields, []columnInfo{{name: "d", typ: "Decimal(9, 2)"}, {name: "t", typ: "Tuple(a UInt8, b String)"}})
	require.NoError(t, err)
	require.Equal(t, []field{{Spec: column.Spec{Name: "d", Type: "Decimal(9, 2)"}}, {Spec: column.Spec{Name: "t", Type: "Tuple(a UInt8, b String)"}}}, got)
	for _, wanted := range [][]columnInfo{
		{{name: "d", typ: "Decimal(9, 2)"}},
		{{name: "d", typ: "Decimal(9, 2)"}, {name: "x", typ: "Tuple(a UInt8, b String)"}},
		{{name: "d", typ: "Decimal(9, 2)"}, {name: "t", typ: "Tuple(b UInt8, a String)"}},
		{{name: "d", typ: "Decimal(9, 2)"}, {name: "d", typ: "Decimal(9, 2)"}},
	} {
		_, err := arranged(fields, wanted)
		require.ErrorIs(t, err, ErrSchemaChanged)
	}
}
