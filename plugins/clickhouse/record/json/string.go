package json

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// scanString reads a string; the scanner stands at its opening quote.
func (s *scanner) scanString(v *column.Value) error {
	s.pos++
	start := s.pos
	v.Kind, v.Escaped = column.KindString, false
	var high byte
	for s.pos < len(s.buf) {
		s.pos += plainPrefix(s.buf[s.pos:])
		if s.pos == len(s.buf) {
			break
		}
		switch c := s.buf[s.pos]; {
		case c == '"':
			v.Raw = s.buf[start:s.pos]
			if high >= utf8.RuneSelf && !utf8.Valid(v.Raw) {
				return fmt.Errorf("%w: a string that is not valid UTF-8 at byte %d", ErrMalformed, start-1)
			}
			s.pos++
			return nil
		case c == '\\':
			v.Escaped = true
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return s.fail("no control character in a string")
		default:
			high |= c
			s.pos++
		}
	}
	return s.fail("a closing quote")
}

// plainPrefix is the length of a run of plain ASCII that b starts with. It may
// stop short of the end of the run: the byte there is for the caller to look at.
func plainPrefix(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		quotes, slashes := w^ones*'"', w^ones*'\\'
		// A byte's top bit is set where the byte is above 127, below a space, a
		// quote or a backslash (or, rarely, where a byte below it borrowed).
		if found := (w | (w - ones*' ') | (quotes - ones) | (slashes - ones)) & highs; found != 0 {
			// What a borrow marks falsely lies above what it came from: the lowest
			// mark is never beyond the end of the run.
			return n + bits.TrailingZeros64(found)/8
		}
	}
	return n
}

// escape checks one escape sequence and steps over it.
func (s *scanner) escape() error {
	s.pos++
	if s.pos >= len(s.buf) {
		return s.fail("an escape")
	}
	switch s.buf[s.pos] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
	default:
		return s.fail("an escape")
	}
	r, ok := hex4(s.buf[s.pos+1:])
	if !ok {
		return s.fail("four hexadecimal digits")
	}
	s.pos += 5
	if !utf16.IsSurrogate(r) {
		return nil
	}
	if s.pos+2 <= len(s.buf) && s.buf[s.pos] == '\\' && s.buf[s.pos+1] == 'u' {
		if low, ok := hex4(s.buf[s.pos+2:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			s.pos += 6
			return nil
		}
	}
	return fmt.Errorf("%w: a lone surrogate at byte %d", ErrMalformed, s.pos-6)
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
