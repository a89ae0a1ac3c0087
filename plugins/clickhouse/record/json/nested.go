package json

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// nested reads the columns of a Nested from an array of objects. Every object
// must have every column that is inserted, so that their arrays are of one
// length. On error the columns are as they were.
func (d *Decoder) nested(b *column.Block, n *node, depth int) error {
	for _, i := range n.columns {
		if err := d.see(i); err != nil {
			return err
		}
	}
	at := 0
	err := d.scanner.elements(column.KindArray, depth, func(*column.Value) error {
		err := d.nestedElement(b, n, depth+1, at)
		at++
		return err
	})
	for _, i := range n.columns {
		array := b.Columns[i].(*column.Array)
		if err != nil {
			array.Undo()
		} else {
			array.EndRow()
		}
	}
	return err
}

func (d *Decoder) nestedElement(b *column.Block, n *node, depth, at int) error {
	s := &d.scanner
	if s.next() != '{' {
		if err := s.scan(&d.value, depth); err != nil {
			return err
		}
		return d.rejected(n.columns[0], fmt.Errorf("element %d: %w", at, column.WrongKind(&d.value, "an object")))
	}
	if err := d.object(b, n, depth); err != nil {
		return err
	}
	for _, i := range n.columns {
		array := b.Columns[i].(*column.Array)
		if array.Pending() != at+1 {
			return &record.RowError{Column: d.schema.Columns[i].Name, Err: fmt.Errorf("element %d lacks it", at)}
		}
	}
	return nil
}

// even checks that the arrays of each Nested in the row at hand are of one
// length. The server's defaults, of columns that the INSERT leaves out, are its
// own matter.
func (d *Decoder) even(b *column.Block) error {
	for _, group := range d.groups {
		first, want := -1, 0
		for _, i := range group {
			if d.missing[i] {
				continue
			}
			n := b.Columns[i].(*column.Array).LenAt(b.Len())
			switch {
			case first < 0:
				first, want = i, n
			case n != want:
				return d.uneven(i, n, first, want)
			}
		}
	}
	return nil
}

func (d *Decoder) uneven(i, n, first, want int) error {
	if n > want && d.seen[first] != d.row { // tell of the one that the record lacks
		i, n, first, want = first, want, i, n
	}
	c := d.schema.Columns[i]
	what := fmt.Sprintf("%d elements", n)
	if d.seen[i] != d.row {
		what = "the record lacks it"
	}
	return &record.RowError{Column: c.Name, Err: fmt.Errorf("%s, but %d are in %q: %w", what, want, d.schema.Columns[first].Name, record.ErrUneven)}
}

// takeElement appends the value at hand to the arrays that it is an element of.
func (d *Decoder) takeElement(columns []int) error {
	for _, i := range columns {
		if err := d.takers[i].(*arrayTaker).elem.Append(&d.value); err != nil {
			return d.rejected(i, err)
		}
	}
	return nil
}
