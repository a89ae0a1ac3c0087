package clickhouse

import (
	"slices"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// pick keeps the named columns, in that order; with no names, all of them. What no
// INSERT names, the server fills in.
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
	schema := column.NewSchema(s.Table, picked)
	schema.Computed = slices.Clone(s.Computed)
	for _, c := range s.Columns {
		if _, named := schema.Index(c.Name); !named {
			schema.Computed = append(schema.Computed, column.Spec{Name: c.Name, Type: c.Type, Expression: c.Expression})
		}
	}
	return schema, nil
}
