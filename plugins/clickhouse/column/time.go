package column

import (
	"fmt"
	"math"
	"time"
)

// newDate returns the Column of Date (16 bits) or Date32: days since 1970,
// from the first to the last that the type has.
func newDate[T uint16 | int32](first, last int64, rules Rules) Column {
	zone := zone{loc: time.UTC, basic: rules.BasicOffset}
	return newFixed(func(v *Value) (T, error) {
		days, err := parseDate(v, rules.Truncate, &zone)
		if err != nil {
			return 0, err
		}
		if days < first || days > last {
			return 0, ErrRange
		}
		return T(days), nil
	})
}

// parseDate reads a date as days since 1970, and with truncate set the one that a
// time has in UTC.
func parseDate(v *Value, truncate bool, z *zone) (int64, error) {
	var text []byte
	switch v.Kind {
	case KindNull:
		return 0, ErrNull
	case KindString:
		text = v.plain()
	case KindDate:
		return floorDiv(v.at.Unix(), 86400), nil
	case KindTime:
		if !truncate {
			return 0, errTimeForDate
		}
		return floorDiv(v.at.Unix(), 86400), nil
	default:
		return 0, ErrNotADate
	}
	days, ok := parseDay(text)
	switch {
	case !ok:
		return 0, ErrNotADate
	case len(text) == 10:
		return days, nil
	case !truncate:
		return 0, errTimeForDate
	}
	at, err := parseInstant(text, z)
	return floorDiv(at.sec, 86400), err
}

var errTimeForDate = fmt.Errorf("%w: a time where a date is expected", ErrPrecision)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// newDateTime returns the Column of DateTime([zone]) or
// DateTime64(precision, [zone]).
func newDateTime(t Type, rules Rules) (Column, error) {
	zoneArg, precision := 0, 0
	if t.Name == "DateTime64" {
		p, err := t.intArg(0)
		if err != nil || p < 0 || p > 9 {
			return nil, fmt.Errorf("type %s is not understood", t)
		}
		zoneArg, precision = 1, p
	}
	name, err := t.textArg(zoneArg)
	if err != nil {
		return nil, err
	}
	loc, err := location(name)
	if err != nil {
		return nil, fmt.Errorf("time zone of %s: %w", t, err)
	}
	read := timeReader{zone: zone{loc: loc, basic: rules.BasicOffset}, rules: rules}
	if t.Name == "DateTime64" {
		return newFixed(func(v *Value) (int64, error) { return read.ticks(v, precision) }), nil
	}
	if read.rules.EpochDigits < 0 {
		read.rules.EpochDigits = 0 // DateTime has one unit only
	}
	return newFixed(read.seconds), nil
}

// The span of DateTime64 on every server version: 1900 to 2299, in seconds.
const (
	earliest = -2208988800
	latest   = 10413791999
)

// timeReader turns JSON values into instants.
type timeReader struct {
	zone  zone
	rules Rules
}

func (r *timeReader) read(v *Value) (instant, error) {
	switch v.Kind {
	case KindString:
		text := v.plain()
		at, err := parseInstant(text, &r.zone)
		if err != nil && r.rules.StringToEpoch && IsNumber(text) {
			return r.epoch(v)
		}
		return at, err
	case KindNumber, KindFloat:
		return r.epoch(v)
	case KindTime:
		return instant{sec: v.at.Unix(), nano: int64(v.at.Nanosecond())}, nil
	case KindDate:
		return instant{sec: r.zone.instant(floorDiv(v.at.Unix(), 86400), 0)}, nil
	}
	return instant{}, WrongKind(v, "a time")
}

// epoch reads a number of units since 1970, or a string that holds one.
func (r *timeReader) epoch(v *Value) (instant, error) {
	if r.rules.EpochDigits < 0 {
		return instant{}, ErrEpoch
	}
	d, err := v.decimal()
	if err != nil {
		return instant{}, err
	}
	return d.epoch(v.Raw, r.rules.EpochDigits)
}

// seconds returns a DateTime.
func (r *timeReader) seconds(v *Value) (uint32, error) {
	at, err := r.read(v)
	if err != nil {
		return 0, err
	}
	n, err := at.ticks(0, r.rules.Truncate)
	if err != nil {
		return 0, err
	}
	if n < 0 || n > math.MaxUint32 {
		return 0, ErrRange
	}
	return uint32(n), nil
}

// ticks returns a DateTime64.
func (r *timeReader) ticks(v *Value, precision int) (int64, error) {
	at, err := r.read(v)
	if err != nil {
		return 0, err
	}
	if at.sec < earliest || at.sec > latest || precision == 9 && at.sec >= math.MaxInt64/1_000_000_000 {
		return 0, ErrRange
	}
	return at.ticks(precision, r.rules.Truncate)
}
