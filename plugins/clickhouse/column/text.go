package column

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// String is String. Its values alias what they were appended from, unless that
// had escapes. It takes objects and arrays too, as the text that they are.
type String struct {
	values []string
	rules  textRules
	room   room
}

// Append implements Scalar.
func (c *String) Append(v *Value) error {
	if v.Kind == KindObject || v.Kind == KindArray {
		c.values = append(c.values, str(v.Raw))
		return nil
	}
	text, ok := c.rules.text(v)
	if !ok {
		return WrongKind(v, "a string")
	}
	c.values = append(c.values, text)
	return nil
}

// textRules say what is a text beside texts.
type textRules struct {
	numbers, bools bool
}

// text returns the text of a value; ok is false if it is none.
func (r textRules) text(v *Value) (text string, ok bool) {
	switch v.Kind {
	case KindString, KindTime, KindDate, KindSpan:
		return v.Text(), true
	case KindNumber, KindFloat:
		ok = r.numbers
	case KindTrue, KindFalse:
		ok = r.bools
	}
	if !ok {
		return "", false
	}
	return str(v.Literal()), true
}

// Zero implements Column.
func (c *String) Zero() { c.values = append(c.values, "") }

// Len implements Column.
func (c *String) Len() int { return len(c.values) }

// Truncate implements Column.
func (c *String) Truncate(n int) {
	clear(c.values[n:])
	c.values = c.values[:n]
}

// Reset implements Column.
func (c *String) Reset() {
	clear(c.values)
	c.values = emptied(c.values, &c.room)
}

// State implements Column.
func (*String) State(*Native) {}

// Encode implements Column.
func (c *String) Encode(dst *Native, from, to int) {
	size := 0
	for _, s := range c.values[from:to] {
		size += len(s) + binary.MaxVarintLen32
	}
	b := make([]byte, 0, size)
	for _, s := range c.values[from:to] {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	dst.Add(b)
}

// Key implements Column.
func (c *String) Key(dst []byte, i int) []byte { return append(dst, c.values[i]...) }

// Values are the texts held, in the order of their rows. They are not to be
// changed, and valid until the column is.
func (c *String) Values() []string { return c.values }

// Size implements Column.
func (c *String) Size() int { return cap(c.values) * int(unsafe.Sizeof("")) }

// FixedString is FixedString(size); shorter values are padded with zero bytes,
// as the server does.
type FixedString struct {
	size  int
	data  []byte
	pad   []byte
	rules textRules
	room  room
}

// longestFixed is ClickHouse's own bound.
const longestFixed = 0xffffff

func newFixedString(t Type, rules Rules) (Column, error) {
	n, err := t.intArg(0)
	if err != nil || n < 1 || n > longestFixed {
		return nil, fmt.Errorf("type %s is not understood", t)
	}
	return &FixedString{size: n, pad: make([]byte, n), rules: textRules{rules.NumberToString, rules.BoolToString}}, nil
}

// Append implements Scalar.
func (c *FixedString) Append(v *Value) error {
	s, ok := c.rules.text(v)
	if !ok {
		return WrongKind(v, "a string")
	}
	if len(s) > c.size {
		return fmt.Errorf("%d bytes where %d fit", len(s), c.size)
	}
	c.data = append(c.data, s...)
	c.data = append(c.data, c.pad[len(s):]...)
	return nil
}

// Zero implements Column.
func (c *FixedString) Zero() { c.data = append(c.data, c.pad...) }

// Len implements Column.
func (c *FixedString) Len() int { return len(c.data) / c.size }

// Truncate implements Column.
func (c *FixedString) Truncate(n int) { c.data = c.data[:n*c.size] }

// Reset implements Column.
func (c *FixedString) Reset() { c.data = emptied(c.data, &c.room) }

// State implements Column.
func (*FixedString) State(*Native) {}

// Encode implements Column.
func (c *FixedString) Encode(dst *Native, from, to int) { dst.Add(c.data[from*c.size : to*c.size]) }

// Key implements Column.
func (c *FixedString) Key(dst []byte, i int) []byte {
	return append(dst, c.data[i*c.size:(i+1)*c.size]...)
}

// Size implements Column.
func (c *FixedString) Size() int { return cap(c.data) + len(c.pad) }

// parseUUID reads the usual text form. On the wire the two halves of a UUID
// are little-endian numbers.
func parseUUID(v *Value) (id [16]byte, err error) {
	if v.Kind != KindString {
		return id, WrongKind(v, "a UUID")
	}
	b := v.plain()
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return id, ErrNotAUUID
	}
	at := 0
	for i := 0; i < len(id); i++ {
		if at == 8 || at == 13 || at == 18 || at == 23 {
			at++
		}
		hi, lo := nibble(b[at]), nibble(b[at+1])
		if hi > 15 || lo > 15 {
			return id, ErrNotAUUID
		}
		id[7-i%8+i/8*8] = hi<<4 | lo
		at += 2
	}
	return id, nil
}

func nibble(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
