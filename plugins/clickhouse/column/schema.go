package column

import "slices"

// Spec is one column that an INSERT may name.
type Spec struct {
	Name       string
	Type       string // as DESCRIBE TABLE spells it
	HasDefault bool
	// Default is the value of a default that is the same for every row (see
	// IsConstant), in JSON as the server writes it with date_time_output_format=iso
	// and output_format_json_quote_denormals=1; "" if it is not known. A column that
	// has one need not be left out of an INSERT for the records that lack its field.
	Default string
	// Expression is the default as the server prints it, "" if there is none.
	Expression string
}

// Schema is the columns of a table that can be inserted. It is not changed once
// it is in use, and then safe for concurrent use.
type Schema struct {
	Table   string
	Columns []Spec
	// Computed are the columns that no INSERT names, such as those that are
	// MATERIALIZED or an ALIAS: defaults may refer to them.
	Computed []Spec
	// Lost are columns that rows were stored for and that are gone. A record that
	// still has one must not be stored without.
	Lost map[string]bool

	index map[string]int
}

// NewSchema returns the schema of a table.
func NewSchema(table string, columns []Spec) *Schema {
	s := &Schema{Table: table, Columns: columns, index: make(map[string]int, len(columns))}
	for i, c := range columns {
		s.index[c.Name] = i
	}
	return s
}

// Index returns the number of the column of a name.
func (s *Schema) Index(name string) (int, bool) {
	i, ok := s.index[name]
	return i, ok
}

// Lose notes a column that the table had. The schema is not in use yet.
func (s *Schema) Lose(name string) {
	if s.Lost == nil {
		s.Lost = map[string]bool{}
	}
	s.Lost[name] = true
}

// Same reports whether two schemas insert alike, however their types are spelt.
func (s *Schema) Same(other *Schema) bool {
	return slices.EqualFunc(s.Columns, other.Columns, Spec.same) && slices.EqualFunc(s.Computed, other.Computed, Spec.same)
}

func (c Spec) same(other Spec) bool {
	return c.HasDefault == other.HasDefault && c.Default == other.Default && c.sameAs(other)
}

// sameAs reports whether the server makes the same of both for a row without them.
func (c Spec) sameAs(other Spec) bool {
	return c.Name == other.Name && c.Expression == other.Expression && Same(c.Type, other.Type)
}

// Computes reports whether a table as it is now computes the same for what defaults
// may refer to.
func (s *Schema) Computes(now *Schema) bool {
	has := func(c Spec) bool {
		return slices.ContainsFunc(now.Computed, c.sameAs) || slices.ContainsFunc(now.Columns, c.sameAs)
	}
	return !slices.ContainsFunc(s.Computed, func(c Spec) bool { return !has(c) })
}
