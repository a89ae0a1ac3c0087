package json

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// ErrNotUTF8 says that a computed text is none that JSON can hold.
var ErrNotUTF8 = errors.New("text that is not valid UTF-8")

// Set makes v the value that Bloblang or the metadata gave as x: a number, a
// bool, a time, null and a text as themselves, arrays and objects as JSON text,
// the floats that JSON lacks as the strings that Float columns take. Bytes become
// a string as they are.
func Set(v *column.Value, x any) error {
	switch x := x.(type) {
	case nil:
		v.SetNull()
	case bool:
		v.SetBool(x)
	case string:
		if !utf8.ValidString(x) {
			return ErrNotUTF8
		}
		v.SetText(x)
	case []byte:
		v.SetBytes(x)
	case time.Time:
		v.SetTime(x)
	case int64:
		v.SetInt(x)
	case uint64:
		v.SetUint(x)
	case float32:
		v.SetFloat(float64(x))
	case float64:
		v.SetFloat(x)
	default:
		return setText(v, x)
	}
	return nil
}

// setText makes v what only its text is kept of.
func setText(v *column.Value, x any) error {
	text, err := appendJSON(nil, x, 0)
	if err != nil {
		return err
	}
	*v = column.Value{Kind: column.KindNumber, Raw: text}
	switch x.(type) {
	case []any:
		v.Kind = column.KindArray
	case map[string]any:
		v.Kind = column.KindObject
	}
	return nil
}

// appendJSON appends x as JSON text.
func appendJSON(dst []byte, x any, depth int) ([]byte, error) {
	if depth >= maxDepth {
		return dst, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch x := x.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, x), nil
	case string:
		return appendQuoted(dst, x)
	case []byte:
		return appendQuoted(dst, str(x))
	case time.Time:
		return appendQuoted(dst, x.Format(time.RFC3339Nano))
	case []any:
		return appendArray(dst, x, depth)
	case map[string]any:
		return appendObject(dst, x, depth)
	}
	return appendNumber(dst, x)
}

func appendArray(dst []byte, x []any, depth int) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, element := range x {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, element, depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, x map[string]any, depth int) (_ []byte, err error) {
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(x)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendQuoted(dst, name); err != nil {
			return dst, err
		}
		dst = append(dst, ':')
		if dst, err = appendJSON(dst, x[name], depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendQuoted appends a JSON string, with no more escapes than it needs.
func appendQuoted(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, ErrNotUTF8
	}
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"'), nil
}

func appendNumber(dst []byte, x any) ([]byte, error) {
	switch x := x.(type) {
	case int:
		return strconv.AppendInt(dst, int64(x), 10), nil
	case int64:
		return strconv.AppendInt(dst, x, 10), nil
	case uint64:
		return strconv.AppendUint(dst, x, 10), nil
	case int8, int16, int32, uint, uint8, uint16, uint32:
		return fmt.Append(dst, x), nil
	case float32:
		return appendNumber(dst, float64(x))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return dst, fmt.Errorf("%v in an array or object", x)
		}
		return strconv.AppendFloat(dst, x, 'g', -1, 64), nil
	case stdjson.Number:
		if !column.IsNumber([]byte(x)) {
			return dst, fmt.Errorf("%q: %w", record.Shorten([]byte(x)), column.ErrNotANumber)
		}
		return append(dst, x...), nil
	}
	return dst, fmt.Errorf("a value of type %T, which no column takes", x)
}
