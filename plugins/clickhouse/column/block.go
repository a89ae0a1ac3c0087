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
	// Given, of a mixed block, tells by column which rows have a value of their own:
	// the server's default is for the others, which hold zeros. It is nil for columns
	// without a default, and in other blocks: see Mix.
	Given  []*Flags
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

// Mix makes an empty block one for rows that lack different columns, until Reset.
func (b *Block) Mix() {
	clear(b.Absent)
	b.Given = make([]*Flags, len(b.Columns))
	for i, c := range b.Schema.Columns {
		if c.HasDefault {
			b.Given[i] = &Flags{}
		}
	}
}

// Mixed reports whether rows may lack different columns.
func (b *Block) Mixed() bool { return b.Given != nil }

// Lack notes which columns the row lacks that a mixed block has got: only such as
// have a default.
func (b *Block) Lack(missing []bool) {
	for i, given := range b.Given {
		if given != nil {
			given.Add(!missing[i])
		}
	}
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
	for _, given := range b.Given {
		if given != nil {
			size += given.Size()
		}
	}
	return size
}

// Reset drops every row, and every reference to a record.
func (b *Block) Reset() {
	for _, c := range b.Columns {
		c.Reset()
	}
	b.Rows, b.Weight, b.Given = emptied(b.Rows, &b.room), 0, nil
}

// Part is a run of rows of a block: those from From to To, not including.
type Part struct {
	Block    *Block
	From, To int
}

// Presence is how many rows have a column.
type Presence int

// The rows that have a column.
const (
	NoRow Presence = iota
	EveryRow
	SomeRows
)

// Presence tells how many rows of the part have a value of their own in the column
// at i. Where all have, or none, the INSERT of the part may name it, or leave it out.
func (p Part) Presence(i int) Presence {
	if p.Block.Given == nil || p.Block.Given[i] == nil {
		if p.Block.Absent[i] {
			return NoRow
		}
		return EveryRow
	}
	return p.Block.Given[i].presence(p.From, p.To)
}

// Varies reports whether rows of the part lack different columns.
func (p Part) Varies() bool {
	for i := range p.Block.Given {
		if p.Presence(i) == SomeRows {
			return true
		}
	}
	return false
}
