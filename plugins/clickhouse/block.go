package clickhouse

import "fmt"

// block is rows on their way to one INSERT: builders of equal length, and for
// every row the index of the message it came from.
type block struct {
	schema   *schema
	builders []builder
	absent   []bool // columns that the INSERT leaves out, so that the server's default applies
	rows     []int
	weight   int    // bytes of the records that the rows were
	text     []byte // that values alias which are no part of their records
}

// newBlock returns an empty block for the schema.
func newBlock(s *schema, rules timeRules) (*block, error) {
	b := &block{schema: s, absent: make([]bool, len(s.columns))}
	for _, c := range s.columns {
		col, err := newColumn(c.typ, rules)
		if err != nil {
			return nil, fmt.Errorf("column %q of table %q: %w; %w", c.name, s.table, err, errUnsupported)
		}
		b.builders = append(b.builders, col)
	}
	return b, nil
}

func (b *block) reset() {
	for _, c := range b.builders {
		c.reset()
	}
	b.rows, b.weight = b.rows[:0], 0
	b.text = nil // values that are on their way may still alias it
}
