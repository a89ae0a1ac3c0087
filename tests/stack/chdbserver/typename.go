package main

import (
	"strings"
)

// typeName is one type as ClickHouse spells it, such as
// "Map(String, Array(UInt8))": what stands before the bracket and the arguments
// within it, each still as text.
type typeName struct {
	name string
	args []string
}

// parseTypeName takes a type apart by one level. It does not judge it: what no
// type is called finds no width later.
func parseTypeName(text string) typeName {
	text = strings.TrimSpace(text)
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return typeName{name: text}
	}
	return typeName{name: text[:open], args: splitTop(text[open+1:len(text)-1], ',')}
}

// splitTop parts text at every sep that stands in no bracket and in no quote.
// Parts come without the white space around them; text of white space alone has none.
func splitTop(text string, sep byte) []string {
	var parts []string
	start := 0
	scanTop(text, func(i int) {
		if text[i] == sep {
			parts = append(parts, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	})
	if last := strings.TrimSpace(text[start:]); last != "" || len(parts) > 0 {
		parts = append(parts, last)
	}
	return parts
}

// scanTop calls at with the index of every byte that stands in no bracket and in no quote.
func scanTop(text string, at func(i int)) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'' || c == '"' || c == '`':
			i = endOfQuote(text, i) - 1
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0:
			at(i)
		}
	}
}

// endOfQuote is the index behind the quote that begins at start, or the text's
// end. A backslash escapes, and so does a doubled quote.
func endOfQuote(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[start]:
			if i+1 < len(text) && text[i+1] == text[start] {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(text)
}

// cutName parts "name Type", as an element of a Tuple or a path of a JSON is
// spelt; name is "" for a type alone.
func cutName(text string) (name, typ string) {
	space := -1
	scanTop(text, func(i int) {
		if text[i] == ' ' || text[i] == '\n' || text[i] == '\t' {
			space = i
		}
	})
	if space < 0 {
		return "", text
	}
	return strings.TrimSpace(text[:space]), text[space+1:]
}

// unquote takes the quotes and escapes off an identifier, of several parts too: `a b`.c.
func unquote(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		if c := name[i]; c != '`' && c != '"' {
			out.WriteByte(c)
			continue
		}
		end := endOfQuote(name, i)
		unescape(&out, strings.TrimSuffix(name[i+1:end], name[i:i+1]), name[i])
		i = end - 1
	}
	return out.String()
}

var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '0': 0, 'b': '\b', 'f': '\f', 'a': '\a', 'v': '\v'}

func unescape(out *strings.Builder, inner string, quote byte) {
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if i+1 < len(inner) && (c == '\\' || c == quote && inner[i+1] == quote) {
			i++
			next, ok := escapes[inner[i]]
			if c == quote || !ok {
				next = inner[i]
			}
			c = next
		}
		out.WriteByte(c)
	}
}
