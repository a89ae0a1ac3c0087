package json

import (
	"bytes"
	"sync"
)

// holdsLines reports whether a text consists of records on lines of their own, some of
// which may be broken, and not of objects that take several lines: every line begins
// with an object or an array, none is a whole one that goes on with a comma or the end
// of something larger, and two at least are whole, since one alone may be the last
// element of what was cut off. Then the end of a line ends whatever is broken in it.
func holdsLines(text []byte) bool {
	whole := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, mark)) {
		if line = bytes.TrimRight(line, " \t\r\n"); len(line) == 0 {
			continue
		}
		if line[0] != '{' && line[0] != '[' {
			return false
		}
		s := scanner{buf: line}
		var err error
		for err == nil && s.next() != 0 {
			if s.pos > 0 && bytes.IndexByte([]byte(",:]}\""), line[s.pos]) >= 0 {
				return false
			}
			_, err = s.pieces(s.pos)
		}
		if err == nil {
			whole++
		}
	}
	return whole >= 2
}

// linesOf asks holdsLines once, and only if it matters.
func linesOf(text []byte) func() bool { return sync.OnceValue(func() bool { return holdsLines(text) }) }
