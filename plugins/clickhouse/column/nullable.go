package column

// Nullable is Nullable(T). If T is no Scalar, a reader appends a value to Elem
// and calls EndRow; a null is a Zero.
type Nullable struct {
	Elem Column

	scalar Scalar // Elem, if it is one
	empty  bool   // an empty text is null where Elem does not take it
	nulls  []byte
	room   room
}

func newNullable(elem Column, rules Rules) *Nullable {
	scalar, _ := elem.(Scalar)
	return &Nullable{Elem: elem, scalar: scalar, empty: rules.EmptyToNull}
}

// IsScalar reports whether Append may be called.
func (c *Nullable) IsScalar() bool { return c.scalar != nil }

// Append adds a value to a column of scalars, as Scalar's does.
func (c *Nullable) Append(v *Value) error {
	if v.Kind == KindNull {
		c.Zero()
		return nil
	}
	if err := c.scalar.Append(v); err != nil {
		if c.empty && v.IsEmpty() {
			c.Zero()
			return nil
		}
		return err
	}
	c.nulls = append(c.nulls, 0)
	return nil
}

// EndRow makes what Elem has got the next value.
func (c *Nullable) EndRow() { c.nulls = append(c.nulls, 0) }

// Zero implements Column: null.
func (c *Nullable) Zero() {
	c.Elem.Zero()
	c.nulls = append(c.nulls, 1)
}

// Len implements Column.
func (c *Nullable) Len() int { return len(c.nulls) }

// IsNull reports whether value i is null.
func (c *Nullable) IsNull(i int) bool { return c.nulls[i] != 0 }

// Truncate implements Column.
func (c *Nullable) Truncate(n int) {
	c.Elem.Truncate(n)
	c.nulls = c.nulls[:n]
}

// Reset implements Column.
func (c *Nullable) Reset() {
	c.Elem.Reset()
	c.nulls = emptied(c.nulls, &c.room)
}

// State implements Column.
func (c *Nullable) State(dst *Native) { c.Elem.State(dst) }

// Encode implements Column.
func (c *Nullable) Encode(dst *Native, from, to int) {
	dst.Add(c.nulls[from:to])
	c.Elem.Encode(dst, from, to)
}

// Key implements Column.
func (c *Nullable) Key(dst []byte, i int) []byte {
	return c.Elem.Key(append(dst, c.nulls[i]), i)
}

// Size implements Column.
func (c *Nullable) Size() int { return cap(c.nulls) + c.Elem.Size() }
