package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// columnMissingError says that the configuration asks for a column that the
// table does not have.
type columnMissingError struct{ column, table string }

func (e *columnMissingError) Error() string {
	return fmt.Sprintf("%s.%s: table %q has no column %q that can be inserted", pluginName, fieldColumns, e.table, e.column)
}

// pick keeps the named columns, in that order; with no names, all of them.
func pick(s *column.Schema, names []string) (*column.Schema, error) {
	if len(names) == 0 {
		return s, nil
	}
	picked := make([]column.Spec, 0, len(names))
	for _, name := range names {
		i, ok := s.Index(name)
		if !ok {
			return nil, &columnMissingError{column: name, table: s.Table}
		}
		picked = append(picked, s.Columns[i])
	}
	return column.NewSchema(s.Table, picked), nil
}

// readSchema asks the server for the insertable columns of a table.
func readSchema(ctx context.Context, conn driver.Conn, table string) (*column.Schema, error) {
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
	var columns []column.Spec
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("reading the columns of table %q: %w", table, err)
		}
		switch fields[2] {
		case "MATERIALIZED", "ALIAS":
		default:
			columns = append(columns, column.Spec{Name: fields[0], Type: fields[1], HasDefault: fields[2] != ""})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the columns of table %q: %w", table, err)
	}
	return column.NewSchema(table, columns), nil
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
		return fmt.Errorf("%s.%s: table name %q holds %q; letters, digits, _ and one point are expected", pluginName, fieldTable, rec.Shorten([]byte(table)), table[i])
	}
	return nil
}
