package clickhouse

import (
	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// handed is a builder that hands its values to the driver's column in Go's
// form: to spare a copy, or because the layout on the wire depends on the
// server's version.
type handed interface {
	builder
	handOver(to chcolumn.Interface, from, end int) error
}

// jsonColumn is JSON: objects, as the text that the record has. The server
// reads it, so that what it refuses is an error of the row.
type jsonColumn struct{ stringColumn }

func (c *jsonColumn) append(v *value) error {
	if v.kind != kindObject {
		return wrongKind(v, "an object")
	}
	return c.stringColumn.append(v)
}

func (c *jsonColumn) zero() { c.values = append(c.values, "{}") }

// dynamicColumn is Dynamic: texts, booleans and numbers, each as the type of
// its kind.
type dynamicColumn struct {
	values []dynamicValue
}

// dynamicValue has no type if it is null.
type dynamicValue struct {
	typ string
	v   any
}

func (*dynamicColumn) takesNull() {}

func (c *dynamicColumn) append(v *value) error {
	x, err := dynamicOf(v)
	if err == nil {
		c.values = append(c.values, x)
	}
	return err
}

// dynamicOf tells the type by the kind of the JSON value, and that of a number
// by what holds it exactly.
func dynamicOf(v *value) (dynamicValue, error) {
	switch v.kind {
	case kindNull:
		return dynamicValue{}, nil
	case kindTrue, kindFalse:
		return dynamicValue{"Bool", v.kind == kindTrue}, nil
	case kindString:
		return dynamicValue{"String", v.text()}, nil
	case kindNumber:
		d, err := v.decimal()
		if err != nil {
			return dynamicValue{}, err
		}
		if n, err := d.signed(v.raw, 0, 64); err == nil {
			return dynamicValue{"Int64", n}, nil
		}
		if n, err := d.unsigned(v.raw, 64); err == nil {
			return dynamicValue{"UInt64", n}, nil
		}
		f, err := d.float64(v.raw)
		return dynamicValue{"Float64", f}, err
	}
	return dynamicValue{}, wrongKind(v, "a text, a number or a boolean")
}

func (c *dynamicColumn) zero()    { c.values = append(c.values, dynamicValue{}) }
func (c *dynamicColumn) len() int { return len(c.values) }

func (c *dynamicColumn) truncate(n int) {
	clear(c.values[n:])
	c.values = c.values[:n]
}

func (c *dynamicColumn) reset() { c.truncate(0) }

func (*dynamicColumn) encode(*native, int, int) {}

func (*dynamicColumn) key(dst []byte, _ int) []byte { return dst }

func (c *dynamicColumn) handOver(to chcolumn.Interface, from, end int) error {
	for _, x := range c.values[from:end] {
		var v any
		if x.typ != "" {
			v = chcol.NewDynamicWithType(x.v, x.typ)
		}
		if err := to.AppendRow(v); err != nil {
			return err
		}
	}
	return nil
}
