package server

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// Codes of limits on what a query reads.
const (
	codeTooManyRows  = 158
	codeTooManyBytes = 307
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
	sql := "SELECT name, type, default_kind, default_expression FROM system.columns WHERE " + t.where("table")
	rows, err := r.Texts(ctx, 4, sql)
	if code, ok := Code(err); ok && (code == codeTooManyRows || code == codeTooManyBytes) {
		// A limit that is meant for reading data must not keep a table from being filled.
		rows, err = r.Texts(ctx, 4, sql+" SETTINGS max_rows_to_read = 0, max_bytes_to_read = 0")
	}
	if err == nil && len(rows) == 0 {
		err = r.whyNoColumns(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the columns of table %s: %w", t, err)
	}
	var specs, computed []column.Spec
	expressions := map[int]string{} // of the defaults that are constants
	for _, row := range rows {
		switch row[2] {
		case "MATERIALIZED", "ALIAS":
			computed = append(computed, column.Spec{Name: row[0], Type: row[1], Expression: row[3]})
			continue
		case "DEFAULT":
			if column.IsConstant(row[3]) {
				expressions[len(specs)] = row[3]
			}
		}
		specs = append(specs, column.Spec{Name: row[0], Type: row[1], HasDefault: row[2] != "", Expression: row[3]})
	}
	r.fillDefaults(ctx, specs, expressions)
	schema := column.NewSchema(t.String(), specs)
	schema.Computed = computed
	return schema, nil
}

// fillDefaults lets the server work out the defaults that are constants, so that
// records which lack such columns need no insert of their own. A server that
// cannot say, or does not let the user ask, leaves them unknown.
func (r *Replica) fillDefaults(ctx context.Context, specs []column.Spec, expressions map[int]string) {
	if len(expressions) == 0 {
		return
	}
	var texts []string
	order := slices.Sorted(maps.Keys(expressions))
	for _, i := range order {
		texts = append(texts, "formatRowNoNewline('JSONEachRow', CAST("+expressions[i]+" AS "+specs[i].Type+fmt.Sprintf(") AS v%d)", i))
	}
	rows, err := r.Texts(ctx, 1, "SELECT arrayJoin(["+strings.Join(texts, ", ")+"]) SETTINGS date_time_output_format = 'iso', output_format_json_quote_denormals = 1")
	if err != nil || len(rows) != len(order) {
		return
	}
	for n, i := range order {
		_, value, ok := strings.Cut(rows[n][0], ":") // {"v0":1}
		if ok {
			specs[i].Default = strings.TrimSuffix(value, "}")
		}
	}
}

// whyNoColumns lets the server say why it shows no columns of a table: it does
// not exist, or the user may not see it.
func (r *Replica) whyNoColumns(ctx context.Context, t Table) error {
	if err := r.run(ctx, "DESCRIBE TABLE "+t.SQL()); err != nil {
		return err
	}
	return &classifiedError{SchemaFault, "system.columns shows none of them to this user"}
}
