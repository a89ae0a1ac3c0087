package clickhouse

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The oracle compares a JSON value with what the engine prints of what is stored
// of it. Its arithmetic is that of the standard library.

// lossError says what is not as it was.
type lossError struct {
	t       *diffType
	in, out *diffNode
}

func (e *lossError) Error() string {
	return fmt.Sprintf("%s: %s is stored as %s", e.t.text, shorten([]byte(e.in.raw)), shorten([]byte(e.out.raw)))
}

func notKept(t *diffType, in, out *diffNode) error { return &lossError{t, in, out} }

// keptIf is nil if nothing was lost.
func keptIf(ok bool, t *diffType, in, out *diffNode) error {
	if ok {
		return nil
	}
	return notKept(t, in, out)
}

// exactly reads a decimal number. One whose exponent is beyond all types is no
// number here, unless it is zero.
func exactly(text string) (*big.Rat, bool) {
	mantissa, exponent, ok := strings.Cut(strings.ToLower(text), "e")
	if ok {
		if strings.Trim(mantissa, "-0.") == "" {
			return new(big.Rat), true
		}
		if n, err := strconv.Atoi(exponent); err != nil || n > 2000 || n < -2000 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

func numberKept(t *diffType, in, out *diffNode) error {
	text := in.text
	if in.isBool() {
		text = strconv.Itoa(btoi(in.kind == 't'))
	} else if !in.isNumber() && !in.isString() {
		return notKept(t, in, out)
	}
	want, ok := exactly(text)
	got, fine := exactly(out.text)
	return keptIf(ok && fine && want.Cmp(got) == 0, t, in, out)
}

func floatKept(t *diffType, in, out *diffNode) error {
	if !in.isNumber() && !in.isString() {
		return numberKept(t, in, out)
	}
	want, err := strconv.ParseFloat(in.text, t.n)
	if err != nil {
		return notKept(t, in, out)
	}
	got, err := strconv.ParseFloat(out.text, t.n)
	same := math.Float64bits(want) == math.Float64bits(got) || math.IsNaN(want) && math.IsNaN(got)
	return keptIf(err == nil && same, t, in, out)
}

// bfloatKept: a BFloat16 is one of the two that are next to the number.
func bfloatKept(t *diffType, in, out *diffNode) error {
	want, err1 := strconv.ParseFloat(in.text, 64)
	got, err2 := strconv.ParseFloat(out.text, 32)
	if errors.Join(err1, err2) != nil || math.IsNaN(want) || math.IsInf(want, 0) {
		return keptIf(errors.Join(err1, err2) == nil && (want == got || want != want && got != got), t, in, out)
	}
	bits := math.Float32bits(float32(got))
	step := math.Abs(float64(math.Float32frombits(bits&0x7fffffff+0x10000)) - math.Abs(got))
	return keptIf(math.Abs(want-got) < step, t, in, out)
}

// clockKept reads [-]hours:minutes:seconds[.fraction], and numbers as seconds.
func clockKept(t *diffType, in, out *diffNode) error {
	want, ok1 := clockSeconds(in)
	got, ok2 := clockSeconds(out)
	return keptIf(ok1 && ok2 && want.Cmp(got) == 0, t, in, out)
}

func clockSeconds(n *diffNode) (*big.Rat, bool) {
	parts := strings.Split(strings.TrimPrefix(n.text, "-"), ":")
	if n.isNumber() || len(parts) == 1 {
		return exactly(n.text)
	}
	sum := new(big.Rat)
	for _, part := range parts {
		x, ok := exactly(part)
		if !ok || len(parts) != 3 {
			return nil, false
		}
		sum.Add(sum.Mul(sum, big.NewRat(60, 1)), x)
	}
	if strings.HasPrefix(n.text, "-") {
		sum.Neg(sum)
	}
	return sum, true
}

func boolKept(t *diffType, in, out *diffNode) error {
	if in.isBool() {
		return keptIf(in.kind == out.kind, t, in, out)
	}
	return keptIf(in.text == strconv.Itoa(btoi(out.kind == 't')), t, in, out)
}

// stringKept: an array or object is kept as its text.
func stringKept(t *diffType, in, out *diffNode) error {
	if in.isString() {
		return keptIf(in.text == out.text, t, in, out)
	}
	return keptIf(in.raw == out.text, t, in, out)
}

func fixedStringKept(t *diffType, in, out *diffNode) error {
	ok := in.isString() && len(in.text) <= t.n && in.text+strings.Repeat("\x00", t.n-len(in.text)) == out.text
	return keptIf(ok, t, in, out)
}

func dateKept(t *diffType, in, out *diffNode) error {
	want, err := time.Parse(time.DateOnly, in.text)
	return keptIf(err == nil && want.Format(time.DateOnly) == out.text, t, in, out)
}

// location is where a time without an offset is local.
func (t *diffType) location() *time.Location {
	if t.zone == "" {
		return time.UTC
	}
	loc, err := time.LoadLocation(t.zone)
	if err != nil {
		panic(err)
	}
	return loc
}

// wallForms are the forms of a time without an offset.
var wallForms = []string{time.DateTime, "2006-01-02T15:04:05", time.DateOnly}

// instants are the points in time that a text may mean: none if it is no time
// or says one that the clocks skip, two if it is one that they repeat.
func (t *diffType) instants(text string) []time.Time {
	text = strings.ToUpper(text)
	if at, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "T", 1)); err == nil {
		return []time.Time{at}
	}
	wall, ok := wallClock(text)
	if !ok {
		return nil
	}
	var all []time.Time
	_, east := wall.In(t.location()).Zone()
	for _, around := range []time.Duration{-48 * time.Hour, 48 * time.Hour} {
		_, offset := wall.Add(time.Duration(-east)*time.Second + around).In(t.location()).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if local := at.In(t.location()); sameWall(local, wall) && !slices.ContainsFunc(all, at.Equal) {
			all = append(all, at)
		}
	}
	return all
}

func sameWall(a, b time.Time) bool {
	const form = "2006-01-02 15:04:05.999999999"
	return a.Format(form) == b.Format(form)
}

func wallClock(text string) (time.Time, bool) {
	for _, form := range wallForms {
		if wall, err := time.Parse(form, strings.ToUpper(text)); err == nil {
			return wall, true
		}
	}
	return time.Time{}, false
}

// timeKept: of a local time that exists twice either is right, and of one that
// does not exist whatever the engine makes of it.
func timeKept(t *diffType, in, out *diffNode) error {
	got, err := time.Parse(time.RFC3339Nano, out.text)
	if err != nil {
		return notKept(t, in, out)
	}
	if in.isNumber() || in.isString() && len(in.text) != 4 && len(in.text) != 8 {
		if seconds, ok := exactly(in.text); ok {
			return keptIf(seconds.Cmp(unixOf(got)) == 0, t, in, out)
		}
	}
	if fractionDigits(in.text) > 9 {
		return keptIf(strings.Trim(in.text[29:fractionEnd(in.text)], "0") == "" && timeKept(t, cutAt(in, 29), out) == nil, t, in, out)
	}
	all := t.instants(in.text)
	if _, isWall := wallClock(in.text); isWall && len(all) == 0 {
		return nil
	}
	return keptIf(slices.ContainsFunc(all, got.Equal), t, in, out)
}

func unixOf(at time.Time) *big.Rat {
	nanos := new(big.Int).Mul(big.NewInt(at.Unix()), big.NewInt(1e9))
	return new(big.Rat).SetFrac(nanos.Add(nanos, big.NewInt(int64(at.Nanosecond()))), big.NewInt(1e9))
}

// fractionEnd is where the fraction of a time ends, which begins at byte 19.
func fractionEnd(text string) int {
	if len(text) < 20 || text[19] != '.' {
		return 0
	}
	return len(text) - len(strings.TrimLeft(text[20:], "0123456789"))
}

func fractionDigits(text string) int { return max(0, fractionEnd(text)-20) }

// cutAt leaves the digits of a fraction out from byte at on.
func cutAt(in *diffNode, at int) *diffNode {
	shorter := *in
	shorter.text = in.text[:at] + in.text[fractionEnd(in.text):]
	return &shorter
}

func enumKept(t *diffType, in, out *diffNode) error {
	for _, e := range t.enum {
		if e.name != out.text {
			continue
		}
		if in.isString() && in.text == e.name {
			return nil
		}
		if in.isNumber() || in.isString() {
			n, ok := exactly(in.text)
			return keptIf(ok && n.Cmp(big.NewRat(int64(e.n), 1)) == 0, t, in, out)
		}
	}
	return notKept(t, in, out)
}

func uuidKept(t *diffType, in, out *diffNode) error {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }
	return keptIf(in.isString() && plain(in.text) == plain(out.text), t, in, out)
}

func ipKept(t *diffType, in, out *diffNode) error {
	want, err1 := netip.ParseAddr(in.text)
	got, err2 := netip.ParseAddr(out.text)
	return keptIf(errors.Join(err1, err2) == nil && want.Unmap() == got.Unmap(), t, in, out)
}

func nullableKept(t *diffType, in, out *diffNode) error {
	if in.isNull() || out.isNull() {
		return keptIf(in.isNull() && out.isNull(), t, in, out)
	}
	return t.args[0].kept(in, out)
}

func (t *diffType) kept(in, out *diffNode) error { return t.family.kept(t, in, out) }

func innerKept(t *diffType, in, out *diffNode) error { return t.args[0].kept(in, out) }

func arrayKept(t *diffType, in, out *diffNode) error {
	if in.kind != '[' || out.kind != '[' || len(in.items) != len(out.items) {
		return notKept(t, in, out)
	}
	for i, item := range in.items {
		if err := t.args[0].kept(item, out.items[i]); err != nil {
			return err
		}
	}
	return nil
}

// tupleKept: elements that an object lacks are not looked at.
func tupleKept(t *diffType, in, out *diffNode) error {
	switch {
	case out.kind != '[' || len(out.items) != len(t.args), in.kind == '[' && len(in.items) != len(t.args), in.kind != '[' && in.kind != '{', in.kind == '{' && t.names == nil, in.repeats():
		return notKept(t, in, out)
	}
	for i, item := range in.items {
		at := i
		if in.kind == '{' {
			at = slices.Index(t.names, in.names[i])
		}
		if at < 0 {
			return notKept(t, in, out)
		}
		if err := t.args[at].kept(item, out.items[at]); err != nil {
			return err
		}
	}
	return nil
}

// mapKept: the keys are strings in JSON, whatever their type.
func mapKept(t *diffType, in, out *diffNode) error {
	if in.kind != '{' || out.kind != '{' || len(in.items) != len(out.items) || in.repeats() || out.repeats() {
		return notKept(t, in, out)
	}
	for i, item := range in.items {
		err := t.args[0].kept(in.keys[i], out.keys[i])
		if err == nil {
			err = t.args[1].kept(item, out.items[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// variantKept: one of the types keeps it.
func variantKept(t *diffType, in, out *diffNode) error {
	if in.isNull() && out.isNull() {
		return nil
	}
	for _, arg := range t.args {
		if arg.kept(in, out) == nil {
			return nil
		}
	}
	return notKept(t, in, out)
}

// anyKept is for types that the engine reads from the same text.
func anyKept(*diffType, *diffNode, *diffNode) error { return nil }
