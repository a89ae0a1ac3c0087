package column

import (
	"fmt"
	"strconv"
	"strings"
)

// Type is a ClickHouse type taken apart: Array(Nullable(Int8)) has the
// name Array and one argument.
type Type struct {
	name string
	args []string
}

// ParseType splits a type at its outermost brackets. What is quoted (enum
// names, time zones, names of elements) may hold anything.
func ParseType(s string) (Type, error) {
	name, rest, ok := strings.Cut(s, "(")
	if !ok {
		return Type{name: s}, nil
	}
	if !strings.HasSuffix(rest, ")") {
		return Type{}, fmt.Errorf("type %q is not understood", s)
	}
	return Type{name: name, args: splitArgs(rest[:len(rest)-1])}, nil
}

func splitArgs(s string) []string {
	var args []string
	depth, start, quote := 0, 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case c == quote:
			quote = 0
		case quote != 0:
		case c == '\'' || c == '`':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			args = append(args, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(args, strings.TrimSpace(s[start:]))
}

// intArg returns argument i as a number.
func (t Type) intArg(i int) (int, error) {
	if i >= len(t.args) {
		return 0, fmt.Errorf("type %s lacks an argument", t.name)
	}
	return strconv.Atoi(t.args[i])
}

// textArg returns argument i without its quotes, "" if there is none.
func (t Type) textArg(i int) string {
	if i >= len(t.args) {
		return ""
	}
	return unquote(t.args[i])
}

// unquote undoes ClickHouse's quoting of a string literal.
func unquote(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "'"), "'")
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(unescaped(s[i]))
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '0':
		return 0
	}
	return c
}
