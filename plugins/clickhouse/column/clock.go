package column

import (
	"fmt"
	"math"
)

// mostSeconds is the largest Time, 999:59:59; the least one is its negative.
const mostSeconds = 999*3600 + 59*60 + 59

// newClock returns the column of Time or Time64(precision): a time of the day, or
// a span between two.
func newClock(t Type, rules Rules) (Column, error) {
	if t.Name == "Time" {
		return newFixed(func(v *Value) (int32, error) {
			if v.Kind == KindNumber || v.Kind == KindFloat {
				n, err := v.Int64()
				if err == nil && (n < -mostSeconds || n > mostSeconds) {
					err = ErrRange
				}
				return int32(n), err //nolint:gosec // within a million
			}
			n, err := parseSpan(v, 0, rules.Truncate)
			return int32(n), err //nolint:gosec // within a million
		}), nil
	}
	precision, err := t.intArg(0)
	if err != nil || precision < 0 || precision > 9 {
		return nil, fmt.Errorf("type %s is not understood", t)
	}
	return newFixed(func(v *Value) (int64, error) { return parseSpan(v, precision, rules.Truncate) }), nil
}

// parseSpan reads "15:04:05.999", with up to three digits of hours and a sign, in
// units of 10^-precision seconds.
func parseSpan(v *Value, precision int, truncate bool) (int64, error) {
	switch v.Kind {
	case KindString:
		return parseClockText(v.plain(), precision, truncate)
	case KindSpan:
		n := magnitude(int64(v.span))
		at := instant{sec: int64(n / 1e9), nano: int64(n % 1e9)} //nolint:gosec // below 2^63
		if at.sec > mostSeconds {
			return 0, ErrRange
		}
		return at.span(v.span < 0, precision, truncate)
	}
	return 0, WrongKind(v, "a time such as \"15:04:05\"")
}

func parseClockText(b []byte, precision int, truncate bool) (int64, error) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	end := digits(b, 0)
	if end < 1 || end > 3 || len(b)-end < 6 || b[end] != ':' || b[end+3] != ':' {
		return 0, ErrNotAClock
	}
	hours := int64(0)
	for _, c := range b[:end] {
		hours = hours*10 + int64(c-'0')
	}
	minutes, ok1 := two(b[end+1:])
	seconds, ok2 := two(b[end+4:])
	at := instant{sec: hours*3600 + minutes*60 + seconds}
	rest, ok3 := at.fraction(b[end+6:])
	if !ok1 || !ok2 || !ok3 || len(rest) > 0 || minutes > 59 || seconds > 59 {
		return 0, ErrNotAClock
	}
	return at.span(negative, precision, truncate)
}

// span returns ticks of a span of that length, in one direction or the other.
func (at instant) span(negative bool, precision int, truncate bool) (int64, error) {
	n, err := at.ticks(precision, truncate)
	if negative {
		n = -n
	}
	return n, err
}

// parseBFloat16 reads the upper half of a Float32, which is what ClickHouse keeps.
func parseBFloat16(v *Value) (uint16, error) {
	f, err := parseFloat32Value(v)
	return uint16(math.Float32bits(f) >> 16), err
}
