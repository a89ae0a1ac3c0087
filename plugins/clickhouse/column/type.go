package column

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Type is a ClickHouse type taken apart: Array(Nullable(Int8)) has the name
// Array and one argument. It is not to be changed.
type Type struct {
	Name string
	Args []Arg
}

// Arg is an argument of a type: another type, or a literal; either may have a
// name.
type Arg struct {
	// Name is that of an element (of a Tuple or a Nested, a path of a JSON), of
	// an enum's value, or of a setting (max_types). "" if Named is not set.
	Name  string
	Named bool
	// Type is nil for a literal.
	Type *Type
	// Text is a literal: a number as it stands, a string without its quotes.
	Text   string
	Quoted bool // the literal is a string
}

// deepestType bounds the nesting of types. The server's own parser has a bound
// as well.
const deepestType = 200

// ParseType takes a type apart. Outside of quotes, white space and line breaks
// mean nothing but the end of a word. What is quoted (values of enums, time
// zones, names of elements) may hold anything.
func ParseType(s string) (Type, error) {
	p := typeParser{text: s}
	t, err := p.typ(0)
	if err == nil && p.next() != 0 {
		err = p.fail("the end")
	}
	if err != nil {
		return Type{}, err
	}
	return t, nil
}

// Same reports whether two texts spell the same type. Texts that are no types
// are the same if they are equal.
func Same(a, b string) bool {
	if a == b {
		return true
	}
	first, err := ParseType(a)
	if err != nil {
		return false
	}
	second, err := ParseType(b)
	return err == nil && first.String() == second.String()
}

// Unnested spells a type with Array(Tuple(…)) for Nested(…): the same values. Only a
// table has columns of type Nested: the header of any other set of rows may be read as
// that of one column for each element. What is no type is left as it is.
func Unnested(typ string) string {
	if !strings.Contains(typ, "Nested") {
		return typ
	}
	t, err := ParseType(typ)
	if err != nil {
		return typ
	}
	return t.unnested().String()
}

func (t Type) unnested() Type {
	args := append([]Arg(nil), t.Args...)
	for i, arg := range args {
		if arg.Type != nil {
			inner := arg.Type.unnested()
			args[i].Type = &inner
		}
	}
	if t.Name != "Nested" {
		return Type{Name: t.Name, Args: args}
	}
	return Type{Name: "Array", Args: []Arg{{Type: &Type{Name: "Tuple", Args: args}}}}
}

// String spells the type as ClickHouse does, in one line.
func (t Type) String() string { return string(t.append(nil)) }

func (t Type) append(b []byte) []byte {
	b = append(b, t.Name...)
	if t.Args == nil {
		return b
	}
	b = append(b, '(')
	for i, arg := range t.Args {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = arg.append(b, t.isEnum())
	}
	return append(b, ')')
}

func (t Type) isEnum() bool { return strings.HasPrefix(t.Name, "Enum") }

func (a Arg) append(b []byte, enum bool) []byte {
	switch {
	case enum:
		b = append(quoteInto(b, a.Name, '\''), " = "...)
	case a.Named && a.Type == nil && a.Name == skipped:
		return a.appendSkip(b)
	case a.Named && a.Type == nil:
		b = append(append(b, a.Name...), '=')
	case a.Named && isPath(a.Name) && a.Name != skipped:
		b = append(append(b, a.Name...), ' ')
	case a.Named:
		b = append(quoteInto(b, a.Name, '`'), ' ')
	}
	switch {
	case a.Type != nil:
		return a.Type.append(b)
	case a.Quoted:
		return quoteInto(b, a.Text, '\'')
	}
	return append(b, a.Text...)
}

func (a Arg) appendSkip(b []byte) []byte {
	b = append(b, skipped+" "...)
	switch {
	case a.Quoted:
		return quoteInto(append(b, "REGEXP "...), a.Text, '\'')
	case isPath(a.Text):
		return append(b, a.Text...)
	}
	return quoteInto(b, a.Text, '`')
}

// isPath reports whether ClickHouse takes a name without quotes.
func isPath(name string) bool {
	for i := range len(name) {
		if !isWord(name[i]) && (name[i] != '.' || i == 0) {
			return false
		}
	}
	return name != "" && (name[0] < '0' || name[0] > '9')
}

func quoteInto(b []byte, s string, quote byte) []byte {
	b = append(b, quote)
	for i := range len(s) {
		if s[i] == quote || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, quote)
}

// typeParser reads a type from left to right.
type typeParser struct {
	text string
	pos  int
}

func (p *typeParser) fail(want string) error {
	const most = 200 // what is shown of a type
	shown := p.text
	if len(shown) > most {
		shown = strings.ToValidUTF8(shown[:most], "") + "…"
	}
	return fmt.Errorf("type %q is not understood: at byte %d, %s is expected", shown, p.pos, want)
}

// next skips white space and returns the byte there, 0 at the end.
func (p *typeParser) next() byte {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

// isWord reports whether a byte may be part of a name without quotes.
func isWord(c byte) bool {
	return c == '_' || c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

// word reads a name without quotes.
func (p *typeParser) word() string {
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

// typ reads a type with its arguments.
func (p *typeParser) typ(depth int) (Type, error) {
	p.next()
	name := p.word()
	if name == "" || name[0]-'0' <= 9 {
		return Type{}, p.fail("the name of a type")
	}
	return p.arguments(name, depth)
}

// arguments reads the rest of the type of that name.
func (p *typeParser) arguments(name string, depth int) (Type, error) {
	t := Type{Name: name}
	if p.next() != '(' {
		return t, nil
	}
	if depth == deepestType {
		return t, p.fail("no deeper nesting")
	}
	p.pos++
	t.Args = []Arg{}
	if p.next() == ')' {
		p.pos++
		return t, nil
	}
	for {
		arg, err := p.argument(t.isEnum(), depth+1)
		if err != nil {
			return t, err
		}
		t.Args = append(t.Args, arg)
		switch p.next() {
		case ',':
			p.pos++
		case ')':
			p.pos++
			return t, nil
		default:
			return t, p.fail("a comma or a closing bracket")
		}
	}
}

func (p *typeParser) argument(enum bool, depth int) (Arg, error) {
	switch c := p.next(); {
	case c == '\'' && enum:
		return p.enumValue()
	case enum:
		return Arg{}, p.fail("a name in quotes")
	case c == '\'':
		text, err := p.quoted()
		return Arg{Text: text, Quoted: true}, err
	case c == '-' || c == '+' || c-'0' <= 9:
		number, err := p.number()
		return Arg{Text: number}, err
	}
	start := p.pos
	name, err := p.path()
	if err != nil {
		return Arg{}, err
	}
	if p.text[start:p.pos] != name { // it has quotes
		return p.element(name, depth)
	}
	return p.worded(name, depth)
}

// enumValue reads a name and its number.
func (p *typeParser) enumValue() (Arg, error) {
	name, err := p.quoted()
	if err != nil {
		return Arg{}, err
	}
	if p.next() != '=' {
		return Arg{}, p.fail("an equals sign")
	}
	p.pos++
	number, err := p.number()
	return Arg{Name: name, Named: true, Text: number}, err
}

// worded reads the rest of an argument that begins with a word: a type, an
// element and its type, or a setting and its value.
func (p *typeParser) worded(word string, depth int) (Arg, error) {
	switch c := p.next(); {
	case word == skipped:
		return p.skip()
	case c == '=':
		p.pos++
		if p.next() == '\'' {
			text, err := p.quoted()
			return Arg{Name: word, Named: true, Text: text, Quoted: true}, err
		}
		number, err := p.number()
		return Arg{Name: word, Named: true, Text: number}, err
	case isWord(c):
		return p.element(word, depth)
	case strings.Contains(word, "."):
		return Arg{}, p.fail("the name of a type")
	}
	t, err := p.arguments(word, depth)
	return Arg{Type: &t}, err
}

// element reads the type of an element whose name was read.
func (p *typeParser) element(name string, depth int) (Arg, error) {
	t, err := p.typ(depth)
	return Arg{Name: name, Named: true, Type: &t}, err
}

// skipped is the name of an argument that tells what a JSON leaves out: the text
// is a path or, in quotes, an expression.
const skipped = "SKIP"

// skip reads a path or an expression that a JSON leaves out.
func (p *typeParser) skip() (Arg, error) {
	p.next()
	path, err := p.path()
	if err != nil {
		return Arg{}, err
	}
	if path == "REGEXP" && p.next() == '\'' {
		text, err := p.quoted()
		return Arg{Name: skipped, Named: true, Text: text, Quoted: true}, err
	}
	return Arg{Name: skipped, Named: true, Text: path}, nil
}

// path reads names joined by points, each with quotes or without.
func (p *typeParser) path() (string, error) {
	var path strings.Builder
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '`' || c == '"':
			name, err := p.quoted()
			if err != nil {
				return "", err
			}
			path.WriteString(name)
		case isWord(c):
			path.WriteString(p.word())
		default:
			return "", p.fail("a name")
		}
		if p.pos >= len(p.text) || p.text[p.pos] != '.' {
			return path.String(), nil
		}
		p.pos++
		path.WriteByte('.')
	}
	return "", p.fail("a name")
}

// number reads a number as it stands.
func (p *typeParser) number() (string, error) {
	p.next()
	start := p.pos
	if p.pos < len(p.text) && (p.text[p.pos] == '-' || p.text[p.pos] == '+') {
		p.pos++
	}
	digits := p.pos
	for p.pos < len(p.text) && (isWord(p.text[p.pos]) || p.text[p.pos] == '.') {
		p.pos++
	}
	if p.pos == digits || p.text[digits]-'0' > 9 {
		return "", p.fail("a number")
	}
	return p.text[start:p.pos], nil
}

// quoted reads a text in quotes of the kind that it begins with. ClickHouse
// escapes by a backslash; a quote that is doubled stands for itself.
func (p *typeParser) quoted() (string, error) {
	quote := p.text[p.pos]
	var b strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '\\':
			p.escape(&b)
		case c != quote:
			b.WriteByte(c)
		case p.pos+1 < len(p.text) && p.text[p.pos+1] == quote:
			p.pos++
			b.WriteByte(c)
		default:
			p.pos++
			return b.String(), nil
		}
	}
	return "", p.fail("a closing quote")
}

// escape reads an escape and leaves the parser at its last byte.
func (p *typeParser) escape(b *strings.Builder) {
	p.pos++
	if p.pos == len(p.text) {
		return
	}
	c := p.text[p.pos]
	if c == 'x' && p.pos+2 < len(p.text) {
		hi, lo := nibble(p.text[p.pos+1]), nibble(p.text[p.pos+2])
		if hi <= 15 && lo <= 15 {
			p.pos += 2
			b.WriteByte(hi<<4 | lo)
			return
		}
	}
	b.WriteByte(unescaped(c))
}

func unescaped(c byte) byte {
	switch c {
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	case 'e':
		return 0x1b
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	case '0':
		return 0
	}
	return c
}

// typeArg returns argument i, which has to be a type.
func (t Type) typeArg(i int) (Type, error) {
	if i >= len(t.Args) || t.Args[i].Type == nil {
		return Type{}, fmt.Errorf("type %s: a type is expected as argument %d", t, i+1)
	}
	return *t.Args[i].Type, nil
}

// intArg returns argument i as a number.
func (t Type) intArg(i int) (int, error) {
	if i >= len(t.Args) || t.Args[i].Type != nil || t.Args[i].Quoted || t.Args[i].Named {
		return 0, fmt.Errorf("type %s: a number is expected as argument %d", t, i+1)
	}
	n, err := strconv.Atoi(t.Args[i].Text)
	if err != nil {
		return 0, fmt.Errorf("type %s: a number is expected as argument %d", t, i+1)
	}
	return n, nil
}

// textArg returns argument i as a text, "" if there is none.
func (t Type) textArg(i int) (string, error) {
	if i >= len(t.Args) {
		return "", nil
	}
	if a := t.Args[i]; !a.Quoted || a.Named {
		return "", fmt.Errorf("type %s: a text is expected as argument %d", t, i+1)
	}
	return t.Args[i].Text, nil
}
