// Package variable fills environment variables into configurations, so that a value
// may be any string.
//
// The host puts the text of a variable where its name stands, before it reads the
// YAML: quotes, backslashes and signs of YAML in a value would change what is read. It
// asks for a variable by its name alone. So this looks at the files first, finds how
// each variable stands in them, and hands the host text that reads as the value there:
// within double quotes with escapes, within single quotes with quotes doubled, and, where
// a variable is a whole plain value, in quotes if it would not be read as it is.
package variable

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

// Lookup finds an environment variable, as text for the configurations that it was
// made for; false when it is not set.
type Lookup func(ctx context.Context, name string) (string, bool)

// place is how a variable stands in a configuration.
type place int

const (
	elsewhere place = iota // its text is put there as it is
	doubleQuoted
	singleQuoted
	plain // and nothing else is in the value
)

// Of returns the lookup for a text.
func Of(text string) Lookup {
	found := places{}
	found.add(text)
	return func(_ context.Context, name string) (string, bool) {
		value, ok := os.LookupEnv(name)
		if !ok {
			return "", false
		}
		written, _ := found.write(name, value)
		return written, true
	}
}

// Files fills variables into files, which may change meanwhile. The zero value knows
// no file. It is safe for concurrent use.
type Files struct {
	// Warnings gets a line for each variable that cannot be written in all places
	// alike.
	Warnings io.Writer

	mu     sync.Mutex
	paths  []string
	seen   map[string]time.Time
	found  places
	warned map[string]bool

	unknown map[string]string // values of variables that are not set
}

// Add adds files.
func (f *Files) Add(paths ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths, f.found = append(f.paths, paths...), nil
}

// Lookup is a Lookup for the files.
func (f *Files) Lookup(_ context.Context, name string) (string, bool) {
	value, ok := os.LookupEnv(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !ok {
		value, ok = f.unknown[name]
		return value, ok
	}
	f.read()
	written, alike := f.found.write(name, value)
	if !alike && !f.warned[name] {
		if f.warned == nil {
			f.warned = map[string]bool{}
		}
		f.warned[name] = true
		fmt.Fprintf(f.Warnings, "data-bridge: the value of %s has signs that mean something in YAML, and the variable stands within quotes in one place and without in another: write \"${%s}\" everywhere\n", name, name)
	}
	return written, true
}

// read looks at the files again if one of them has changed.
func (f *Files) read() {
	times := map[string]time.Time{}
	changed := f.found == nil
	for _, path := range f.paths {
		if info, err := os.Stat(path); err == nil {
			times[path] = info.ModTime()
			changed = changed || !times[path].Equal(f.seen[path])
		}
	}
	if !changed {
		return
	}
	f.seen, f.found = times, places{}
	for path := range times {
		if text, err := os.ReadFile(path); err == nil {
			f.found.add(string(text))
		}
	}
}

// places are those of each variable, by its name.
type places map[string]map[place]bool

// reference is a variable as the host knows it: its name, a default, a function.
var reference = regexp.MustCompile(`\${([0-9A-Za-z_.]+)(:((\${[^}]+})|[^}])*)?(?:\|[0-9A-Za-z]+)?}`)

// add finds the variables of a text. What is no YAML has none whose place is known.
func (p places) add(text string) {
	var names []string
	marked := reference.ReplaceAllStringFunc(text, func(ref string) string {
		names = append(names, reference.FindStringSubmatch(ref)[1])
		return mark(len(names) - 1)
	})
	if len(names) == 0 {
		return
	}
	var root yaml.Node
	if yaml.Unmarshal([]byte(marked), &root) == nil {
		p.walk(&root, names, false)
	}
}

// mark stands for a variable while its place is looked for.
func mark(i int) string { return fmt.Sprintf("xVariable%dx", i) }

var marks = regexp.MustCompile(`xVariable(\d+)x`)

func (p places) walk(n *yaml.Node, names []string, flow bool) {
	for _, child := range n.Content {
		p.walk(child, names, flow || n.Style&yaml.FlowStyle != 0)
	}
	if n.Kind != yaml.ScalarNode {
		return
	}
	for _, m := range marks.FindAllStringSubmatch(n.Value, -1) {
		var i int
		if _, err := fmt.Sscan(m[1], &i); err != nil || i >= len(names) {
			continue
		}
		at := elsewhere
		switch {
		case n.Style&yaml.DoubleQuotedStyle != 0:
			at = doubleQuoted
		case n.Style&yaml.SingleQuotedStyle != 0:
			at = singleQuoted
		case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && n.Value == m[0] && !flow:
			at = plain
		}
		if p[names[i]] == nil {
			p[names[i]] = map[place]bool{}
		}
		p[names[i]][at] = true
	}
}

// write returns the text of a value; alike is false when its places would need
// different ones: then it is the value itself.
func (p places) write(name, value string) (text string, alike bool) {
	text = value
	first := true
	for at := range p[name] {
		written := at.write(value)
		if !first && written != text {
			return value, false
		}
		text, first = written, false
	}
	return text, true
}

func (at place) write(value string) string {
	switch at {
	case doubleQuoted:
		return escape(value)
	case singleQuoted:
		return strings.ReplaceAll(value, "'", "''")
	case plain:
		if value != "" && !reads(value) {
			return `"` + escape(value) + `"`
		}
	}
	return value
}

// reads reports whether a value that stands without quotes is read as it is, or as a
// list, which one may mean.
func reads(value string) bool {
	var parsed yaml.Node
	if strings.Contains(value, "${") || yaml.Unmarshal([]byte("key: "+value), &parsed) != nil || len(parsed.Content) != 1 || len(parsed.Content[0].Content) != 2 {
		return false
	}
	read := parsed.Content[0].Content[1]
	return read.Kind == yaml.SequenceNode || read.Kind == yaml.MappingNode && read.Style&yaml.FlowStyle != 0 ||
		read.Kind == yaml.ScalarNode && (read.Value == value || read.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0)
}

// escape writes a value for double quotes. The dollar sign is written so that nothing
// looks like a variable afterwards.
func escape(value string) string {
	var b strings.Builder
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '$':
			b.WriteString(`\x24`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r >= 0x80 && r <= 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff: // breaks lines, or is not printed
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
