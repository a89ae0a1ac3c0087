package column

import (
	"fmt"
	"slices"
)

// Tuple is Tuple(T, …), with or without names. A reader appends one value to
// each of Elems and calls EndRow, or Undo.
type Tuple struct {
	Elems []Column
	Names []string // of the elements; nil for a tuple without names

	rows int
}

func newTuple(t Type, rules Rules) (Column, error) {
	c := &Tuple{}
	for i, arg := range t.Args {
		typ, err := t.typeArg(i)
		if err != nil {
			return nil, err
		}
		inner, err := newColumn(typ, rules)
		if err != nil {
			return nil, err
		}
		c.Elems = append(c.Elems, inner)
		if arg.Named {
			c.Names = append(c.Names, arg.Name)
		}
	}
	if len(c.Elems) == 0 || len(c.Names) > 0 && len(c.Names) < len(c.Elems) {
		return nil, fmt.Errorf("type %s is not supported", t)
	}
	return c, nil
}

// Index returns the number of the element of a name, -1 if there is none.
func (c *Tuple) Index(name string) int { return slices.Index(c.Names, name) }

// EndRow makes what each of Elems has got the next value.
func (c *Tuple) EndRow() { c.rows++ }

// Undo takes back what Elems have got since the last value.
func (c *Tuple) Undo() { c.Truncate(c.rows) }

// Zero implements Column: a tuple of zeros.
func (c *Tuple) Zero() {
	for _, e := range c.Elems {
		e.Zero()
	}
	c.rows++
}

// Len implements Column.
func (c *Tuple) Len() int { return c.rows }

// Truncate implements Column.
func (c *Tuple) Truncate(n int) {
	for _, e := range c.Elems {
		truncateTo(e, n)
	}
	c.rows = n
}

// Reset implements Column.
func (c *Tuple) Reset() {
	for _, e := range c.Elems {
		e.Reset()
	}
	c.rows = 0
}

// State implements Column.
func (c *Tuple) State(dst *Native) {
	for _, e := range c.Elems {
		e.State(dst)
	}
}

// Encode implements Column.
func (c *Tuple) Encode(dst *Native, from, to int) {
	for _, e := range c.Elems {
		e.Encode(dst, from, to)
	}
}

// Key implements Column.
func (c *Tuple) Key(dst []byte, i int) []byte {
	for _, e := range c.Elems {
		dst = e.Key(dst, i)
	}
	return dst
}

// Size implements Column.
func (c *Tuple) Size() (size int) {
	for _, e := range c.Elems {
		size += e.Size()
	}
	return size
}
