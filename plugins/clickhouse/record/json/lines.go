package json

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"io"
	"sync"
)

// wholeLines counts the records of a text that consists of records on lines of their own,
// some of which may be broken, and not of objects that take several lines: every line
// begins with an object or an array, none is a whole one that goes on with a comma or the
// end of something larger, and none that is broken shows that it is a part of one (see
// partial). Of any other text it is 0.
func wholeLines(text []byte) (whole int) {
	for line := range bytes.Lines(bytes.TrimPrefix(text, mark)) {
		if line = bytes.TrimRight(line, " \t\r\n"); len(line) == 0 {
			continue
		}
		if line[0] != '{' && line[0] != '[' {
			return 0
		}
		s := scanner{buf: line}
		var err error
		for err == nil && s.next() != 0 {
			if s.pos > 0 && bytes.IndexByte([]byte(",:]}\""), line[s.pos]) >= 0 {
				return 0
			}
			_, err = s.pieces(s.pos)
		}
		switch {
		case err == nil:
			whole++
		case partial(line):
			return 0
		}
	}
	return whole
}

// partial reports whether a broken line may be the beginning, the middle or the end of
// an object of several lines, rather than a record by itself: it ends what it has not
// begun, or it is wrong within and leaves an array open, of which the next lines may be
// the elements. A record that was cut off at the end of its line is none.
func partial(line []byte) bool {
	var n nesting
	n.read(line)
	if n.over {
		return true
	}
	return bytes.IndexByte(n.open, '[') >= 0 && !cutOff(line)
}

// cutOff reports whether a line is right as far as it goes.
func cutOff(line []byte) bool {
	for d := stdjson.NewDecoder(bytes.NewReader(line)); ; {
		var v stdjson.RawMessage
		if err := d.Decode(&v); err != nil {
			return errors.Is(err, io.ErrUnexpectedEOF)
		}
	}
}

// nesting follows how deep the end of a line is within what began on it or before. What
// is broken may lack any end, so that an end is one of all that is open within, too.
type nesting struct {
	open   []byte // the brackets that are not closed, the outermost first
	over   bool   // something was closed that was not open
	quoted bool   // a string is open: some writers put line ends into them as they are
}

func (n *nesting) read(line []byte) {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			n.quoted = !n.quoted
		case n.quoted && c == '\\':
			i++
		case n.quoted:
		case c == '{' || c == '[':
			n.open = append(n.open, c)
		case c == '}':
			n.end('{')
		case c == ']':
			n.end('[')
		}
	}
}

// ends reports whether what was read ends before the next line, which is complete and
// stands at a place of the text. last is the last byte but space. Outside of all brackets
// it does. Within, the line alone does not tell, since what is broken may lack commas as
// well as anything else. But of a text of lines, none is a part of another: it is one if
// two are whole, since one alone may be the last element of what was cut off, or the value
// of a field. And in an object that has no end anywhere there is nothing.
func (n *nesting) ends(last byte, at int, lines *linesOf) bool {
	switch {
	case n.quoted, bytes.IndexByte([]byte(":,[{"), last) >= 0, bytes.IndexByte(n.open, '[') >= 0:
		return lines.whole() >= 2
	case len(n.open) > 0:
		return lines.whole() >= 2 || lines.lastEnd() < at
	}
	return true
}

func (n *nesting) end(of byte) {
	at := bytes.LastIndexByte(n.open, of)
	if at < 0 {
		n.over = true
		return
	}
	n.open = n.open[:at]
}

// lastEnd returns where the last line is that ends more than it has begun: what stands
// before it may be within that. Below zero there is none.
func lastEnd(text []byte) int {
	last, at := -1, 0
	for line := range bytes.Lines(text) {
		var n nesting
		if n.read(line); n.over {
			last = at
		}
		at += len(line)
	}
	return last
}

// linesOf is what is asked of a text at most once, and only if it matters.
type linesOf struct{ whole, lastEnd func() int }

func newLinesOf(text []byte) *linesOf {
	return &linesOf{
		whole:   sync.OnceValue(func() int { return wholeLines(text) }),
		lastEnd: sync.OnceValue(func() int { return lastEnd(text) }),
	}
}
