package column

import "unsafe"

// JSON is JSON: objects, as the text that the record has. The server
// reads it, so that what it refuses is an error of the row.
type JSON struct{ String }

// State implements Column.
func (*JSON) State(dst *Native) {
	const asString = 1 // a version of the serialization that every server with the type takes
	dst.Uint64(asString)
}

// Append implements Scalar.
func (c *JSON) Append(v *Value) error {
	if v.Kind != KindObject {
		return WrongKind(v, "an object")
	}
	return c.String.Append(v)
}

// Zero implements Column: the empty object.
func (c *JSON) Zero() { c.values = append(c.values, "{}") }

// Dynamic is Dynamic: texts, booleans and numbers, each as the type of
// its kind.
type Dynamic struct {
	values []dynamicValue
}

// dynamicValue has no type if it is null.
type dynamicValue struct {
	typ string
	v   any
}

// Append implements Scalar.
func (c *Dynamic) Append(v *Value) error {
	x, err := dynamicOf(v)
	if err == nil {
		c.values = append(c.values, x)
	}
	return err
}

// dynamicOf tells the type by the kind of the JSON value, and that of a number
// by what holds it exactly.
func dynamicOf(v *Value) (dynamicValue, error) {
	switch v.Kind {
	case KindNull:
		return dynamicValue{}, nil
	case KindTrue, KindFalse:
		return dynamicValue{"Bool", v.Kind == KindTrue}, nil
	case KindString:
		return dynamicValue{"String", v.Text()}, nil
	case KindNumber:
		d, err := v.decimal()
		if err != nil {
			return dynamicValue{}, err
		}
		if n, err := d.signed(v.Raw, 0, 64); err == nil {
			return dynamicValue{"Int64", n}, nil
		}
		if n, err := d.unsigned(v.Raw, 64); err == nil {
			return dynamicValue{"UInt64", n}, nil
		}
		f, err := d.float64(v.Raw)
		return dynamicValue{"Float64", f}, err
	}
	return dynamicValue{}, WrongKind(v, "a text, a number or a boolean")
}

// Zero implements Column.
func (c *Dynamic) Zero() { c.values = append(c.values, dynamicValue{}) }

// Len implements Column.
func (c *Dynamic) Len() int { return len(c.values) }

// Truncate implements Column.
func (c *Dynamic) Truncate(n int) {
	clear(c.values[n:])
	c.values = c.values[:n]
}

// Reset implements Column.
func (c *Dynamic) Reset() { c.Truncate(0) }

// State implements Column.
func (*Dynamic) State(*Native) {}

// Encode implements Column.
func (*Dynamic) Encode(*Native, int, int) {}

// Key implements Column.
func (*Dynamic) Key(dst []byte, _ int) []byte { return dst }

// Value returns value i and the name of its type, "" if it is null.
func (c *Dynamic) Value(i int) (typ string, v any) { return c.values[i].typ, c.values[i].v }

// Size implements Column.
func (c *Dynamic) Size() int { return cap(c.values) * int(unsafe.Sizeof(dynamicValue{})) }
