package clickhouse

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/bloblang"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record/json"
)

// source says where a value comes from: a field of the record, a key of the
// message's metadata, or a Bloblang expression. All three are Bloblang; the
// first two are worked out without it. A source is not changed by its use,
// and safe for concurrent use.
type source struct {
	text string
	path []string           // of a field; empty, not nil, for the record as a whole
	way  json.Path          // the same, for find
	key  string             // of the metadata, if there is neither path nor expression
	expr *bloblang.Executor // nil for paths and keys

	reads [][]string // the paths of the fields that an expression may look at; an empty one is the record
}

var (
	pathStep    = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_]*|"(?:[^"\\]|\\.)+")`)
	metadataKey = regexp.MustCompile(`^(?:@([A-Za-z_][A-Za-z0-9_]*)|@("(?:[^"\\]|\\.)+")|meta(?:data)?\(("(?:[^"\\]|\\.)+")\))$`)

	errEmptySource = errors.New("is empty, a field path, @metadata or a Bloblang expression is required")
)

// resultKey is the field of a query's result that holds an expression's value.
const resultKey = "value"

// parseSource reads a field path (quote.bid, this.quote.bid, this."odd name"),
// a metadata key (@key, @"odd key") or any other Bloblang expression.
func parseSource(text string) (source, error) {
	s := source{text: strings.TrimSpace(text)}
	if s.text == "" {
		return s, errEmptySource
	}
	if s.path = parsePath(s.text); s.path != nil {
		s.way, s.reads = json.NewPath(s.text, s.path), [][]string{s.path}
		return s, nil
	}
	if m := metadataKey.FindStringSubmatch(s.text); m != nil {
		key, err := m[1], error(nil)
		if key == "" {
			key, err = strconv.Unquote(m[2] + m[3])
		}
		if err == nil {
			s.key = key
			return s, nil
		}
	}
	// The value in an object, since a text alone would become a message's bytes.
	expr, err := bloblang.Parse("root." + resultKey + " = " + s.text)
	if err != nil {
		return s, fmt.Errorf("%q is neither a field path nor a Bloblang expression: %w", s.text, err)
	}
	s.expr, s.reads = expr, fieldsRead(s.text)
	return s, nil
}

// parsePath returns nil for a text that is no path: the literals true, false
// and null are none, nor are paths with numbers, which Bloblang takes as
// indexes of arrays.
func parsePath(text string) []string {
	path := []string{}
	rest := text
	for first := true; ; first = false {
		name := pathStep.FindString(rest)
		rest = rest[len(name):]
		switch {
		case name == "":
			return nil
		case first && name == "this":
		case first && (name[0] == '"' || name == "true" || name == "false" || name == "null"):
			return nil
		default:
			name, err := unquoteStep(name)
			if err != nil {
				return nil
			}
			path = append(path, name)
		}
		if rest == "" {
			return path
		}
		if rest[0] != '.' {
			return nil
		}
		rest = rest[1:]
	}
}

func unquoteStep(name string) (string, error) {
	if name[0] != '"' {
		return name, nil
	}
	return strconv.Unquote(name)
}

// find sets v to the source's value for one record; the rest of it is neither
// read nor checked. found is false if there is no such field or key, or one of
// the path's parents is null.
func (s *source) find(r record, v *column.Value) (found bool, err error) {
	if s.path == nil {
		x, found, err := s.query(r)
		if err != nil || !found {
			return false, err
		}
		if err := json.Set(v, x); err != nil {
			return false, fmt.Errorf("%s: %w", s.text, err)
		}
		return true, nil
	}
	data, err := r.bytes()
	if err != nil {
		return false, err
	}
	return s.way.Find(data, v)
}

func (s *source) query(r record) (x any, found bool, err error) {
	if s.expr == nil {
		x, found = r.msg.MetaGetMut(s.key)
		return x, found, nil
	}
	result, err := r.message().BloblangQuery(s.expr)
	if err != nil {
		return nil, false, fmt.Errorf("expression %s: %w", s.text, err)
	}
	if result == nil {
		return nil, false, nil
	}
	fields, err := result.AsStructured()
	if err != nil {
		return nil, false, err
	}
	object, _ := fields.(map[string]any)
	x, found = object[resultKey]
	return x, found, nil
}
