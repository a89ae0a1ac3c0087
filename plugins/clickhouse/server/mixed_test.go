package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// mixedPart are n rows of id, a and b, which lack a and b at random, and those that
// a plain INSERT takes by what they lack.
func mixedPart(s *column.Schema, n int) column.Part {
	r := rand.New(rand.NewPCG(1, 2))
	ids, as, bs := make([]uint32, n), make([]uint32, n), make([]uint32, n)
	b := &column.Block{Schema: s, Absent: make([]bool, 3), Rows: make([]int, n), Weight: 30 * n}
	b.Columns = make([]column.Column, 3)
	b.Mix()
	for i := range n {
		ids[i] = uint32(i)
		missing := []bool{false, r.IntN(2) == 0, r.IntN(2) == 0}
		if !missing[1] {
			as[i] = 1_000_000 + uint32(i)
		}
		if !missing[2] {
			bs[i] = 2_000_000 + uint32(i)
		}
		b.Lack(missing)
	}
	copy(b.Columns, []column.Column{numbers{values: ids}, numbers{values: as}, numbers{values: bs}})
	return column.Part{Block: b, To: n}
}

const mixedColumns = "(id UInt32, a UInt32 DEFAULT id * 2 + m, b UInt32 DEFAULT a + l, m UInt32 MATERIALIZED id + 5, l UInt32 ALIAS m + 1)"

// mixedWant is what a row is to be.
const mixedWant = "countIf(a = if(a >= 1000000 AND a < 2000000, 1000000 + id, id * 3 + 5)), countIf(b = if(b >= 2000000, 2000000 + id, a + id + 6))"

// Rows that lack different columns are stored by one INSERT, and get the defaults,
// also those that refer to other columns; in pieces too.
func TestRowsThatLackDifferentColumnsAreOneInsert(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		for _, compression := range []string{LZ4, ZSTD, "none"} {
			table := newTable(t, d, mixedColumns+" ENGINE = MergeTree ORDER BY id")
			r := d.replica(t, func(c *Config) { c.Compression, c.Piece = compression, 3000 })
			s, err := r.Columns(t.Context(), table)
			require.NoError(t, err)
			refusal, err := r.TryMixed(t.Context(), s, table)
			require.NoError(t, err)
			require.NoError(t, refusal)
			part := mixedPart(s, 1000)
			require.True(t, part.Varies())
			w, err := r.Insert(t.Context(), Insert{Table: table, Part: part})
			require.NoError(t, err)
			if !d.Legacy() {
				require.True(t, w.Known)
				require.EqualValues(t, 1000, w.Rows)
			}
			require.Equal(t, [][]string{{"1000", "1000", "1000", "1000", "1"}}, query(t, d, "SELECT count(), uniqExact(id), "+mixedWant+
				", (SELECT count() FROM system.parts WHERE table = '"+table.Name+"') FROM "+table.Name))
		}
	})
}

// A repeated token is recognised, whatever columns its rows lack.
func TestAMixedInsertIsDeduplicated(t *testing.T) {
	for _, http := range []bool{false, true} {
		t.Run(fmt.Sprint(http), func(t *testing.T) {
			d := door{stack.Shared.ClickHouse(t, stack.KindChDB), http}
			table := newTable(t, d, mixedColumns+" ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100")
			r := d.replica(t)
			s, err := r.Columns(t.Context(), table)
			require.NoError(t, err)
			for i, in := range []Insert{{Token: "a"}, {Token: "a"}, {Token: "b"}, {Deduplication: NoDeduplication}, {Deduplication: NoDeduplication}} {
				in.Table, in.Part = table, mixedPart(s, 100)
				w, err := r.Insert(t.Context(), in)
				require.NoError(t, err)
				require.Equal(t, !http && i == 1, w.Deduplicated)
			}
			require.Equal(t, "400", query(t, d, "SELECT count() FROM "+table.Name)[0][0])
		})
	}
}

// What the server would turn into another number, it is not sent, nor rows that would get
// another default than it has by now.
func TestAMixedInsertIsForTheTableAsItIs(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		for _, alter := range []string{
			"MODIFY COLUMN a UInt8 DEFAULT id * 2 + m", "MODIFY COLUMN a UInt32 DEFAULT id * 7", "DROP COLUMN b", "MODIFY COLUMN m UInt32 MATERIALIZED id + 7",
		} {
			table := newTable(t, d, strings.ReplaceAll(mixedColumns, ", l UInt32 ALIAS m + 1", ", l UInt32 ALIAS id")+" ENGINE = MergeTree ORDER BY id")
			r := d.replica(t)
			s, err := r.Columns(t.Context(), table)
			require.NoError(t, err)
			require.NoError(t, d.Exec(t.Context(), "ALTER TABLE default."+table.Name+" "+alter))
			_, err = r.Insert(t.Context(), Insert{Table: table, Part: mixedPart(s, 100)})
			require.ErrorIs(t, err, ErrSchemaChanged, alter)
			require.Equal(t, "0", query(t, d, "SELECT count() FROM "+table.Name)[0][0])
		}
	})
}
