package column

import "unsafe"

// Fixed is a column whose values all have the same size; in memory they look
// as they do on the wire (see CheckByteOrder).
type Fixed[T any] struct {
	values []T
	parse  func(*Value) (T, error)
	blank  T
	room   room
}

var _ Scalar = (*Fixed[int8])(nil)

func newFixed[T any](parse func(*Value) (T, error)) *Fixed[T] { return &Fixed[T]{parse: parse} }

// Append implements Scalar.
func (c *Fixed[T]) Append(v *Value) error {
	x, err := c.parse(v)
	if err != nil {
		return err
	}
	c.values = append(c.values, x)
	return nil
}

// Values are the values held, in the order of their rows. They are not to be
// changed, and valid until the column is.
func (c *Fixed[T]) Values() []T { return c.values }

// Zero implements Column.
func (c *Fixed[T]) Zero() { c.values = append(c.values, c.blank) }

// Len implements Column.
func (c *Fixed[T]) Len() int { return len(c.values) }

// Truncate implements Column.
func (c *Fixed[T]) Truncate(n int) { c.values = c.values[:n] }

// Reset implements Column.
func (c *Fixed[T]) Reset() { c.values = emptied(c.values, &c.room) }

// State implements Column.
func (*Fixed[T]) State(*Native) {}

// Encode implements Column.
func (c *Fixed[T]) Encode(dst *Native, from, to int) { dst.Add(rawBytes(c.values[from:to])) }

// Key implements Column.
func (c *Fixed[T]) Key(dst []byte, i int) []byte {
	return append(dst, rawBytes(c.values[i:i+1])...)
}

// Size implements Column.
func (c *Fixed[T]) Size() int { return cap(c.values) * int(unsafe.Sizeof(c.blank)) }
