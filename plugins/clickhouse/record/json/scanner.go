// Package json reads records that are JSON objects into blocks of columns,
// strictly: the grammar of RFC 8259 is checked as a whole, and every value has
// to fit its column. It is a record.Decoder that makes a plan for a table once
// and runs it for each record, without allocations.
package json

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// maxDepth bounds the nesting of arrays and objects, so that a hostile record
// cannot exhaust the stack.
const maxDepth = 512

// ErrMalformed is wrapped by every error that says a record is not JSON.
var ErrMalformed = errors.New("malformed JSON")

// scanner walks over one JSON text. It checks the whole grammar of RFC 8259,
// and beyond what encoding/json does, that strings are valid UTF-8 without
// lone surrogates.
type scanner struct {
	buf  []byte
	pos  int
	name column.Value // scratch: of the member at hand
}

// begin makes text the one to scan.
func (s *scanner) begin(text []byte) { s.buf, s.pos = text, 0 }

func (s *scanner) fail(what string) error {
	if s.pos >= len(s.buf) {
		return fmt.Errorf("%w: unexpected end, expected %s", ErrMalformed, what)
	}
	return fmt.Errorf("%w: expected %s at byte %d, found %q", ErrMalformed, what, s.pos, s.buf[s.pos])
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
func (s *scanner) scan(v *column.Value, depth int) error {
	v.Escaped = false
	switch c := s.next(); {
	case c == '"':
		return s.scanString(v)
	case c == '-' || c-'0' <= 9:
		return s.scanNumber(v)
	case c == '{' || c == '[':
		return s.scanNested(v, depth)
	case c == 't':
		return s.literal(v, "true", column.KindTrue)
	case c == 'f':
		return s.literal(v, "false", column.KindFalse)
	case c == 'n':
		return s.literal(v, "null", column.KindNull)
	}
	return s.fail("a value")
}

func (s *scanner) literal(v *column.Value, word string, k column.Kind) error {
	end := s.pos + len(word)
	if end > len(s.buf) || string(s.buf[s.pos:end]) != word {
		return s.fail("a value")
	}
	v.Kind, v.Raw = k, s.buf[s.pos:end]
	s.pos = end
	return nil
}

func (s *scanner) scanNumber(v *column.Value) error {
	n := v.ReadNumber(s.buf[s.pos:])
	if n == 0 {
		return s.fail("a number")
	}
	s.pos += n
	return nil
}

// scanNested reads an object or an array as raw text.
func (s *scanner) scanNested(v *column.Value, depth int) error {
	start, k := s.pos, column.KindArray
	if s.buf[start] == '{' {
		k = column.KindObject
	}
	err := s.elements(k, depth, func(*column.Value) error { return s.scan(v, depth+1) })
	v.Kind, v.Raw, v.Escaped = k, s.buf[start:s.pos], false
	return err
}

// elements walks over an array or object and calls each for every value of it,
// with the scanner before that value. The key, of an object's member, is valid
// until the next one is read.
func (s *scanner) elements(k column.Kind, depth int, each func(key *column.Value) error) error {
	if depth >= maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	closing := byte(']')
	if k == column.KindObject {
		closing = '}'
	}
	s.pos++
	if s.next() == closing {
		s.pos++
		return nil
	}
	for {
		if k == column.KindObject {
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
func (s *scanner) key(v *column.Value) error {
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

func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
