package column

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"
	"unsafe"
)

// The methods of this file are for formats whose values are no text: they hand a
// value over as it is, and its text is only written where a column asks for it.
// A typed value is taken where its text would be, and becomes the same, but that
// an instant needs no time zone to be read.

// SetNull makes v null.
func (v *Value) SetNull() { v.typed(KindNull) }

// SetBool makes v true or false.
func (v *Value) SetBool(b bool) {
	v.typed(KindFalse)
	if b {
		v.Kind = KindTrue
	}
}

// SetInt makes v a whole number.
func (v *Value) SetInt(n int64) {
	v.SetUint(magnitude(n))
	v.num.negative = n < 0
}

// SetUint makes v a whole number.
func (v *Value) SetUint(n uint64) {
	v.typed(KindNumber)
	v.num = decimal{mantissa: n, digits: 1}
}

// SetDecimal makes v the number unscaled × 10^-scale.
func (v *Value) SetDecimal(unscaled int64, scale int) {
	v.SetInt(unscaled)
	v.num.exp = -scale
}

// SetWideDecimal makes v the number unscaled × 10^-scale; unscaled is in two's
// complement, big endian, as Avro and Debezium have it.
func (v *Value) SetWideDecimal(unscaled []byte, scale int) {
	if len(unscaled) <= 8 {
		v.SetDecimal(signExtended(unscaled), scale)
		return
	}
	n := new(big.Int).SetBytes(unscaled)
	if unscaled[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(unscaled))*8))
	}
	text := strconv.AppendInt(append(n.Append(nil, 10), 'e'), int64(-scale), 10)
	v.Escaped = false
	v.ReadNumber(text)
}

// signExtended reads up to eight bytes in two's complement, big endian.
func signExtended(b []byte) (n int64) {
	if len(b) > 0 {
		n = int64(int8(b[0])) >> 7 //nolint:gosec // the sign is what is wanted: 0 or -1
	}
	for _, c := range b {
		n = n<<8 | int64(c)
	}
	return n
}

// SetFloat makes v a floating-point number: for a column of floats the nearest
// that it holds, for any other the shortest decimal that reads back as f. NaN and
// the infinities are what the texts nan, inf and -inf are.
func (v *Value) SetFloat(f float64) {
	if text := notFinite(f); text != "" {
		v.SetText(text)
		return
	}
	v.typed(KindFloat)
	v.float = f
}

func notFinite(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return ""
}

// SetText makes v a text, which it aliases.
func (v *Value) SetText(s string) { v.SetBytes(unsafe.Slice(unsafe.StringData(s), len(s))) }

// SetBytes makes v a text of any bytes, which it aliases.
func (v *Value) SetBytes(b []byte) { v.Kind, v.Raw, v.Escaped = KindString, b, false }

// SetTime makes v an instant. A text of it is in its own time zone.
func (v *Value) SetTime(at time.Time) {
	v.typed(KindTime)
	v.at = at
}

// SetDate makes v a date, of days since 1970.
func (v *Value) SetDate(days int32) {
	v.typed(KindDate)
	v.at = time.Unix(int64(days)*86400, 0).UTC()
}

// SetSpan makes v a time of the day, or a span between two.
func (v *Value) SetSpan(d time.Duration) {
	v.typed(KindSpan)
	v.span = d
}

// typed makes v a value whose text is not written yet.
func (v *Value) typed(k Kind) { v.Kind, v.Raw, v.Escaped = k, nil, false }

// Literal returns the text of any value: that of a string without its quotes, of
// everything else as JSON or a text would have it.
func (v *Value) Literal() []byte {
	if v.Raw == nil {
		v.write()
	}
	return v.Raw
}

// write sets Raw of a typed value to memory of its own, which columns may keep.
func (v *Value) write() {
	switch v.Kind {
	case KindNull:
		v.Raw = []byte("null")
	case KindTrue:
		v.Raw = []byte("true")
	case KindFalse:
		v.Raw = []byte("false")
	case KindNumber:
		v.Raw = v.num.text()
	case KindFloat:
		v.Raw = strconv.AppendFloat(nil, v.float, 'g', -1, 64)
	case KindTime:
		v.Raw = v.at.AppendFormat(nil, time.RFC3339Nano)
	case KindDate:
		v.Raw = v.at.AppendFormat(nil, time.DateOnly)
	case KindSpan:
		v.Raw = spanText(v.span)
	case KindString, KindObject, KindArray: // they are their text
	}
}

// text spells a number of 64 bits, without an exponent unless it would be of more
// than twenty zeros.
func (d *decimal) text() []byte {
	b := make([]byte, 0, 24)
	if d.negative {
		b = append(b, '-')
	}
	start := len(b)
	b = strconv.AppendUint(b, d.mantissa, 10)
	switch {
	case d.exp == 0:
		return b
	case d.exp > 0 || d.exp < -safeDigits:
		return strconv.AppendInt(append(b, 'e'), int64(d.exp), 10)
	}
	for len(b)-start <= -d.exp {
		b = slices.Insert(b, start, '0')
	}
	return slices.Insert(b, len(b)+d.exp, '.')
}

// spanText spells a span as "15:04:05.999", with as many digits as it needs.
func spanText(d time.Duration) []byte {
	var b []byte
	n := magnitude(int64(d))
	if d < 0 {
		b = append(b, '-')
	}
	sec := n / 1e9
	for i, part := range [...]uint64{sec / 3600, sec / 60 % 60, sec % 60} {
		if i > 0 {
			b = append(b, ':')
		}
		if part < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendUint(b, part, 10)
	}
	if nano := n % 1e9; nano > 0 {
		digits := strconv.AppendUint(nil, nano+1e9, 10)
		digits[0] = '.'
		for digits[len(digits)-1] == '0' {
			digits = digits[:len(digits)-1]
		}
		b = append(b, digits...)
	}
	return b
}

// magnitude is the absolute value, that of the smallest number too.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n) //nolint:gosec // two's complement
	}
	return uint64(n)
}
