package server

import (
	"context"
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// where selects a table's rows in a system table.
func (t Table) where(column string) string {
	if t.Database == "" {
		return "database = currentDatabase() AND " + column + " = " + Literal(t.Name)
	}
	return "database = " + Literal(t.Database) + " AND " + column + " = " + Literal(t.Name)
}

// Columns implements Server. It asks the list of columns, and not DESCRIBE,
// whose answer settings of the user's profile change.
func (r *Replica) Columns(ctx context.Context, t Table) (*column.Schema, error) {
	rows, err := r.Texts(ctx, 3, "SELECT name, type, default_kind FROM system.columns WHERE "+t.where("table"))
	if err == nil && len(rows) == 0 {
		err = r.whyNoColumns(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the columns of table %s: %w", t, err)
	}
	var specs []column.Spec
	for _, row := range rows {
		switch row[2] {
		case "MATERIALIZED", "ALIAS":
		default:
			specs = append(specs, column.Spec{Name: row[0], Type: row[1], HasDefault: row[2] != ""})
		}
	}
	return column.NewSchema(t.String(), specs), nil
}

// whyNoColumns lets the server say why it shows no columns of a table: it does
// not exist, or the user may not see it.
func (r *Replica) whyNoColumns(ctx context.Context, t Table) error {
	if err := r.run(ctx, "DESCRIBE TABLE "+t.SQL()); err != nil {
		return err
	}
	return &classifiedError{SchemaFault, "system.columns shows none of them to this user"}
}
