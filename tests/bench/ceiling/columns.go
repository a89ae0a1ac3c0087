package main

import (
	"bytes"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/uuid"
)

// column reads one field of a record behind the last one of the column.
type column interface {
	scan(c *cursor)
	input() proto.ColInput
	Reset()
}

// field is a column under the name that both the record and the table have.
type field struct {
	name string
	column
}

type textColumn struct{ lowCardinality }

func newText() *textColumn {
	c := &textColumn{}
	c.Index, c.Key = &c.texts, proto.KeyUInt8
	return c
}

func (t *textColumn) input() proto.ColInput { return &t.ColLowCardinalityRaw }
func (t *textColumn) Reset()                { t.clear() }
func (t *textColumn) scan(c *cursor) {
	c.literal(`"`)
	t.add(c.text())
}

// stringColumn is for texts that are all different, and may have quotes.
type stringColumn struct{ proto.ColStr }

func (s *stringColumn) input() proto.ColInput { return &s.ColStr }
func (s *stringColumn) scan(c *cursor) {
	c.literal(`"`)
	s.AppendBytes(c.escaped())
}

// escaped is a text in which quotes may be escaped, and nothing else.
func (c *cursor) escaped() []byte {
	for i := 0; i < len(c.rest); i++ {
		switch c.rest[i] {
		case '\\':
			i++
			c.bad = c.bad || i == len(c.rest) || c.rest[i] != '"'
		case '"':
			text := c.rest[:i]
			c.rest = c.rest[i+1:]
			return bytes.ReplaceAll(text, []byte(`\"`), []byte(`"`))
		}
	}
	c.bad = true
	return nil
}

type wholeColumn[T uint16 | uint32 | uint64, C interface {
	*S
	proto.ColInput
	Append(v T)
	Reset()
}, S any] struct{ values S }

func (w *wholeColumn[T, C, S]) input() proto.ColInput { return C(&w.values) }
func (w *wholeColumn[T, C, S]) Reset()                { C(&w.values).Reset() }
func (w *wholeColumn[T, C, S]) scan(c *cursor) {
	n := c.digits()
	if n != uint64(T(n)) {
		c.bad = true
	}
	C(&w.values).Append(T(n))
}

type (
	uint16Column = wholeColumn[uint16, *proto.ColUInt16, proto.ColUInt16]
	uint32Column = wholeColumn[uint32, *proto.ColUInt32, proto.ColUInt32]
	uint64Column = wholeColumn[uint64, *proto.ColUInt64, proto.ColUInt64]
)

// secondsColumn cuts times off at seconds, as its type does.
type secondsColumn struct {
	proto.ColDateTime
	scanner scanner
}

func (s *secondsColumn) input() proto.ColInput { return &s.ColDateTime }
func (s *secondsColumn) scan(c *cursor) {
	c.literal(`"`)
	s.Data = append(s.Data, proto.DateTime(s.scanner.moment(c)))
	c.literal(`"`)
}

// sideColumn is the Enum8 of market.ticks.
type sideColumn struct{ proto.ColEnum8 }

func (s *sideColumn) input() proto.ColInput {
	return proto.Wrap(&s.ColEnum8, `'unknown'=0`, `'buy'=1`, `'sell'=2`)
}

func (s *sideColumn) scan(c *cursor) {
	c.literal(`"`)
	s.Append(proto.Enum8(c.side()))
}

// decimalColumn has eight decimals.
type decimalColumn struct{ proto.ColDecimal64 }

func (d *decimalColumn) input() proto.ColInput { return proto.Alias(&d.ColDecimal64, "Decimal(18, 8)") }

func (d *decimalColumn) scan(c *cursor) {
	mantissa, places := c.mantissa()
	for ; places < 8; places++ {
		mantissa *= 10
	}
	c.bad = c.bad || places > 8
	d.Append(proto.Decimal64(mantissa))
}

type floatColumn struct{ proto.ColFloat64 }

func (f *floatColumn) input() proto.ColInput { return &f.ColFloat64 }
func (f *floatColumn) scan(c *cursor)        { f.Append(c.signed()) }

// signed is a number that may be below zero.
func (c *cursor) signed() float64 {
	if len(c.rest) > 0 && c.rest[0] == '-' {
		c.rest = c.rest[1:]
		return -c.decimal()
	}
	return c.decimal()
}

type nullableColumn struct{ *proto.ColNullable[float64] }

func newNullable() nullableColumn {
	return nullableColumn{proto.NewColNullable[float64](new(proto.ColFloat64))}
}

func (n nullableColumn) input() proto.ColInput { return n.ColNullable }
func (n nullableColumn) scan(c *cursor) {
	if rest, null := bytes.CutPrefix(c.rest, []byte("null")); null {
		c.rest = rest
		n.Append(proto.Null[float64]())
		return
	}
	n.Append(proto.NewNullable(c.signed()))
}

// flagColumn is a boolean, which is a UInt8 here.
type flagColumn struct{ proto.ColUInt8 }

func (f *flagColumn) input() proto.ColInput { return &f.ColUInt8 }
func (f *flagColumn) scan(c *cursor) {
	if rest, on := bytes.CutPrefix(c.rest, []byte("true")); on {
		c.rest = rest
		f.Append(1)
		return
	}
	c.literal("false")
	f.Append(0)
}

type listColumn struct {
	texts proto.ColStr
	*proto.ColArr[string]
}

func newList() *listColumn {
	l := &listColumn{}
	l.ColArr = proto.NewArray[string](&l.texts)
	return l
}

func (l *listColumn) input() proto.ColInput { return l.ColArr }
func (l *listColumn) scan(c *cursor) {
	c.literal("[")
	for !c.bad && len(c.rest) > 0 && c.rest[0] == '"' {
		c.literal(`"`)
		l.texts.AppendBytes(c.text())
		c.rest = bytes.TrimPrefix(c.rest, []byte(","))
	}
	c.literal("]")
	l.Offsets = append(l.Offsets, uint64(l.texts.Rows()))
}

type idColumn struct{ proto.ColUUID }

func (i *idColumn) input() proto.ColInput { return &i.ColUUID }
func (i *idColumn) scan(c *cursor) {
	c.literal(`"`)
	id, err := uuid.ParseBytes(c.text())
	c.bad = c.bad || err != nil
	i.Append(id)
}
