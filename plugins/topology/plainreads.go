package topology

import (
	"regexp"
	"slices"
	"strings"
)

// plainRead is a read of metadata of which it is certain what becomes of it where the
// key is missing.
type plainRead struct {
	key   string
	fails bool   // the mapping fails then; else it makes a null, or the text of one
	into  string // the field of the root that is null then; empty for the whole
}

// plainReads finds the reads of metadata in a Bloblang text that nothing handles. Only
// statements of the plainest kind are believed to hold one: arithmetic on fields,
// literals, metadata, and methods that fail at null. Whatever else is in a statement may
// handle a missing key (`|`, .or, .catch, a comparison, if, match, a variable, a map, a
// function, a literal array or object), so such a statement is silent: it is worse to
// refuse what is right than to miss what is wrong.
func plainReads(text string) (reads []plainRead) {
	for _, s := range statementsOf(text) {
		reads = append(reads, s.reads()...)
	}
	return reads
}

// token is a part of a Bloblang text. Comments and white space are none.
type token struct {
	text  string
	begin bool // the first on its line, outside of all brackets
}

var (
	tokenSpace = regexp.MustCompile(`^(?:\s|#[^\n]*)+`)
	tokenOf    = regexp.MustCompile(`^(?:"""(?s:.*?)"""|"(?:[^"\\\n]|\\.)*"|[@$](?:\w+|"(?:[^"\\\n]|\\.)*")?|\w+|->|=>|==|!=|<=|>=|&&|\|\||(?s:.))`)
	bareName   = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	literal    = regexp.MustCompile(`^(?:"|[0-9])`)
)

func tokensOf(text string) (tokens []token) {
	for depth, first := 0, true; ; first = false {
		space := tokenSpace.FindString(text)
		if text = text[len(space):]; text == "" {
			return tokens
		}
		t := tokenOf.FindString(text)
		text = text[len(t):]
		tokens = append(tokens, token{text: t, begin: depth == 0 && (first || strings.Contains(space, "\n"))})
		switch t {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		}
	}
}

// statement is an assignment, or an expression alone.
type statement struct {
	into  []string // the path that is assigned to; nil for an expression alone
	value []token
}

// statementsOf takes a text apart. A line that begins no statement belongs to the one
// before. What assigns to metadata or to a variable, or is no statement that is known
// here, is left out.
func statementsOf(text string) (statements []statement) {
	tokens := tokensOf(text)
	for len(tokens) > 0 {
		into, n, known := target(tokens)
		end := n
		for end < len(tokens) {
			if _, n, _ := target(tokens[end:]); n > 0 && tokens[end].begin {
				break
			}
			end++
		}
		if known {
			statements = append(statements, statement{into: into, value: tokens[n:end]})
		}
		tokens = tokens[max(end, 1):]
	}
	return statements
}

// target reads what a statement assigns to and returns how many tokens that takes, 0 if
// it assigns to nothing. known is false if that is no part of the root.
func target(tokens []token) (into []string, n int, known bool) {
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i].text
		}
		return ""
	}
	switch first := at(0); {
	case first == "let", first == "meta":
		for n = 1; n < 3; n++ {
			if at(n) == "=" {
				return nil, n + 1, false
			}
		}
		return nil, 0, true
	case first == "map" && at(2) == "{", first == "import":
		return nil, 1, false
	case strings.HasPrefix(first, "@") && at(1) == "=":
		return nil, 2, false
	case !bareName.MatchString(first) && !strings.HasPrefix(first, `"`):
		return nil, 0, true
	}
	for n = 0; ; n += 2 {
		if n > 0 || at(0) != "root" && at(0) != "this" {
			into = append(into, strings.Trim(at(n), `"`))
		}
		switch at(n + 1) {
		case "=":
			return append([]string{""}, into...), n + 2, true
		case ".":
		default:
			return nil, 0, true
		}
	}
}

// failAtNull are methods that fail at null. What is no method of this list may handle
// it.
var failAtNull = []string{
	"abs", "capitalize", "ceil", "contains", "decode", "encode", "floor", "has_prefix", "has_suffix", "hash", "length", "log", "log10", "lowercase", "parse_json", "quote",
	"replace_all", "round", "slice", "split", "trim", "trim_prefix", "trim_suffix", "unquote", "uppercase",
}

// noOperands are words that are no fields.
var noOperands = []string{"if", "else", "match", "let", "map", "root", "deleted", "nothing", "null", "true", "false", "_"}

// reads are those of the statement. One that holds anything but what is known here has
// none.
func (s statement) reads() (reads []plainRead) {
	r := valueReader{rest: s.value}
	for len(r.rest) > 0 {
		if !r.operand() && !r.method() && !r.sign() {
			return nil
		}
	}
	if r.text && (r.fails || !r.last) { // the text of null is a text like others
		return nil
	}
	field := ""
	if len(s.into) > 1 {
		field = s.into[len(s.into)-1]
	}
	for _, key := range r.keys {
		reads = append(reads, plainRead{key: key, fails: r.fails, into: field})
	}
	return reads
}

// valueReader goes through what a statement assigns.
type valueReader struct {
	rest  []token
	calls []bool // for each open bracket: it holds the arguments of a method

	keys  []string
	fails bool // something is done to the values that fails at null
	text  bool // .string() was met
	last  bool // and nothing after it
}

// is reports whether the next tokens are these; "" is any.
func (r *valueReader) is(texts ...string) bool {
	for i, text := range texts {
		if i >= len(r.rest) || text != "" && r.rest[i].text != text {
			return false
		}
	}
	return true
}

func (r *valueReader) take(n int) bool {
	r.rest = r.rest[n:]
	return true
}

// operand reads metadata, a field or a literal. Metadata among the arguments of a method
// is none: it may be a default.
func (r *valueReader) operand() bool {
	t := r.rest[0].text
	switch {
	case strings.HasPrefix(t, "@") && len(t) > 1:
		return r.read(t[1:], 1)
	case (t == "metadata" || t == "meta") && r.is("", "(", "", ")") && strings.HasPrefix(r.rest[2].text, `"`):
		return r.read(r.rest[2].text, 4)
	case literal.MatchString(t):
		return r.take(1)
	case bareName.MatchString(t) && !slices.Contains(noOperands, t) && !r.is("", "(") && !r.is("", "->") && !r.is("", ":"):
		return r.take(1)
	}
	return false
}

func (r *valueReader) read(key string, n int) bool {
	r.keys = append(r.keys, strings.Trim(key, `"`))
	return !slices.Contains(r.calls, true) && r.take(n)
}

// method reads the step to a field, or the name of a method and the bracket of its
// arguments.
func (r *valueReader) method() bool {
	if !r.is(".", "") {
		return false
	}
	name := r.rest[1].text
	switch {
	case r.is(".", "string", "(", ")"):
		r.text, r.last = true, true
		return r.take(4)
	case r.is(".", "number", "(", ")"): // which else has a default
		r.fails, r.last = true, false
		return r.take(4)
	case r.is(".", "", "("):
		r.fails, r.last = true, false
		r.calls = append(r.calls, true)
		return slices.Contains(failAtNull, name) && r.take(3)
	}
	return (bareName.MatchString(name) || literal.MatchString(name)) && r.take(2)
}

// sign reads an operator that fails at null, or a bracket.
func (r *valueReader) sign() bool {
	switch t := r.rest[0].text; {
	case slices.Contains([]string{"+", "-", "*", "/", "%"}, t):
		r.fails, r.last = true, false
	case t == "(":
		r.calls = append(r.calls, false)
	case t == ")" && len(r.calls) > 0:
		r.calls = r.calls[:len(r.calls)-1]
	case t == "," && slices.Contains(r.calls, true):
	default:
		return false
	}
	return r.take(1)
}
