package column

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"
)

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
	room   room
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
	case KindString, KindTime, KindDate, KindSpan:
		return dynamicValue{"String", v.Text()}, nil
	case KindNumber, KindFloat:
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
		f, err := v.float64()
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
func (c *Dynamic) Reset() {
	clear(c.values)
	c.values = emptied(c.values, &c.room)
}

// sharedVariant stands among the types of every Dynamic, for those that have no
// room of their own. Nothing is ever put there.
const sharedVariant = "SharedVariant"

// types are those of the values, in ClickHouse's order, which is that of their
// names.
func (c *Dynamic) types() []string {
	types := []string{sharedVariant}
	for _, x := range c.values {
		if x.typ != "" && !slices.Contains(types, x.typ) {
			types = append(types, x.typ)
		}
	}
	slices.Sort(types)
	return types
}

// State implements Column. The structure is in the first version, which every
// server with the type reads.
func (c *Dynamic) State(dst *Native) {
	const structure, mostTypes, basicVariant = 1, 32, 0
	types := c.types()
	dst.Uint64(structure)
	dst.Uvarint(mostTypes)
	dst.Uvarint(uint64(len(types) - 1))
	for _, typ := range types {
		if typ != sharedVariant {
			dst.Uvarint(uint64(len(typ)))
			dst.Add([]byte(typ))
		}
	}
	dst.Uint64(basicVariant)
}

// Encode implements Column: the number of each value's type, then the values
// type by type.
func (c *Dynamic) Encode(dst *Native, from, to int) {
	types := c.types()
	chosen := make([]byte, 0, to-from)
	values := make([][]byte, len(types))
	for _, x := range c.values[from:to] {
		if x.typ == "" {
			chosen = append(chosen, variantNull)
			continue
		}
		i, _ := slices.BinarySearch(types, x.typ)
		chosen = append(chosen, byte(i)) //nolint:gosec // of six types
		values[i] = appendDynamic(values[i], x.v)
	}
	dst.Add(chosen)
	for _, b := range values {
		dst.Add(b)
	}
}

// appendDynamic adds a value in the layout of its type.
func appendDynamic(dst []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, 1)
		}
		return append(dst, 0)
	case string:
		return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	case int64:
		return binary.LittleEndian.AppendUint64(dst, uint64(v)) //nolint:gosec // the same bits
	case uint64:
		return binary.LittleEndian.AppendUint64(dst, v)
	case float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	return dst
}

// Key implements Column.
func (*Dynamic) Key(dst []byte, _ int) []byte { return dst }

// Size implements Column.
func (c *Dynamic) Size() int { return cap(c.values) * int(unsafe.Sizeof(dynamicValue{})) }
