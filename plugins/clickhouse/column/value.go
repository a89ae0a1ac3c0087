package column

import (
	"time"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Kind is what a value is to its format.
type Kind byte

// The kinds of values.
const (
	KindNull Kind = iota
	KindTrue
	KindFalse
	KindNumber
	KindString
	KindObject
	KindArray

	// What formats have that are not text alone; see SetFloat and its like.

	KindFloat
	KindTime
	KindDate
	KindSpan
)

// Kinds is how many there are.
const Kinds = KindSpan + 1

func (k Kind) String() string {
	return [...]string{"null", "true", "false", "a number", "a string", "an object", "an array", "a number", "a time", "a date", "a time of the day"}[k]
}

// Value is one value on its way into a column. Whoever reads records keeps one
// and sets it anew for each value. Raw may alias a record: columns of texts
// keep it, so the record must not change as long as the block is in use.
type Value struct {
	// Raw is the text: of a string without its quotes, of everything else as it
	// stands in JSON; nil of a typed value whose text nobody has asked for. Literal
	// returns it in any case.
	Raw     []byte
	Kind    Kind
	Escaped bool // a string that holds JSON's escapes, all of them well formed

	num   decimal // of a number that was read; its zero value: not read yet
	float float64
	at    time.Time
	span  time.Duration
}

// ReadNumber makes v the JSON number that text starts with, and returns its
// length. It is 0, and v unusable, if there is none.
func (v *Value) ReadNumber(text []byte) int {
	n := v.num.read(text)
	v.Kind, v.Raw = KindNumber, text[:n]
	return n
}

// Text returns a string value, unescaped. Without escapes it aliases Raw; with
// them it is a copy of its own. Of a time, a date or a span it is their text.
func (v *Value) Text() string {
	if v.Kind >= KindTime {
		v.Literal()
	}
	if !v.Escaped {
		return unsafe.String(unsafe.SliceData(v.Raw), len(v.Raw))
	}
	return string(unescape(make([]byte, 0, len(v.Raw)), v.Raw))
}

// plain returns the text of a string or number. A string with escapes is replaced
// by the same one without, so that whatever reads it next need not know of them.
func (v *Value) plain() []byte {
	if v.Escaped {
		v.unescape()
	}
	return v.Raw
}

// unescape is the part of plain that is not worth inlining.
func (v *Value) unescape() {
	v.Raw, v.Escaped = unescape(make([]byte, 0, len(v.Raw)), v.Raw), false
}

// IsEmpty reports whether v is the empty text.
func (v *Value) IsEmpty() bool { return v.Kind == KindString && len(v.Raw) == 0 }

// number returns the text of a number, or of a string that holds one.
func (v *Value) number() ([]byte, error) {
	if _, err := v.decimal(); err != nil {
		return nil, err
	}
	return v.Literal(), nil
}

// decimal returns a number, or a string that holds one, taken apart. Its text
// is v.Raw, if it is one of more than 64 bits.
func (v *Value) decimal() (*decimal, error) {
	switch {
	case v.Kind == KindNumber && v.num.digits > 0:
		return &v.num, nil
	case v.Kind == KindNumber || v.Kind == KindString:
		text := v.plain()
		if n := v.num.read(text); n == 0 || n != len(text) {
			return nil, ErrNotANumber
		}
		return &v.num, nil
	case v.Kind == KindFloat:
		v.num.read(v.Literal())
		return &v.num, nil
	}
	return nil, WrongKind(v, "a number")
}

// Uint64 returns a number, or a string that holds one, that is whole and fits.
func (v *Value) Uint64() (uint64, error) {
	d, err := v.decimal()
	if err != nil {
		return 0, err
	}
	return d.unsigned(v.Raw, 64)
}

// Int64 returns a number, or a string that holds one, that is whole and fits.
func (v *Value) Int64() (int64, error) {
	d, err := v.decimal()
	if err != nil {
		return 0, err
	}
	return d.signed(v.Raw, 0, 64)
}

// IsNumber reports whether text is a number as JSON spells them.
func IsNumber(text []byte) bool {
	var d decimal
	n := d.read(text)
	return n > 0 && n == len(text)
}

// unescape appends the contents of a string whose escapes are known to be well
// formed.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := codeUnit(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, codeUnit(raw[i+3:]))
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, raw[i])
		}
	}
	return dst
}

// codeUnit returns the number that four hexadecimal digits spell.
func codeUnit(b []byte) (r rune) {
	for _, c := range b[:4] {
		r = r<<4 | rune(nibble(c))
	}
	return r
}
