package json

import (
	"bytes"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// mark is the byte-order mark that some writers put before their first record.
var mark = []byte("\xef\xbb\xbf")

// Several reports whether text may hold several records: an array of objects, or
// objects one after the other. It is quick, and may be mistaken where Split then
// finds one record only.
func Several(text []byte) bool {
	s := scanner{buf: text}
	s.skipMark()
	switch s.next() {
	case '[':
		return true
	case '{':
	default:
		return false
	}
	for {
		end := bytes.IndexByte(s.buf[s.pos:], '}')
		if end < 0 {
			return false
		}
		s.pos += end + 1
		if s.next() == '{' { // which follows no object within another
			return true
		}
	}
}

// Split returns the records that text holds: the elements of an array, or objects
// that white space or nothing divides. They alias text. On error none can be told
// from another.
func Split(text []byte) (records [][]byte, err error) {
	s := scanner{buf: text}
	s.skipMark()
	var v column.Value
	take := func(*column.Value) error {
		s.next()
		start := s.pos
		if err := s.scan(&v, 1); err != nil {
			return err
		}
		records = append(records, text[start:s.pos:s.pos])
		return nil
	}
	if s.next() == '[' {
		if err := s.elements(column.KindArray, 0, take); err != nil {
			return nil, err
		}
		return records, s.end()
	}
	for s.next() == '{' {
		if err := take(nil); err != nil {
			return nil, err
		}
	}
	return records, s.end()
}

func (s *scanner) skipMark() {
	if bytes.HasPrefix(s.buf, mark) {
		s.pos = len(mark)
	}
}
