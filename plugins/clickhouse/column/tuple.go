package column

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
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
	for _, arg := range t.args {
		name, typ := elementOf(arg)
		inner, err := New(typ, rules)
		if err != nil {
			return nil, err
		}
		c.Elems = append(c.Elems, inner)
		if name != "" {
			c.Names = append(c.Names, name)
		}
	}
	if len(t.args) == 0 || len(c.Names) > 0 && len(c.Names) < len(c.Elems) {
		return nil, fmt.Errorf("type Tuple(%s) is not supported", strings.Join(t.args, ", "))
	}
	return c, nil
}

var namedElement = regexp.MustCompile("^([A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\\\]|\\\\.)+`) +(.+)$")

// elementOf splits an element of a tuple, such as bid Float64. The name is ""
// if it has none.
func elementOf(arg string) (name, typ string) {
	m := namedElement.FindStringSubmatch(arg)
	if m == nil {
		return "", arg
	}
	if m[1][0] == '`' {
		return unquote("'" + strings.Trim(m[1], "`") + "'"), m[2]
	}
	return m[1], m[2]
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
