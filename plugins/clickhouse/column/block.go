package column

import "fmt"

// Block is rows on their way to one INSERT. It belongs to one goroutine at a
// time; while only Encode and the like are called, to several.
type Block struct {
	Schema  *Schema
	Columns []Column // of the schema's columns; all of the same length
	// Absent tells which columns the INSERT leaves out, so that the server's
	// default applies. They hold zeros.
	Absent []bool
	Rows   []int // of each row, the index of the record that it came from
	Weight int   // bytes of the records that the rows were
	// Reader is what the format that fills the block keeps with its columns from
	// one use to the next.
	Reader any

	room room
}

// NewBlock returns an empty block for a schema. The error names the column
// whose type is not supported.
func NewBlock(s *Schema, rules Rules) (*Block, error) {
	b := &Block{Schema: s, Absent: make([]bool, len(s.Columns))}
	for _, c := range s.Columns {
		col, err := New(c.Type, rules)
		if err != nil {
			return nil, fmt.Errorf("column %q of table %q: %w", c.Name, s.Table, err)
		}
		b.Columns = append(b.Columns, col)
	}
	return b, nil
}

// Len is the number of rows.
func (b *Block) Len() int { return len(b.Rows) }

// Size is the memory held now, used or not, in bytes, without the records that
// texts alias.
func (b *Block) Size() int {
	size := 8 * cap(b.Rows)
	for _, c := range b.Columns {
		size += c.Size()
	}
	return size
}

// Reset drops every row, and every reference to a record.
func (b *Block) Reset() {
	for _, c := range b.Columns {
		c.Reset()
	}
	b.Rows, b.Weight = emptied(b.Rows, &b.room), 0
}

// Part is a run of rows of a block: those from From to To, not including.
type Part struct {
	Block    *Block
	From, To int
}
