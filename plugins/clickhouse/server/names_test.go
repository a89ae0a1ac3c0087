package server

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

func TestParseTable(t *testing.T) {
	for text, want := range map[string]Table{
		"ticks":                {Name: "ticks"},
		"market.ticks":         {Database: "market", Name: "ticks"},
		"my table":             {Name: "my table"},
		"price (usd)":          {Name: "price (usd)"},
		"x)":                   {Name: "x)"},
		"we`ird":               {Name: "we`ird"},
		"`a.b`":                {Name: "a.b"},
		`"a.b"`:                {Name: "a.b"},
		"db.`a.b`":             {Database: "db", Name: "a.b"},
		"`d.b`.`a``b`":         {Database: "d.b", Name: "a`b"},
		"`a\\`b\\\\`":          {Name: "a`b\\"},
		"тики":                 {Name: "тики"},
		"a; DROP TABLE b":      {Name: "a; DROP TABLE b"},
		"a`; DROP TABLE b; --": {Name: "a`; DROP TABLE b; --"},
	} {
		got, err := ParseTable(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := ParseTable(got.String())
		require.NoError(t, err)
		require.Equal(t, want, again)
	}
	for text, message := range map[string]string{
		"":                        "a name is empty",
		".t":                      "a name is empty",
		"db.":                     "a name is empty",
		"``":                      "a name is empty",
		"a.b.c":                   "it has 2 points, and one divides the database from the table: write a name that holds a point in backquotes",
		"`a":                      "does not end with it",
		"`a`b":                    `"b" follows a quoted name`,
		strings.Repeat("x", 1000): "has 1000 bytes, more than 255",
	} {
		_, err := ParseTable(text)
		require.ErrorContains(t, err, message, text)
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add("a", "b.c")
	f.Add("", "`\\\"")
	f.Fuzz(func(t *testing.T, database, name string) {
		if name == "" || len(name) > longestName || len(database) > longestName {
			return
		}
		want := Table{database, name}
		got, err := ParseTable(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, _ = ParseTable(name) // which must not panic
	})
}

// oddNames are names that ClickHouse takes.
var oddNames = []string{
	"price (usd)", "x)", "(", "a.b", "a`b", `a"b`, `a'b`, `back\slash`, "with space", "тики", "a,b", "a;b", "values", "format", "1st", "a\tb", "a\nb", "{x:y}", "?", "--", "/*",
}

// Whatever the server takes for the name of a column, a table or a database can
// be inserted into.
func TestEveryName(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		for _, name := range oddNames {
			t.Run(name, func(t *testing.T) {
				table := Table{Database: "db " + name, Name: "t " + name}
				if d.Legacy() { // which has no file of such a name
					table = Table{Database: strings.NewReplacer("/", "").Replace(table.Database), Name: strings.NewReplacer("/", "").Replace(table.Name)}
				}
				require.NoError(t, d.Exec(t.Context(), "CREATE DATABASE IF NOT EXISTS "+Quote(table.Database)))
				require.NoError(t, d.Exec(t.Context(), "DROP TABLE IF EXISTS "+table.SQL()))
				require.NoError(t, d.Exec(t.Context(), "CREATE TABLE "+table.SQL()+" ("+Quote(name)+" UInt32, other UInt32 DEFAULT 7) ENGINE = MergeTree ORDER BY tuple()"))
				r := d.replica(t)
				s, err := r.Columns(t.Context(), table)
				require.NoError(t, err)
				require.Equal(t, []column.Spec{{Name: name, Type: "UInt32"}, {Name: "other", Type: "UInt32", HasDefault: true, Default: d.toldDefault("7"), Expression: s.Columns[1].Expression}}, s.Columns)
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: partOf([]column.Spec{{Name: name, Type: "UInt32"}}, numbersOf(5))})
				require.NoError(t, err)
				require.Equal(t, [][]string{{"5", "7"}}, query(t, d, "SELECT "+Quote(name)+", other FROM "+table.SQL()))
				require.NoError(t, d.Exec(t.Context(), "ALTER TABLE "+table.SQL()+" ADD COLUMN more UInt32 DEFAULT "+Quote(name)+" + 1"))
				s, err = r.Columns(t.Context(), table)
				require.NoError(t, err)
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: mixedPart(s, 20)})
				require.NoError(t, err)
				n := Quote(name)
				require.Equal(t, [][]string{{"21", "21", "21"}}, query(t, d, "SELECT count(), countIf(other = 7 OR other = 1000000 + "+n+"), countIf(more = "+n+" + 1 OR more = 2000000 + "+n+") FROM "+table.SQL()))
				require.NoError(t, r.TryInsert(t.Context(), s, table))
				_, err = r.Window(t.Context(), table)
				require.NoError(t, err)
				own := d.replica(t, func(c *Config) { c.Database = table.Database })
				s, err = own.Columns(t.Context(), Table{Name: table.Name})
				require.NoError(t, err)
				require.Len(t, s.Columns, 3)
				_, err = own.Insert(t.Context(), Insert{Table: Table{Name: table.Name}, Part: partOf([]column.Spec{{Name: name, Type: "UInt32"}}, numbersOf(6))})
				require.NoError(t, err)
			})
		}
	})
}
