package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// column is one column that an INSERT may name.
type column struct {
	name       string
	typ        string
	hasDefault bool
}

// schema is what an output knows about one table. It is not changed once it is
// in use.
type schema struct {
	table   string
	columns []column
	index   map[string]int
	lost    map[string]bool // columns that rows were stored for and that are gone
}

func newSchema(table string, columns []column) *schema {
	s := &schema{table: table, columns: columns, index: make(map[string]int, len(columns))}
	for i, c := range columns {
		s.index[c.name] = i
	}
	return s
}

// lose notes a column that the table had. A record that still has it must not
// be stored without.
func (s *schema) lose(column string) {
	if s.lost == nil {
		s.lost = map[string]bool{}
	}
	s.lost[column] = true
}

// columnMissingError says that the configuration asks for a column that the
// table does not have.
type columnMissingError struct{ column, table string }

func (e *columnMissingError) Error() string {
	return fmt.Sprintf("%s.%s: table %q has no column %q that can be inserted", pluginName, fieldColumns, e.table, e.column)
}

// pick keeps the named columns, in that order; with no names, all of them.
func (s *schema) pick(names []string) (*schema, error) {
	if len(names) == 0 {
		return s, nil
	}
	picked := make([]column, 0, len(names))
	for _, name := range names {
		i, ok := s.index[name]
		if !ok {
			return nil, &columnMissingError{column: name, table: s.table}
		}
		picked = append(picked, s.columns[i])
	}
	return newSchema(s.table, picked), nil
}

// sameColumns reports whether two schemas insert alike.
func (s *schema) sameColumns(other *schema) bool { return slices.Equal(s.columns, other.columns) }

// readSchema asks the server for the insertable columns of a table.
func readSchema(ctx context.Context, conn driver.Conn, table string) (*schema, error) {
	rows, err := conn.Query(ctx, "DESCRIBE TABLE "+quoteTable(table))
	if err != nil {
		return nil, fmt.Errorf("reading the columns of table %q: %w", table, err)
	}
	defer rows.Close()
	fields := make([]string, len(rows.Columns())) // name, type, default kind, ...; more in newer versions
	targets := make([]any, len(fields))
	for i := range fields {
		targets[i] = &fields[i]
	}
	var columns []column
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("reading the columns of table %q: %w", table, err)
		}
		switch fields[2] {
		case "MATERIALIZED", "ALIAS":
		default:
			columns = append(columns, column{name: fields[0], typ: fields[1], hasDefault: fields[2] != ""})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the columns of table %q: %w", table, err)
	}
	return newSchema(table, columns), nil
}

// quoteTable quotes a table, or a database and a table joined by a point.
func quoteTable(table string) string {
	database, name, ok := strings.Cut(table, ".")
	if !ok {
		return quote(table)
	}
	return quote(database) + "." + quote(name)
}

func quote(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// checkTableName refuses names that the driver's INSERT parser would not
// survive. They come from metadata, so that anything may arrive.
func checkTableName(table string) error {
	if table == "" {
		return fmt.Errorf("%s.%s: the table name is empty", pluginName, fieldTable)
	}
	if i := strings.IndexAny(table, "`'\"\\()[]{};, \t\r\n"); i >= 0 {
		return fmt.Errorf("%s.%s: table name %q holds %q; letters, digits, _ and one point are expected", pluginName, fieldTable, shorten([]byte(table)), table[i])
	}
	return nil
}

// width is how many bytes a row takes in the columns, beside its texts.
func (s *schema) width() (bytes int) {
	for _, c := range s.columns {
		bytes += typeWidth(c.typ)
	}
	return bytes
}

// typeWidth is an estimate from above for a value of the type, beside its texts
// and the elements of its arrays.
func typeWidth(typ string) int {
	t, err := parseType(typ)
	if err != nil {
		return 32
	}
	switch t.name {
	case "Nullable":
		return 1 + typeWidth(t.args[0])
	case "FixedString":
		n, _ := t.intArg(0)
		return n
	case "Tuple":
		width := 0
		for _, arg := range t.args {
			_, inner := elementOf(arg)
			width += typeWidth(inner)
		}
		return width
	case "Variant", "Dynamic", "Int256", "UInt256", "Decimal", "Decimal256":
		return 32
	case "String", "JSON", "UUID", "IPv6", "Int128", "UInt128", "Decimal128":
		return 16
	}
	return 8
}
