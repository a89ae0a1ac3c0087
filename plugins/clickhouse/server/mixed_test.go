package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
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

// What the statement is made of: names that no default can mean, and of the columns that
// no INSERT names those that a default refers to, of itself or by way of others.
func TestTheStatementOfAMixedInsert(t *testing.T) {
	s := column.NewSchema("t", []column.Spec{
		{Name: "_x", Type: "UInt32"},
		{Name: "a", Type: "UInt8", HasDefault: true, Expression: "m + 1"},
		{Name: "b", Type: "String", HasDefault: true, Expression: "toString(a)"},
	})
	s.Computed = []column.Spec{
		{Name: "al", Type: "UInt8", Expression: "1"}, {Name: "other", Type: "UInt8", Expression: "m"}, {Name: "m", Type: "UInt8", Expression: "al + zero"}, {Name: "zero", Type: "Enum8('a' = 1)"},
	}
	presence := func(i int) column.Presence {
		return []column.Presence{column.EveryRow, column.SomeRows, column.NoRow}[i]
	}
	for short, want := range map[bool]string{
		true: "INSERT INTO `d`.`data_bridge_rows` (`_x`, `a`, `b`) SELECT `_x`, `a`, `b` FROM (SELECT __0 AS `_x`, if(__1_given, __1, CAST((m + 1) AS UInt8)) AS `a`, " +
			"if(__2_given, __2, CAST((toString(a)) AS String)) AS `b`, CAST((al + zero) AS UInt8) AS `m`, defaultValueOfTypeName('Enum8(\\'a\\' = 1)') AS `zero`, CAST((1) AS UInt8) AS `al` FROM data_bridge_rows_)",
		false: "INSERT INTO `d`.`data_bridge_rows` (`_x`, `a`, `b`) SELECT `_x`, `a`, `b` FROM (SELECT __0 AS `_x`, [CAST((m + 1) AS UInt8), __1][__1_given + 1] AS `a`, " +
			"[CAST((toString(a)) AS String), __2][__2_given + 1] AS `b`, CAST((al + zero) AS UInt8) AS `m`, defaultValueOfTypeName('Enum8(\\'a\\' = 1)') AS `zero`, CAST((1) AS UInt8) AS `al` FROM data_bridge_rows_)",
	} {
		r := &rows{table: Table{Database: "d", Name: "data_bridge_rows"}}
		r.mix(s, make([]column.Column, 3), make([]*column.Flags, 3), presence, short)
		require.Equal(t, want, r.mixture.sql)
		require.Equal(t, "__0 UInt32, __1 UInt8, __1_given UInt8, __2 String, __2_given UInt8", r.structure())
	}
}

// A server that refuses the statement is told from one that cannot be asked; where it is
// refused, an INSERT of such rows is not tried.
func TestARefusalOfMixedInserts(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		for name, c := range map[string]struct {
			fault   stack.Fault
			refused bool
			http    bool // only
		}{
			"a type that it does not choose from": {fault: stack.Fault{Code: 43, Text: "Illegal types"}, refused: true},
			"a right":                             {fault: stack.Fault{Code: 497, Text: "Not enough privileges"}, refused: true},
			"a code that is nobody's":             {fault: stack.Fault{Code: 167, Text: "AST is too deep"}, refused: true},
			"a proxy that takes no forms":         {fault: stack.Fault{Code: 0, Page: "no forms"}, http: true},
			"no such table":                       {fault: stack.Fault{Code: 60, Text: "Unknown table"}},
			"its load":                            {fault: stack.Fault{Code: 202, Text: "Too many simultaneous queries"}},
			"a view":                              {fault: stack.Fault{Code: 43, Text: "while pushing to view default.v (abc)"}},
			"a lost answer":                       {fault: stack.Fault{Cut: true, Execute: true}},
		} {
			if c.http && !d.http {
				continue
			}
			t.Run(name, func(t *testing.T) {
				table := newTable(t, d, mixedColumns+" ENGINE = MergeTree ORDER BY id")
				r := d.replica(t)
				schema, err := r.Columns(t.Context(), table)
				require.NoError(t, err)
				c.fault.Statement, c.fault.Times = "INSERT INTO", 1
				require.NoError(t, s.AddFault(t.Context(), c.fault))
				refusal, err := r.TryMixed(t.Context(), schema, table)
				if c.refused {
					require.NoError(t, err)
					require.ErrorContains(t, refusal, c.fault.Text)
				} else {
					require.NoError(t, refusal)
					require.Error(t, err)
				}
				refusal, err = r.TryMixed(t.Context(), schema, table)
				require.NoError(t, err)
				require.NoError(t, refusal)
				require.Equal(t, "0", query(t, d, "SELECT count() FROM "+table.Name)[0][0])
			})
		}
	})
	require.True(t, RefusesStatement(&StatusError{Status: http.StatusUnsupportedMediaType}))
	require.False(t, RefusesStatement(&StatusError{Status: http.StatusBadGateway}))
	require.False(t, RefusesStatement(ErrSchemaChanged))

	fixed := Features{settings: map[string]setting{settingReadOverflow: {known: true, value: "break", fixed: true}}}
	require.False(t, fixed.mixes(), "rows might be missing")
	fixed.settings[settingReadOverflow] = setting{known: true, value: "throw", fixed: true}
	require.True(t, fixed.mixes())
}

// What a profile has for queries that read does not keep a row back.
func TestAProfileForReadingKeepsNoRowBack(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		for name, settings := range map[string]map[string]string{
			"limit":      {"limit": "5"},
			"offset":     {"offset": "5"},
			"rows":       {"max_rows_to_read": "5"},
			"rows, cut":  {"max_rows_to_read": "5", "read_overflow_mode": "break"},
			"bytes, cut": {"max_bytes_to_read": "50", "read_overflow_mode": "break"},
			"a result":   {"max_result_rows": "5", "result_overflow_mode": "break"},
			"a leaf":     {"max_rows_to_read_leaf": "5", "read_overflow_mode_leaf": "break"},
			"nulls":      {"insert_null_as_default": "1", "cast_keep_nullable": "1"},
			"threads":    {"max_threads": "4", "max_insert_threads": "4", "max_block_size": "10"},
		} {
			t.Run(name, func(t *testing.T) {
				table := newTable(t, d, mixedColumns+" ENGINE = MergeTree ORDER BY tuple()")
				r := d.replica(t, func(c *Config) { c.Piece = 900 })
				schema, err := r.Columns(t.Context(), table)
				require.NoError(t, err)
				require.NoError(t, s.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO", Times: 1, Settings: settings}))
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: mixedPart(schema, 300)})
				require.NoError(t, err)
				require.Equal(t, [][]string{{"300", "300", "300", "300", "1"}}, query(t, d, "SELECT count(), uniqExact(id), "+mixedWant+
					", groupArray(id) = range(300) FROM "+table.Name))
			})
		}
	})
}

// Rows for a table that has the name of what they come in are stored in the table.
func TestATableOfTheNameOfTheExternalOne(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		table := Table{Name: externalName(Table{})}
		require.NoError(t, d.Exec(t.Context(), "CREATE TABLE default."+table.Name+" "+mixedColumns+" ENGINE = MergeTree ORDER BY id"))
		t.Cleanup(func() { require.NoError(t, d.Exec(context.Background(), "DROP TABLE default."+table.Name)) })
		r := d.replica(t)
		s, err := r.Columns(t.Context(), table)
		require.NoError(t, err)
		_, err = r.Insert(t.Context(), Insert{Table: table, Part: mixedPart(s, 50)})
		require.NoError(t, err)
		require.Equal(t, "50", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
	})
}
