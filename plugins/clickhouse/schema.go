package clickhouse

import "github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"

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
