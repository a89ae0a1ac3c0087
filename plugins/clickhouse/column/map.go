package column

import (
	"bytes"
	"fmt"
	"slices"
)

// Map is Map(K, V): on the wire an array of pairs. A reader appends the keys
// and values of a map to Keys and Values and calls EndRow, or Undo.
type Map struct {
	Keys   Scalar
	Values Column

	ends  []uint64 // as those of an Array
	order []int    // of the keys of the value at hand
	a, b  []byte
	room  room
}

func newMap(t Type, rules Rules) (Column, error) {
	if len(t.Args) != 2 {
		return nil, fmt.Errorf("type %s: two arguments are expected", t)
	}
	var inner [2]Column
	for i := range inner {
		typ, err := t.typeArg(i)
		if err != nil {
			return nil, err
		}
		if inner[i], err = newColumn(typ, rules); err != nil {
			return nil, err
		}
	}
	keys, ok := inner[0].(Scalar)
	if !ok {
		return nil, fmt.Errorf("type %s is not supported", t)
	}
	return &Map{Keys: keys, Values: inner[1]}, nil
}

// EndRow makes what Keys and Values have got since the last value the next
// value. It is an error, and none is added, if two keys are the same to
// ClickHouse, which would keep both.
func (c *Map) EndRow() error {
	if err := c.unique(c.start(len(c.ends))); err != nil {
		return err
	}
	c.ends = append(c.ends, uint64(c.Keys.Len()))
	return nil
}

// Undo takes back what Keys and Values have got since the last value.
func (c *Map) Undo() {
	n := c.start(len(c.ends))
	c.Keys.Truncate(n)
	truncateTo(c.Values, n)
}

// truncateTo takes back what a column has got of a row that others of its row
// may not have.
func truncateTo(c Column, n int) {
	if c.Len() > n {
		c.Truncate(n)
	}
}

func (c *Map) unique(from int) error {
	c.order = c.order[:0]
	for i := from; i < c.Keys.Len(); i++ {
		c.order = append(c.order, i)
	}
	if len(c.order) < 2 {
		return nil
	}
	slices.SortFunc(c.order, c.compare)
	for n := range c.order[1:] {
		if c.compare(c.order[n], c.order[n+1]) == 0 {
			return fmt.Errorf("key %d: %w", c.order[n+1]-from, ErrDuplicate)
		}
	}
	return nil
}

func (c *Map) compare(i, j int) int {
	c.a, c.b = c.Keys.Key(c.a[:0], i), c.Keys.Key(c.b[:0], j)
	return bytes.Compare(c.a, c.b)
}

func (c *Map) start(i int) int {
	if i == 0 {
		return 0
	}
	return int(c.ends[i-1])
}

// Zero implements Column: the map without keys.
func (c *Map) Zero() { c.ends = append(c.ends, uint64(c.Keys.Len())) }

// Len implements Column.
func (c *Map) Len() int { return len(c.ends) }

// Truncate implements Column.
func (c *Map) Truncate(n int) {
	c.ends = c.ends[:n]
	c.Undo()
}

// Reset implements Column.
func (c *Map) Reset() {
	c.Keys.Reset()
	c.Values.Reset()
	c.ends = emptied(c.ends, &c.room)
}

// State implements Column.
func (c *Map) State(dst *Native) {
	c.Keys.State(dst)
	c.Values.State(dst)
}

// Encode implements Column.
func (c *Map) Encode(dst *Native, from, to int) {
	first, last := c.start(from), c.start(to)
	ends := make([]uint64, to-from)
	for i, end := range c.ends[from:to] {
		ends[i] = end - uint64(first)
	}
	dst.Add(rawBytes(ends))
	c.Keys.Encode(dst, first, last)
	c.Values.Encode(dst, first, last)
}

// Key implements Column.
func (c *Map) Key(dst []byte, i int) []byte {
	for j := c.start(i); j < c.start(i+1); j++ {
		dst = c.Values.Key(c.Keys.Key(dst, j), j)
	}
	return dst
}

// Size implements Column.
func (c *Map) Size() int {
	return 8*(cap(c.ends)+cap(c.order)) + cap(c.a) + cap(c.b) + c.Keys.Size() + c.Values.Size()
}
