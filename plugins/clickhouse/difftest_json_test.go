package clickhouse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// diffNode is a JSON value as encoding/json reads it, with its text, the order
// of its members, and members that are there twice.
type diffNode struct {
	kind  byte   // n, t, f, #, ", [ or {
	text  string // what a string holds, the digits of a number
	raw   string // as it stands in the record
	items []*diffNode
	names []string    // of an object's members
	keys  []*diffNode // the same as strings, with their text
}

func (n *diffNode) isNull() bool   { return n.kind == 'n' }
func (n *diffNode) isString() bool { return n.kind == '"' }
func (n *diffNode) isNumber() bool { return n.kind == '#' }
func (n *diffNode) isBool() bool   { return n.kind == 't' || n.kind == 'f' }

// escaped: a string that is not spelled as it is.
func (n *diffNode) escaped() bool { return n.isString() && n.raw != `"`+n.text+`"` }

// member is the value of an object's member, the last of that name.
func (n *diffNode) member(name string) *diffNode {
	for i := len(n.names) - 1; i >= 0; i-- {
		if n.names[i] == name {
			return n.items[i]
		}
	}
	return nil
}

// repeats reports whether an object has a member twice.
func (n *diffNode) repeats() bool {
	seen := map[string]bool{}
	for _, name := range n.names {
		if seen[name] {
			return true
		}
		seen[name] = true
	}
	return false
}

// diffParse reads one JSON text.
func diffParse(text []byte) (*diffNode, error) {
	if !json.Valid(text) {
		return nil, fmt.Errorf("not JSON: %q", shorten(text))
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return diffRead(d, text)
}

func diffRead(d *json.Decoder, text []byte) (*diffNode, error) {
	start := int(d.InputOffset())
	start += len(text[start:]) - len(bytes.TrimLeft(text[start:], " \t\r\n:,"))
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	n := &diffNode{}
	switch token := token.(type) {
	case nil:
		n.kind = 'n'
	case bool:
		n.kind = "ft"[btoi(token)]
	case string:
		n.kind, n.text = '"', token
	case json.Number:
		n.kind, n.text = '#', string(token)
	case json.Delim:
		n.kind = byte(token)
		if err := n.fill(d, text); err != nil {
			return nil, err
		}
	}
	n.raw = string(text[start:d.InputOffset()])
	return n, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fill reads the values of an array or object up to its end.
func (n *diffNode) fill(d *json.Decoder, text []byte) error {
	for d.More() {
		if n.kind == '{' {
			key, err := diffRead(d, text)
			if err != nil {
				return err
			}
			n.names, n.keys = append(n.names, key.text), append(n.keys, key)
		}
		item, err := diffRead(d, text)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return err
}

// diffSound reports whether a record is what the output takes as one: an object
// in JSON, in UTF-8, without lone surrogates, nested no deeper than it says.
func diffSound(record []byte) (*diffNode, bool) {
	n, err := diffParse(record)
	if err != nil || n.kind != '{' || !utf8.Valid(record) || loneSurrogates(record) || n.depth() > maxDiffDepth {
		return nil, false
	}
	return n, true
}

// maxDiffDepth is the depth of nesting that a record may have.
const maxDiffDepth = 512

func (n *diffNode) depth() int {
	if n.kind != '{' && n.kind != '[' {
		return 0
	}
	deepest := 0
	for _, item := range n.items {
		deepest = max(deepest, item.depth())
	}
	return deepest + 1
}

// loneSurrogates reports whether encoding/json had to repair an escape, for
// which it writes U+FFFD.
func loneSurrogates(record []byte) bool {
	var v any
	if json.Unmarshal(record, &v) != nil {
		return false
	}
	again, err := json.Marshal(v)
	return err == nil && strings.Contains(string(again), "\ufffd") && !strings.Contains(string(record), "\ufffd") &&
		!strings.Contains(strings.ToLower(string(record)), `\ufffd`)
}
