package clickhouse

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fieldsRead returns the paths of a record's fields that a Bloblang expression may
// look at, as far as its text tells; an empty path, not nil, is the record as a whole.
// The host keeps to itself what its parser knows of that, so it is read off the names
// in the text. What may be a field counts as one: a field too many is ignored by
// mistake, one too few would refuse a good record. A field whose name is worked out is
// not seen.
func fieldsRead(text string) [][]string {
	r := expressionReader{rest: text, frames: make([]frameOfNames, 1)}
	for r.rest != "" {
		r.token()
	}
	return r.paths
}

// expressionReader goes through the tokens of an expression.
type expressionReader struct {
	rest  string
	paths [][]string

	frames  []frameOfNames // of the brackets that are open, with one for the whole
	rebinds bool           // the next bracket gives this another meaning
	part    bool           // the next bracket is of a field, or of the record, that was read already
	match   bool           // the next brace is that of a match
}

// frameOfNames is what names mean within brackets.
type frameOfNames struct {
	other bool     // this is not the record, but an element, a key or a part of it
	part  bool     // what an arrow names is of what was read already
	names []string // of what an arrow has named, which are no fields
}

var (
	exprSpace   = regexp.MustCompile(`^(?:\s|#[^\n]*)+`)
	exprString  = regexp.MustCompile(`^(?:"""(?s:.*?)"""|"(?:[^"\\]|\\.)*")`)
	exprName    = regexp.MustCompile(`^[A-Za-z0-9_]+`)
	exprOther   = regexp.MustCompile(`^(?:@|\$)(?:[A-Za-z0-9_]+|"(?:[^"\\]|\\.)*")?`)
	exprNumber  = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+)?`)
	exprArrow   = regexp.MustCompile(`^\s*->`)
	exprNamed   = regexp.MustCompile(`^\s*:`)
	exprCall    = regexp.MustCompile(`^\s*\(`)
	exprStep    = regexp.MustCompile(`^\s*\.\s*([A-Za-z0-9_]+|"(?:[^"\\]|\\.)*")`)
	exprPart    = regexp.MustCompile(`^\s*\.\s*\(`)
	exprLiteral = regexp.MustCompile(`^\s*\(\s*("(?:[^"\\]|\\.)*")\s*\)`)
)

// noFields are names that are none of a field where they stand alone.
var noFields = []string{"if", "else", "match", "let", "map", "true", "false", "null", "root", "_"}

// iterators are the methods within whose brackets this is a part of what they are
// called on.
var iterators = []string{
	"all", "any", "filter", "find_by", "find_all_by", "fold", "map", "map_each", "map_each_key", "sort", "sort_by", "unique",
}

func (r *expressionReader) skip(token string) { r.rest = r.rest[len(token):] }

func (r *expressionReader) token() {
	for _, ignored := range []*regexp.Regexp{exprSpace, exprString, exprOther, exprNumber} {
		if token := ignored.FindString(r.rest); token != "" && !namedLikeNumber(ignored, r.rest[len(token):]) {
			r.skip(token)
			return
		}
	}
	if name := exprName.FindString(r.rest); name != "" {
		r.skip(name)
		r.name(name)
		return
	}
	if step := exprStep.FindStringSubmatch(r.rest); step != nil {
		r.skip(step[0])
		r.rebinds = exprCall.MatchString(r.rest) && slices.Contains(iterators, step[1])
		return
	}
	c := r.rest[:1]
	r.skip(c)
	r.bracket(c)
}

// namedLikeNumber reports whether what was taken for a number is the beginning of a
// name.
func namedLikeNumber(of *regexp.Regexp, rest string) bool {
	return of == exprNumber && exprName.MatchString(rest)
}

func (r *expressionReader) bracket(c string) {
	last := r.frames[len(r.frames)-1]
	switch c {
	case "(", "[", "{":
		other := last.other || r.rebinds || c == "{" && r.match
		r.frames = append(r.frames, frameOfNames{other: other, part: other || r.part})
		r.rebinds, r.part = false, false
		if c == "{" {
			r.match = false
		}
	case ")", "]", "}":
		if len(r.frames) > 1 {
			r.frames = r.frames[:len(r.frames)-1]
		}
	}
}

// name reads what a name begins.
func (r *expressionReader) name(name string) {
	depth := len(r.frames) - 1
	switch {
	case exprArrow.MatchString(r.rest):
		if !r.frames[depth].part { // it names the record
			r.paths = append(r.paths, []string{})
		}
		r.frames[depth].names = append(r.frames[depth].names, name)
		r.frames[depth].other = depth > 0 && r.frames[depth-1].other
	case exprCall.MatchString(r.rest):
		r.function(name)
	case name == "this":
		r.ofThis()
	case name == "match":
		bare := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(r.rest), "this"))
		r.match = !strings.HasPrefix(bare, "{") // else this stays what it is
	case slices.Contains(noFields, name) || exprNamed.MatchString(r.rest) || r.isNamed(name):
		r.steps(nil)
	default:
		path, _ := r.steps([]string{name})
		r.paths = append(r.paths, path)
	}
}

// isNamed reports whether an arrow has given something the name.
func (r *expressionReader) isNamed(name string) bool {
	return slices.ContainsFunc(r.frames, func(f frameOfNames) bool { return slices.Contains(f.names, name) })
}

// function reads the name of one. Some return the record, or a field of it.
func (r *expressionReader) function(name string) {
	if name != "json" && name != "content" {
		return
	}
	path := []string{}
	if arg := exprLiteral.FindStringSubmatch(r.rest); arg != nil {
		path = dotPath(arg[1])
	}
	r.paths = append(r.paths, path)
}

// ofThis reads what follows this.
func (r *expressionReader) ofThis() {
	path, method := r.steps([]string{})
	arg := exprLiteral.FindStringSubmatch(r.rest)
	switch {
	case len(path) > 0:
	case (method == "get" || method == "exists") && arg != nil:
		path = dotPath(arg[1])
	case r.frames[len(r.frames)-1].other || strings.HasPrefix(strings.TrimSpace(r.rest), ".("):
		return // no record, or one whose fields are named in the brackets
	}
	r.paths = append(r.paths, path)
}

// steps adds the names that follow a path up to an index, or to a method, which it
// returns. Of no path it skips them.
func (r *expressionReader) steps(path []string) (_ []string, method string) {
	for cut := path == nil; ; {
		step := exprStep.FindStringSubmatch(r.rest)
		if step == nil {
			r.part = len(path) > 0 && exprPart.MatchString(r.rest)
			return path, ""
		}
		r.skip(step[0])
		if exprCall.MatchString(r.rest) {
			r.rebinds = slices.Contains(iterators, step[1])
			return path, step[1]
		}
		name, err := unquoteStep(step[1])
		_, noIndex := strconv.Atoi(name)
		if cut = cut || err != nil || noIndex == nil; !cut {
			path = append(path, name)
		}
	}
}

// dotPath reads a path in quotes with points between its names, up to an index.
func dotPath(quoted string) []string {
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return []string{}
	}
	path := []string{}
	for name := range strings.SplitSeq(text, ".") {
		if _, err := strconv.Atoi(name); err == nil {
			break
		}
		path = append(path, strings.NewReplacer("~1", ".", "~0", "~").Replace(name))
	}
	return path
}
