package server

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
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
