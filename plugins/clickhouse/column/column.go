// Package column is columns of ClickHouse types, filled value by value, that
// encode themselves in the layout of the Native format as the server reads it.
// Values are converted strictly: what does not fit exactly is an error, never a
// clipped or rounded value.
//
// It knows neither where values come from nor how a block reaches a server: no
// reader of a format, no driver, no Benthos.
package column

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Column collects the values of one column, in the layout of ClickHouse's
// Native format. It is reused from block to block. It is not safe for
// concurrent use, but for any number of calls of Len, State, Encode, Key and
// Size at a time.
//
// Scalar columns take values by Append. Of the others the concrete type tells
// what may be appended to: Array, Map, Tuple, Nullable and Variant have inner
// columns, and a method that ends the row once these have its values.
type Column interface {
	// Len is the number of values held.
	Len() int
	// Zero adds the value that ClickHouse gives a column that has no default.
	Zero()
	// Truncate keeps the first n values. It takes back as well what inner
	// columns were given of a row that was never ended.
	Truncate(n int)
	// Reset drops every value, and every reference to a record.
	Reset()
	// State adds what stands once before the values of a block: the versions of
	// serializations, of inner columns too, in ClickHouse's order.
	State(dst *Native)
	// Encode adds the values from from to, not including, to. With State before
	// it, this is all that ClickHouse reads of a column after its name and type;
	// of no values, ClickHouse wants neither.
	Encode(dst *Native, from, to int)
	// Key adds bytes to dst that tell value i from any other of its column.
	Key(dst []byte, i int) []byte
	// Size is the memory held now, used or not, in bytes, without the records
	// that texts alias.
	Size() int
}

// Scalar is a column that takes a value as a whole.
type Scalar interface {
	Column
	// Append adds a value, converted strictly: what does not fit exactly is an
	// error, after which the column is as it was.
	Append(v *Value) error
}

// Rules say how values are read.
type Rules struct {
	// Truncate lets times lose the digits that their column has no room for.
	// Without it they are an error.
	Truncate bool
	// EpochDigits is the decimal exponent of the unit of numbers that are times
	// (s 0, ms 3, us 6, ns 9), -1 when such numbers are refused. A DateTime then
	// takes seconds.
	EpochDigits int

	// What follows takes forms of values that are refused otherwise. None of them
	// changes what a value becomes that is taken without them.

	NumberToString bool // a number where a text is expected, as it is spelt
	BoolToString   bool // true and false where a text is expected
	NumberToBool   bool // 0 and 1 where true or false is expected
	StringToEpoch  bool // a text that holds a number where a time is expected: as that number
	BasicOffset    bool // the offsets +0000 and +00 in times
	EmptyToNull    bool // an empty text where null is taken and that text is not
}

// New returns an empty column of a ClickHouse type, as DESCRIBE TABLE spells
// it. A type that is not supported, or is no type, is an error.
func New(typ string, rules Rules) (Column, error) {
	t, err := ParseType(typ)
	if err != nil {
		return nil, err
	}
	return newColumn(t, rules)
}

// newColumn returns the column of a type that may be part of others.
func newColumn(t Type, rules Rules) (Column, error) {
	if build, ok := simpleTypes[t.Name]; ok {
		return build(), nil
	}
	switch t.Name {
	case "String":
		return &String{rules: textRules{rules.NumberToString, rules.BoolToString}}, nil
	case "Bool":
		return newFixed(boolReader(rules.NumberToBool)), nil
	}
	if other, ok := otherNames[t.Name]; ok {
		return New(other, rules)
	}
	switch t.Name {
	case "JSON":
		return &JSON{}, nil
	case "Dynamic":
		return &Dynamic{}, nil
	case "Date":
		return newDate[uint16](0, math.MaxUint16, rules), nil
	case "Date32":
		return newDate[int32](earliest/86400, latest/86400, rules), nil
	case "DateTime", "DateTime64":
		return newDateTime(t, rules)
	case "Time", "Time64":
		return newClock(t, rules)
	case "FixedString":
		return newFixedString(t, rules)
	case "Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256":
		return newDecimal(t)
	case "Enum8", "Enum16":
		return newEnum(t)
	}
	return newComposite(t, rules)
}

// ZeroIsNull reports whether what Zero adds to a column is null.
func ZeroIsNull(c Column) bool {
	switch c := c.(type) {
	case *Nullable, *Variant, *Dynamic:
		return true
	case *LowCardinality:
		return c.nullable
	}
	return false
}

// IsArray reports whether the column of a type is an *Array.
func IsArray(typ string) bool {
	t, err := ParseType(typ)
	if err != nil {
		return false
	}
	return t.isArray()
}

func (t Type) isArray() bool {
	switch t.Name {
	case "Array", "Nested":
		return true
	case "SimpleAggregateFunction":
		inner, err := t.typeArg(1)
		return err == nil && inner.isArray()
	}
	other, ok := otherNames[t.Name]
	return ok && IsArray(other)
}

// newComposite returns the column of a type that is made of others.
func newComposite(t Type, rules Rules) (Column, error) {
	switch t.Name {
	case "Nullable", "LowCardinality", "Array":
		return newWrapper(t, rules)
	case "Tuple":
		return newTuple(t, rules)
	case "Nested":
		elem, err := newTuple(t, rules)
		return &Array{Elem: elem}, err
	case "Map":
		return newMap(t, rules)
	case "Variant":
		return newVariant(t, rules)
	case "SimpleAggregateFunction":
		inner, err := t.typeArg(1)
		if err != nil {
			return nil, err
		}
		return newColumn(inner, rules)
	}
	if t.Name == "AggregateFunction" {
		return nil, fmt.Errorf("type %s is not supported: the state of an aggregate function has no form in a record; let a materialized view work it out of a column of values, or use SimpleAggregateFunction", t)
	}
	return nil, fmt.Errorf("type %s is not supported", t)
}

// simpleTypes are the types without arguments.
var simpleTypes = map[string]func() Column{
	"Int8":     newSigned[int8],
	"Int16":    newSigned[int16],
	"Int32":    newSigned[int32],
	"Int64":    newSigned[int64],
	"Int128":   func() Column { return newFixed(parseWideInt[[16]byte](true)) },
	"Int256":   func() Column { return newFixed(parseWideInt[[32]byte](true)) },
	"UInt8":    func() Column { return newFixed(parseByte) },
	"UInt16":   newUnsigned[uint16],
	"UInt32":   newUnsigned[uint32],
	"UInt64":   newUnsigned[uint64],
	"UInt128":  func() Column { return newFixed(parseWideInt[[16]byte](false)) },
	"UInt256":  func() Column { return newFixed(parseWideInt[[32]byte](false)) },
	"Float32":  func() Column { return newFixed(parseFloat32Value) },
	"Float64":  func() Column { return newFixed(parseFloat64Value) },
	"BFloat16": func() Column { return newFixed(parseBFloat16) },
	"UUID":     func() Column { return newFixed(parseUUID) },
	"IPv4":     func() Column { return newFixed(parseIPv4) },
	"IPv6":     func() Column { return newFixed(parseIPv6) },
}

// otherNames are the types that are another name for a type.
var otherNames = map[string]string{
	"Point":           "Tuple(Float64, Float64)",
	"Ring":            "Array(Point)",
	"LineString":      "Array(Point)",
	"Polygon":         "Array(Ring)",
	"MultiLineString": "Array(LineString)",
	"MultiPolygon":    "Array(Polygon)",
}

// newWrapper returns the column of a type that wraps another.
func newWrapper(t Type, rules Rules) (Column, error) {
	if len(t.Args) != 1 {
		return nil, fmt.Errorf("type %s: one argument is expected", t)
	}
	wrapped, err := t.typeArg(0)
	if err != nil {
		return nil, err
	}
	inner, err := newColumn(wrapped, rules)
	if err != nil {
		return nil, err
	}
	switch t.Name {
	case "Nullable":
		return newNullable(inner, rules), nil
	case "Array":
		return &Array{Elem: inner}, nil
	}
	return newLowCardinality(t, inner, rules)
}

// location returns the zone a type names, UTC if it names none.
func location(name string) (*time.Location, error) {
	if name == "" || name == "UTC" || name == "Etc/UTC" {
		return time.UTC, nil
	}
	if name == "Local" { // which Go knows, and ClickHouse does not
		return nil, errors.New("unknown time zone Local")
	}
	return time.LoadLocation(name)
}
