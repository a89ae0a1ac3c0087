package column

// Array is Array(T), of any depth. A reader appends the elements of a value to
// Elem and calls EndRow, or Undo.
type Array struct {
	Elem Column

	ends []uint64 // per value, how many elements there are up to its end
	room room
}

// EndRow makes what Elem has got since the last value the next value.
func (c *Array) EndRow() { c.ends = append(c.ends, uint64(c.Elem.Len())) }

// Undo takes back what Elem has got since the last value.
func (c *Array) Undo() { c.Elem.Truncate(c.start(len(c.ends))) }

// Pending is how many elements Elem has got since the last value.
func (c *Array) Pending() int { return c.Elem.Len() - c.start(len(c.ends)) }

// LenAt is the number of elements of value i.
func (c *Array) LenAt(i int) int { return c.start(i+1) - c.start(i) }

// Zero implements Column.
func (c *Array) Zero() { c.EndRow() }

// Len implements Column.
func (c *Array) Len() int { return len(c.ends) }

// start is where the elements of value i begin.
func (c *Array) start(i int) int {
	if i == 0 {
		return 0
	}
	return int(c.ends[i-1])
}

// Truncate implements Column.
func (c *Array) Truncate(n int) {
	c.Elem.Truncate(c.start(n))
	c.ends = c.ends[:n]
}

// Reset implements Column.
func (c *Array) Reset() {
	c.Elem.Reset()
	c.ends = emptied(c.ends, &c.room)
}

// State implements Column.
func (c *Array) State(dst *Native) { c.Elem.State(dst) }

// Encode implements Column.
func (c *Array) Encode(dst *Native, from, to int) {
	first := c.start(from)
	if first == 0 {
		dst.Add(rawBytes(c.ends[from:to]))
	} else {
		ends := make([]uint64, to-from)
		for i, end := range c.ends[from:to] {
			ends[i] = end - uint64(first)
		}
		dst.Add(rawBytes(ends))
	}
	c.Elem.Encode(dst, first, c.start(to))
}

// Key implements Column.
func (c *Array) Key(dst []byte, i int) []byte {
	for j := c.start(i); j < c.start(i+1); j++ {
		dst = c.Elem.Key(dst, j)
	}
	return dst
}

// Size implements Column.
func (c *Array) Size() int { return 8*cap(c.ends) + c.Elem.Size() }
