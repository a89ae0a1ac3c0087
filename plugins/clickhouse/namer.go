package clickhouse

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// tableNamer says which table a record goes to: by texts and by sources between
// them. A literal name costs nothing per record, a metadata key or a field path
// little, any other expression what Bloblang takes for it.
type tableNamer struct {
	parts    []namePart
	ofRecord bool // some source looks into the record, so that those of one message may differ
}

// namePart is a text, or a source if it has one.
type namePart struct {
	text string
	from *source
}

// errNoTable says that a part of a table's name is missing: no row is stored in a
// table of the name null.
var errNoTable = errors.New("there is no value")

// newTableNamer takes an interpolated text apart. The expression between ${! and }
// ends where Bloblang can parse it, since braces may stand in it too.
func newTableNamer(text string, expr *service.InterpolatedString) (tableNamer, error) {
	if name, ok := expr.Static(); ok {
		return tableNamer{parts: []namePart{{text: name}}}, nil
	}
	var n tableNamer
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "${!")
		if before != "" {
			n.parts = append(n.parts, namePart{text: unescapeInterpolation(before)})
		}
		if !found {
			break
		}
		from, length, err := nameSource(after)
		if err != nil {
			return n, err
		}
		n.parts = append(n.parts, namePart{from: &from})
		n.ofRecord = n.ofRecord || from.key == ""
		rest = after[length:]
	}
	return n, nil
}

var escapedInterpolation = regexp.MustCompile(`\$\{\{!(.*?)\}\}`)

// unescapeInterpolation undoes ${{!...}}, which stands for ${!...} as it is.
func unescapeInterpolation(text string) string {
	return escapedInterpolation.ReplaceAllString(text, "$${!$1}")
}

// nameSource parses the expression that text begins with and returns its length,
// the brace behind it included.
func nameSource(text string) (from source, length int, err error) {
	err = errors.New("the closing brace is missing")
	for i, c := range text {
		if c != '}' {
			continue
		}
		if from, err = parseSource(text[:i]); err == nil {
			return from, i + 1, nil
		}
	}
	return from, 0, err
}

// literal is the name if it is the same for all records, else "".
func (n *tableNamer) literal() string {
	if len(n.parts) == 1 && n.parts[0].from == nil {
		return n.parts[0].text
	}
	return ""
}

// name returns the table of one record.
func (n *tableNamer) name(r record) (string, error) {
	if len(n.parts) == 1 && n.parts[0].from != nil {
		return n.parts[0].value(r)
	}
	var b strings.Builder
	for _, p := range n.parts {
		v, err := p.value(r)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

func (p *namePart) value(r record) (string, error) {
	if p.from == nil {
		return p.text, nil
	}
	if p.from.path == nil && p.from.expr == nil { // a metadata key
		x, ok := r.msg.MetaGetMut(p.from.key)
		if name, isText := x.(string); isText {
			return name, nil
		}
		if !ok || x == nil {
			return "", fmt.Errorf("%s.%s: the message has no metadata key %q", pluginName, fieldTable, p.from.key)
		}
		return fmt.Sprint(x), nil
	}
	var v column.Value
	found, err := p.from.find(r, &v)
	switch {
	case err != nil:
		return "", p.fault(err)
	case !found || v.Kind == column.KindNull:
		return "", p.fault(errNoTable)
	case v.Kind == column.KindString:
		return v.Text(), nil
	}
	return string(v.Literal()), nil
}

func (p *namePart) fault(err error) error {
	return fmt.Errorf("%s.%s: ${! %s }: %w", pluginName, fieldTable, p.from.text, err)
}
