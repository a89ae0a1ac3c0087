package clickhouse

import (
	"errors"
	"fmt"
	"unsafe"
)

// maxDepth bounds the nesting of arrays and objects, so that a hostile record
// cannot exhaust the stack.
const maxDepth = 512

// errMalformed is wrapped by every error that says a record is not JSON.
var errMalformed = errors.New("malformed JSON")

type kind byte

const (
	kindNull kind = iota
	kindTrue
	kindFalse
	kindNumber
	kindString
	kindObject
	kindArray
)

func (k kind) String() string {
	return [...]string{"null", "true", "false", "a number", "a string", "an object", "an array"}[k]
}

// value is one scanned JSON value. It aliases the record.
type value struct {
	raw     []byte // a string without its quotes; everything else as it stands
	kind    kind
	escaped bool    // a string that holds escapes
	num     decimal // of a number that was scanned; its zero value: not read yet
}

// text returns a string value, unescaped. Without escapes it aliases the
// record; with them it is a copy of its own.
func (v *value) text() string {
	if !v.escaped {
		return unsafe.String(unsafe.SliceData(v.raw), len(v.raw))
	}
	return string(unescape(make([]byte, 0, len(v.raw)), v.raw))
}

// number returns the text of a number, or of a string that holds one.
func (v *value) number() ([]byte, error) {
	_, err := v.decimal()
	return v.raw, err
}

// decimal returns a number, or a string that holds one, taken apart. Its text
// is v.raw.
func (v *value) decimal() (*decimal, error) {
	switch {
	case v.kind == kindNumber && v.num.digits > 0:
		return &v.num, nil
	case v.kind == kindNumber || v.kind == kindString && !v.escaped:
		if n := v.num.read(v.raw); n == 0 || n != len(v.raw) {
			return nil, errNotANumber
		}
		return &v.num, nil
	case v.kind == kindString:
		return nil, errNotANumber
	}
	return nil, wrongKind(v, "a number")
}

// scanner walks over one JSON text. It checks the whole grammar of RFC 8259,
// and beyond what encoding/json does, that strings are valid UTF-8 without
// lone surrogates.
type scanner struct {
	buf  []byte
	pos  int
	name value // scratch: of the member at hand
}

// begin makes text the one to scan.
func (s *scanner) begin(text []byte) { s.buf, s.pos = text, 0 }

func (s *scanner) fail(what string) error {
	if s.pos >= len(s.buf) {
		return fmt.Errorf("%w: unexpected end, expected %s", errMalformed, what)
	}
	return fmt.Errorf("%w: expected %s at byte %d, found %q", errMalformed, what, s.pos, s.buf[s.pos])
}

// next skips white space and returns the byte there, or 0 at the end.
func (s *scanner) next() byte {
	if s.pos < len(s.buf) && s.buf[s.pos] > ' ' {
		return s.buf[s.pos]
	}
	return s.afterSpace()
}

func (s *scanner) afterSpace() byte {
	for s.pos < len(s.buf) {
		switch c := s.buf[s.pos]; c {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte, what string) error {
	if s.next() != c {
		return s.fail(what)
	}
	s.pos++
	return nil
}

// end checks that nothing but white space follows.
func (s *scanner) end() error {
	s.next()
	if s.pos < len(s.buf) {
		return s.fail("the end of the record")
	}
	return nil
}

// scan reads one value of any kind into v; depth is how deep it stands.
func (s *scanner) scan(v *value, depth int) error {
	v.escaped = false
	switch c := s.next(); {
	case c == '"':
		return s.scanString(v)
	case c == '-' || c-'0' <= 9:
		return s.scanNumber(v)
	case c == '{' || c == '[':
		return s.scanNested(v, depth)
	case c == 't':
		return s.literal(v, "true", kindTrue)
	case c == 'f':
		return s.literal(v, "false", kindFalse)
	case c == 'n':
		return s.literal(v, "null", kindNull)
	}
	return s.fail("a value")
}

func (s *scanner) literal(v *value, word string, k kind) error {
	end := s.pos + len(word)
	if end > len(s.buf) || string(s.buf[s.pos:end]) != word {
		return s.fail("a value")
	}
	v.kind, v.raw = k, s.buf[s.pos:end]
	s.pos = end
	return nil
}

func (s *scanner) scanNumber(v *value) error {
	n := v.num.read(s.buf[s.pos:])
	if n == 0 {
		return s.fail("a number")
	}
	v.kind, v.raw = kindNumber, s.buf[s.pos:s.pos+n]
	s.pos += n
	return nil
}

// scanNested reads an object or an array as raw text.
func (s *scanner) scanNested(v *value, depth int) error {
	start, k := s.pos, kindArray
	if s.buf[start] == '{' {
		k = kindObject
	}
	err := s.elements(k, depth, func(*value) error { return s.scan(v, depth+1) })
	v.kind, v.raw, v.escaped = k, s.buf[start:s.pos], false
	return err
}

// elements walks over an array or object and calls each for every value of it,
// with the scanner before that value. The key, of an object's member, is valid
// until the next one is read.
func (s *scanner) elements(k kind, depth int, each func(key *value) error) error {
	if depth >= maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", errMalformed, maxDepth)
	}
	closing := byte(']')
	if k == kindObject {
		closing = '}'
	}
	s.pos++
	if s.next() == closing {
		s.pos++
		return nil
	}
	for {
		if k == kindObject {
			if err := s.key(&s.name); err != nil {
				return err
			}
		}
		if err := each(&s.name); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.pos++
		case closing:
			s.pos++
			return nil
		default:
			return s.fail("a comma or the end of " + k.String())
		}
	}
}

// key reads the name of an object's member and the colon after it.
func (s *scanner) key(v *value) error {
	if s.next() != '"' {
		return s.fail("a field name")
	}
	if err := s.scanString(v); err != nil {
		return err
	}
	return s.expect(':', "a colon")
}

// isKey steps over the next field name and its colon if they are written just
// like quoted. Otherwise it leaves the scanner before the name.
func (s *scanner) isKey(quoted string) bool {
	s.next()
	end := s.pos + len(quoted)
	if end > len(s.buf) || str(s.buf[s.pos:end]) != quoted {
		return false
	}
	s.pos = end
	return true
}
