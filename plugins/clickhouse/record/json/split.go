package json

import (
	"bytes"
	"errors"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// mark is the byte-order mark that some writers put before their first record.
var mark = []byte("\xef\xbb\xbf")

// Alone reports whether text is quickly seen to be one record, if it is any: it looks
// like a flat object on one line, as most do. Then neither Several nor Lines holds.
func Alone(text []byte) bool {
	last := len(text) - 1
	return last > 0 && text[0] == '{' && bytes.IndexByte(text, '}') == last && bytes.IndexByte(text, '\n') < 0
}

// Several reports whether text may hold several records: an array of objects, or
// objects and arrays one after the other. It is quick, and may be mistaken where Split then
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
		if c := s.next(); c == '{' || c == '[' { // which follow no object within another
			return true
		}
	}
}

// Lines reports whether text has a line that no object of several lines has, so
// that it may be records, each on a line of its own, of which some are broken. It
// is quick, and may be mistaken where Split then finds one record only.
func Lines(text []byte) bool {
	for {
		end := bytes.IndexByte(text, '\n') + 1
		if end == 0 || end == len(text) {
			return false
		}
		text = text[end:]
		if bytes.IndexByte([]byte(" \t\r\n}]"), text[0]) < 0 {
			return true
		}
	}
}

// Piece is a record in a text that may hold several, or what is there instead.
type Piece struct {
	// Text is a part of what was split, whose memory it aliases.
	Text []byte
	// Err says why the piece is no record; nil if it is one, as far as it is known
	// yet.
	Err error

	at, end int // of the value that it was found in
}

// ErrNoRecord says that a piece is an array without elements, which would vanish
// uncounted.
var ErrNoRecord = errors.New("an array without an object")

// Split returns what text holds: objects that white space or nothing divides, and
// the elements of arrays. Where that ends in nonsense, the line with it is a piece
// that is none, and so are the lines after it up to one which is complete by
// itself: of records on lines of their own, each stands alone (see wholeLines). Of a broken array
// no element is believed, only a line with another array. No byte of the text but
// white space and the marks of arrays is in no piece.
func Split(text []byte) (pieces []Piece) {
	s, lines := scanner{buf: text}, newLinesOf(text)
	s.skipMark()
	for s.next(); s.pos < len(text); s.next() {
		at := s.pos
		found, err := s.pieces(at)
		if err == nil {
			pieces = append(pieces, found...)
			continue
		}
		broken := at
		for len(pieces) > 0 && pieces[len(pieces)-1].end > bytes.LastIndexByte(text[:at], '\n') {
			at = pieces[len(pieces)-1].at // it is on the same line
			pieces = pieces[:len(pieces)-1]
		}
		s.pos = nextLine(text, broken, lines)
		rest := bytes.TrimRight(text[at:s.pos], " \t\r\n")
		pieces = append(pieces, Piece{Text: rest, Err: err, at: at, end: at + len(rest)})
	}
	return pieces
}

// pieces reads an object, or the elements of an array.
func (s *scanner) pieces(at int) (found []Piece, err error) {
	var v column.Value
	take := func(*column.Value) error {
		s.next()
		start := s.pos
		if err := s.scan(&v, 1); err != nil {
			return err
		}
		found = append(found, Piece{Text: s.buf[start:s.pos:s.pos], at: at})
		return nil
	}
	switch s.buf[s.pos] {
	case '{':
		err = take(nil)
	case '[':
		err = s.elements(column.KindArray, 0, take)
		if err == nil && len(found) == 0 {
			found = []Piece{{Text: s.buf[at:s.pos:s.pos], Err: ErrNoRecord, at: at}}
		}
	default:
		err = s.fail("an object")
	}
	for i := range found {
		found[i].end = s.pos
	}
	return found, err
}

// nextLine returns where the first line after the beginning of a broken value is
// that is complete by itself, or the end of the text. A line that may be a part of
// the value, by what stands before it or after it, is none: no row is made of what
// is only a part of a record.
func nextLine(text []byte, from int, lines *linesOf) int {
	array, record := text[from] == '[', text[from] == '[' || text[from] == '{'
	var within nesting
	for next := from; ; {
		end := bytes.IndexByte(text[next:], '\n')
		if end < 0 {
			return len(text)
		}
		if record { // what begins with none holds neither strings nor brackets
			within.read(text[next : next+end])
		}
		next += end + 1
		before := bytes.TrimRight(text[from:next], " \t\r\n")
		if isComplete(text[next:], array) && within.ends(before[len(before)-1], next, lines) {
			return next
		}
	}
}

// isComplete reports whether the first line of text consists of records, of arrays
// of them if array is set, and what follows it does not go on with anything.
func isComplete(text []byte, array bool) bool {
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		after := bytes.TrimLeft(text[end:], " \t\r\n")
		if len(after) > 0 && bytes.IndexByte([]byte(":,]}"), after[0]) >= 0 {
			return false
		}
		text = text[:end]
	}
	if len(text) == 0 || text[0] != '[' && (array || text[0] != '{') {
		return false
	}
	s := scanner{buf: text}
	for s.next(); s.pos < len(text); s.next() {
		if _, err := s.pieces(s.pos); err != nil {
			return false
		}
	}
	return true
}

func (s *scanner) skipMark() {
	if bytes.HasPrefix(s.buf, mark) {
		s.pos = len(mark)
	}
}
