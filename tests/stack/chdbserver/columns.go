package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// column walks one column's data of one block: the prefixes of the whole
// column stand before its values. A column is used for one block.
type column interface {
	prefix(w *walker)
	body(w *walker, rows uint64)
}

// columnOf is the column of a type, or an error for one whose values have an
// extent that only the engine knows.
func columnOf(typ string) (column, error) {
	t := parseTypeName(typ)
	if width, ok := widths[t.name]; ok {
		return fixedColumn(width), nil
	}
	if alias, ok := geometry[t.name]; ok {
		return columnOf(alias)
	}
	if build, ok := builders[t.name]; ok {
		c, err := build(t.args)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	if strings.HasPrefix(t.name, "Interval") {
		return fixedColumn(8), nil
	}
	return nil, fmt.Errorf("values of %s have no known extent", typ)
}

// widths are the bytes of a value by type. Those that depend on arguments are builders.
var widths = map[string]uint64{
	"Int8": 1, "UInt8": 1, "Bool": 1, "Enum8": 1, "Nothing": 1,
	"Int16": 2, "UInt16": 2, "Enum16": 2, "Date": 2, "BFloat16": 2,
	"Int32": 4, "UInt32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "DateTime32": 4, "Time": 4, "IPv4": 4, "Decimal32": 4,
	"Int64": 8, "UInt64": 8, "Float64": 8, "DateTime64": 8, "Time64": 8, "Decimal64": 8,
	"Int128": 16, "UInt128": 16, "Decimal128": 16, "UUID": 16, "IPv6": 16,
	"Int256": 32, "UInt256": 32, "Decimal256": 32,
}

// geometry are the types that have a name of their own for another type's data.
var geometry = map[string]string{
	"Point":           "Tuple(Float64, Float64)",
	"Ring":            "Array(Point)",
	"LineString":      "Array(Point)",
	"Polygon":         "Array(Ring)",
	"MultiLineString": "Array(LineString)",
	"MultiPolygon":    "Array(Polygon)",
	"Geometry":        "Variant(LineString, MultiLineString, MultiPolygon, Point, Polygon, Ring)",
}

// builders make the columns of types with arguments.
var builders map[string]func(args []string) (column, error)

func init() {
	builders = map[string]func(args []string) (column, error){
		"String":                  func([]string) (column, error) { return textColumn{}, nil },
		"FixedString":             fixedString,
		"Decimal":                 decimal,
		"Nullable":                nested(func(of column) column { return &nullableColumn{of} }),
		"Array":                   nested(func(of column) column { return &arrayColumn{of} }),
		"LowCardinality":          lowCardinality,
		"Map":                     pairs,
		"Nested":                  nestedTable,
		"Tuple":                   tuple,
		"Variant":                 variant,
		"SimpleAggregateFunction": func(args []string) (column, error) { return argument(args, 1) },
		"QBit":                    qbit,
		"Dynamic":                 func([]string) (column, error) { return &dynamicColumn{}, nil },
		"JSON":                    object,
	}
}

// argument is the column of the argument at i.
func argument(args []string, i int) (column, error) {
	if i >= len(args) {
		return nil, fmt.Errorf("needs %d arguments, has %d", i+1, len(args))
	}
	return columnOf(args[i])
}

func nested(wrap func(of column) column) func(args []string) (column, error) {
	return func(args []string) (column, error) {
		of, err := argument(args, 0)
		if err != nil {
			return nil, err
		}
		return wrap(of), nil
	}
}

func numberOf(args []string, i int) (uint64, error) {
	if i >= len(args) {
		return 0, fmt.Errorf("needs %d arguments, has %d", i+1, len(args))
	}
	return strconv.ParseUint(args[i], 10, 32)
}

func fixedString(args []string) (column, error) {
	n, err := numberOf(args, 0)
	return fixedColumn(n), err
}

func decimal(args []string) (column, error) {
	precision, err := numberOf(args, 0)
	switch {
	case precision <= 9:
		return fixedColumn(4), err
	case precision <= 18:
		return fixedColumn(8), err
	case precision <= 38:
		return fixedColumn(16), err
	}
	return fixedColumn(32), err
}

// qbit is a vector, stored bit by bit: so many strings of one bit an element.
func qbit(args []string) (column, error) {
	bits, ok := map[string]uint64{"BFloat16": 16, "Float32": 32, "Float64": 64, "Int8": 8}[slices.Concat(args, []string{""})[0]]
	if !ok {
		return nil, fmt.Errorf("knows no element of %v", args)
	}
	n, err := numberOf(args, 1)
	return fixedColumn(bits * ((n + 7) / 8)), err
}

func tuple(args []string) (column, error) {
	if len(args) == 0 {
		return fixedColumn(1), nil // a placeholder a row
	}
	var columns groupColumn
	for _, arg := range args {
		_, typ := cutName(arg)
		c, err := columnOf(typ)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, nil
}

func nestedTable(args []string) (column, error) {
	of, err := tuple(args)
	return &arrayColumn{of}, err
}

func pairs(args []string) (column, error) {
	of, err := tuple(args[:min(len(args), 2)])
	return &arrayColumn{of}, err
}

func variant(args []string) (column, error) {
	of, err := tuple(args)
	if err != nil {
		return nil, err
	}
	alternatives, _ := of.(groupColumn)
	return &variantColumn{of: alternatives}, nil
}

// fixedColumn has values of so many bytes.
type fixedColumn uint64

func (c fixedColumn) prefix(*walker)              {}
func (c fixedColumn) body(w *walker, rows uint64) { w.fixed(rows, uint64(c)) }

type textColumn struct{}

func (textColumn) prefix(*walker) {}
func (textColumn) body(w *walker, rows uint64) {
	for ; rows > 0 && w.err == nil; rows-- {
		w.skipText()
	}
}

// nullableColumn has a byte a row before its values.
type nullableColumn struct{ of column }

func (c *nullableColumn) prefix(w *walker) { c.of.prefix(w) }
func (c *nullableColumn) body(w *walker, rows uint64) {
	w.copy(rows)
	c.of.body(w, rows)
}

// arrayColumn has the ends of its rows before their elements.
type arrayColumn struct{ of column }

func (c *arrayColumn) prefix(w *walker) { c.of.prefix(w) }
func (c *arrayColumn) body(w *walker, rows uint64) {
	if rows == 0 {
		return
	}
	w.fixed(rows-1, 8)
	if elements := w.number(); elements > 0 {
		c.of.body(w, elements)
	}
}

// groupColumn is several columns of the same rows, one behind the other.
type groupColumn []column

func (c groupColumn) prefix(w *walker) {
	for _, of := range c {
		of.prefix(w)
	}
}

func (c groupColumn) body(w *walker, rows uint64) {
	for _, of := range c {
		of.body(w, rows)
	}
}

// lowColumn has a dictionary and indexes into it, in one or more portions.
type lowColumn struct{ keys column }

func lowCardinality(args []string) (column, error) {
	if len(args) == 1 {
		if of := parseTypeName(args[0]); of.name == "Nullable" { // the dictionary has no NULL, its first key stands for it
			args = of.args
		}
	}
	keys, err := argument(args, 0)
	return &lowColumn{keys}, err
}

const (
	lowGlobalDictionary = 1 << 8
	lowOwnKeys          = 1 << 9
)

func (c *lowColumn) prefix(w *walker) {
	if version := w.number(); w.err == nil && version != 1 {
		w.fail(fmt.Errorf("LowCardinality has the version %d, known is 1", version))
	}
}

func (c *lowColumn) body(w *walker, rows uint64) {
	for rows > 0 && w.err == nil {
		kind := w.number()
		if width := kind & 0xff; width > 3 || kind&lowGlobalDictionary != 0 || kind&lowOwnKeys == 0 {
			w.fail(fmt.Errorf("LowCardinality has the kind %#x, known is a dictionary of the block's own", kind))
			return
		}
		c.keys.body(w, w.number())
		n := w.number()
		if n == 0 || n > rows {
			w.fail(fmt.Errorf("LowCardinality has %d indexes where %d are to come", n, rows))
			return
		}
		w.fixed(n, 1<<(kind&0xff))
		rows -= n
	}
}

// variantColumn has a byte a row that says which of the alternatives it has, in
// their order, and then the values of each.
type variantColumn struct{ of groupColumn }

func (c *variantColumn) prefix(w *walker) {
	if mode := w.number(); w.err == nil && mode != 0 {
		w.fail(fmt.Errorf("Variant has the mode %d, known is 0", mode))
	}
	c.of.prefix(w)
}

func (c *variantColumn) body(w *walker, rows uint64) {
	counts := w.alternatives(rows, 1, math.MaxUint8, uint64(len(c.of)))
	for i, of := range c.of {
		of.body(w, counts[i])
	}
}

// alternatives hands the rows' choices on, of so many bytes each, and counts
// the rows of each of n alternatives. null is the choice of a row without one.
func (w *walker) alternatives(rows, width, null, n uint64) []uint64 {
	counts := make([]uint64, n)
	for ; rows > 0 && w.err == nil; rows-- {
		p := w.take(int(width))
		w.put(p)
		var choice uint64
		for i := len(p) - 1; i >= 0; i-- {
			choice = choice<<8 | uint64(p[i])
		}
		switch {
		case choice < n:
			counts[choice]++
		case choice != null:
			w.fail(fmt.Errorf("a row has the alternative %d of %d", choice, n))
		}
	}
	return counts
}
