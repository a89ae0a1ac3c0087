package clickhouse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unsafe"

	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// builder collects the values of one column, in the layout of ClickHouse's
// Native format, so that the driver's column takes them as they are: none of
// its conversions, which clip and round silently, is ever asked. A builder is
// reused from batch to batch. It is not safe for concurrent use.
type builder interface {
	// append converts one JSON value. On error nothing was added.
	append(v *value) error
	// zero adds the value that ClickHouse gives a column that has no default.
	zero()
	// len is the number of values held.
	len() int
	// truncate keeps the first n values.
	truncate(n int)
	// reset drops every value, and every reference to a record.
	reset()
	// encode adds values from up to, not including, to in Native layout.
	encode(out *native, from, to int)
	// key adds bytes to dst that tell value i from any other of its column.
	key(dst []byte, i int) []byte
}

// timeRules say how times are read: see the fields time_precision and
// epoch_unit.
type timeRules struct {
	truncate bool
	// epochDigits is the decimal exponent of the epoch unit (s 0, ms 3, us 6,
	// ns 9), -1 when numbers are refused.
	epochDigits int
}

// newColumn returns the builder of a column of the given type, which the
// driver has to know as well.
func newColumn(columnType string, rules timeRules) (builder, error) {
	if _, err := chcolumn.Type(columnType).Column("", &chcolumn.ServerContext{}); err != nil {
		return nil, fmt.Errorf("type %s is not supported by the driver", columnType)
	}
	switch name, _, _ := strings.Cut(columnType, "("); name {
	case "JSON":
		return &jsonColumn{}, nil
	case "Dynamic":
		return &dynamicColumn{}, nil
	}
	return newBuilder(columnType, rules)
}

// newBuilder returns the builder of a type that may be part of others.
func newBuilder(columnType string, rules timeRules) (builder, error) {
	t, err := parseType(columnType)
	if err != nil {
		return nil, err
	}
	if build, ok := simpleTypes[t.name]; ok {
		return build(), nil
	}
	if other, ok := otherNames[t.name]; ok {
		return newBuilder(other, rules)
	}
	switch t.name {
	case "Date":
		return newDate[uint16](0, math.MaxUint16, rules), nil
	case "Date32":
		return newDate[int32](earliest/86400, latest/86400, rules), nil
	case "DateTime", "DateTime64":
		return newDateTime(t, rules)
	case "FixedString":
		return newFixedString(t)
	case "Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256":
		return newDecimal(t)
	case "Enum8", "Enum16":
		return newEnum(t)
	case "Nullable", "LowCardinality", "Array":
		return newWrapper(t, rules)
	case "Tuple":
		return newTuple(t, rules)
	case "Map":
		return newMap(t, rules)
	case "Variant":
		return newVariant(t, rules)
	case "Nested":
		return newBuilder("Array(Tuple("+strings.Join(t.args, ", ")+"))", rules)
	case "SimpleAggregateFunction":
		return newBuilder(strings.Join(t.args[min(1, len(t.args)):], ", "), rules)
	}
	return nil, fmt.Errorf("type %s is not supported", columnType)
}

// simpleTypes are the types without arguments.
var simpleTypes = map[string]func() builder{
	"Int8":    newSigned[int8],
	"Int16":   newSigned[int16],
	"Int32":   newSigned[int32],
	"Int64":   newSigned[int64],
	"Int128":  func() builder { return newFixed(parseWideInt[[16]byte](true)) },
	"Int256":  func() builder { return newFixed(parseWideInt[[32]byte](true)) },
	"UInt8":   func() builder { return newFixed(parseByte) },
	"UInt16":  newUnsigned[uint16],
	"UInt32":  newUnsigned[uint32],
	"UInt64":  newUnsigned[uint64],
	"UInt128": func() builder { return newFixed(parseWideInt[[16]byte](false)) },
	"UInt256": func() builder { return newFixed(parseWideInt[[32]byte](false)) },
	"Float32": func() builder { return newFixed(parseFloat32Value) },
	"Float64": func() builder { return newFixed(parseFloat64Value) },
	"Bool":    func() builder { return newFixed(parseBool) },
	"UUID":    func() builder { return newFixed(parseUUID) },
	"IPv4":    func() builder { return newFixed(parseIPv4) },
	"IPv6":    func() builder { return newFixed(parseIPv6) },
	"String":  func() builder { return &stringColumn{} },
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

// newWrapper returns the builder of a type that wraps another.
func newWrapper(t typeName, rules timeRules) (builder, error) {
	if len(t.args) != 1 {
		return nil, fmt.Errorf("type %s needs one argument", t.name)
	}
	inner, err := newBuilder(t.args[0], rules)
	if err != nil {
		return nil, err
	}
	switch t.name {
	case "Nullable":
		return &nullableColumn{inner: inner}, nil
	case "Array":
		return &arrayColumn{inner: inner}, nil
	}
	return newLowCardinality(inner), nil
}

// location returns the zone a type names, UTC if it names none.
func location(name string) (*time.Location, error) {
	if name == "" || name == "UTC" || name == "Etc/UTC" {
		return time.UTC, nil
	}
	return time.LoadLocation(name)
}

// fixed is a column whose values all have the same size; in memory they look
// as they do on the wire (see checkByteOrder).
type fixed[T any] struct {
	values []T
	parse  func(*value) (T, error)
	blank  T
}

func newFixed[T any](parse func(*value) (T, error)) *fixed[T] { return &fixed[T]{parse: parse} }

func (c *fixed[T]) append(v *value) error {
	x, err := c.parse(v)
	if err != nil {
		return err
	}
	c.values = append(c.values, x)
	return nil
}

func (c *fixed[T]) zero()          { c.values = append(c.values, c.blank) }
func (c *fixed[T]) len() int       { return len(c.values) }
func (c *fixed[T]) truncate(n int) { c.values = c.values[:n] }
func (c *fixed[T]) reset()         { c.values = c.values[:0] }

func (c *fixed[T]) encode(out *native, from, to int) { out.add(rawBytes(c.values[from:to])) }

func (c *fixed[T]) key(dst []byte, i int) []byte {
	return append(dst, rawBytes(c.values[i:i+1])...)
}

// rawBytes is the memory of a slice of numbers.
func rawBytes[T any](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(values[0])))
}

// checkByteOrder refuses machines whose numbers do not look as ClickHouse's
// Native format wants them.
func checkByteOrder() error {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return errors.New("clickhouse: big-endian machines are not supported")
	}
	return nil
}

// native is a column on its way to the driver: parts that are read one after
// the other, without being copied together.
type native struct {
	parts [][]byte
}

var _ io.Reader = (*native)(nil)

func (n *native) add(b []byte) {
	if len(b) > 0 {
		n.parts = append(n.parts, b)
	}
}

func (n *native) addUint64(v uint64) { n.add(binary.LittleEndian.AppendUint64(nil, v)) }

// Read implements io.Reader.
func (n *native) Read(p []byte) (int, error) {
	if len(n.parts) == 0 {
		return 0, io.EOF
	}
	done := copy(p, n.parts[0])
	if done == len(n.parts[0]) {
		n.parts = n.parts[1:]
	} else {
		n.parts[0] = n.parts[0][done:]
	}
	return done, nil
}

// kindError says that a JSON value is of a kind the column does not take.
type kindError struct {
	kind kind
	want string
}

func (e *kindError) Error() string { return fmt.Sprintf("%s where %s is expected", e.kind, e.want) }

// wrongKind says that a JSON value is of a kind the column does not take.
func wrongKind(v *value, want string) error {
	return &kindError{v.kind, want}
}
