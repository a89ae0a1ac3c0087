package clickhouse

import (
	"fmt"
	"slices"
	"strings"
)

// diffCase is one record and what became of it on both sides.
type diffCase struct {
	schema *diffSchema
	record *diffRecord

	ours   []*diffRow // stored by the output
	letter []letter   // dead letters of the output
	stuck  error      // neither: why it was handed back
	engine []*diffRow // stored by the engine

	what   diffWhat
	column *diffColumn // where they differ
	in     *diffNode   // its value in the record; nil if it has none
	loss   error       // what the oracle says of it
}

// diffWhat is in what two outcomes differ.
type diffWhat string

const (
	diffNothing    diffWhat = ""
	diffCount      diffWhat = "a record has not exactly one outcome"
	diffStuck      diffWhat = "a record is neither stored nor a dead letter"
	diffUnsound    diffWhat = "what is no JSON object was stored"
	diffUnreadable diffWhat = "what is stored cannot be read"
	diffLossy      diffWhat = "what is stored is not the value of the record"
	diffUnequal    diffWhat = "the engine stores another row"
	diffTaken      diffWhat = "a record was stored that the engine refuses"
	diffRefused    diffWhat = "a record is a dead letter that the engine stores as it is"
)

// judge says in what the outcomes differ. A rule that allows a difference is not looked at.
func (c *diffCase) judge() diffWhat {
	c.what = c.compare()
	return c.what
}

func (c *diffCase) compare() diffWhat {
	switch {
	case c.stuck != nil && len(c.ours)+len(c.letter) == 0:
		return diffStuck
	case len(c.ours)+len(c.letter) != 1 || len(c.engine) > 1:
		return diffCount
	case len(c.letter) == 1 && len(c.engine) == 0:
		return diffNothing
	case len(c.letter) == 1:
		return c.compareRefused()
	case c.record.node == nil:
		return diffUnsound
	}
	return c.compareStored()
}

func (c *diffCase) at(column *diffColumn) {
	c.column, c.in, c.loss = column, nil, nil
	if c.record.node != nil && column != nil {
		c.in = c.record.node.member(column.name)
	}
}

func (c *diffCase) compareStored() diffWhat {
	if c.ours[0].unreadable != nil {
		return diffUnreadable
	}
	unreadable := len(c.engine) > 0 && c.engine[0].unreadable != nil
	for _, column := range c.schema.leaves() {
		if !column.selected() {
			continue
		}
		c.at(column)
		if c.in != nil && column.inserted() {
			if c.loss = column.t.kept(c.in, c.ours[0].values[column.name]); c.loss != nil {
				return diffLossy
			}
		}
		if len(c.engine) == 1 && !unreadable && c.engine[0].bytes[column.name] != c.ours[0].bytes[column.name] {
			return diffUnequal
		}
	}
	c.at(nil)
	switch {
	case len(c.engine) == 0:
		return diffTaken
	case unreadable:
		return diffUnequal
	}
	return diffNothing
}

// compareRefused: a record that is not sound is refused, and one that has a
// field twice. Otherwise the column that the dead letter names must be one
// whose value the engine did not keep.
func (c *diffCase) compareRefused() diffWhat {
	if c.record.node == nil || c.record.node.repeats() || c.engine[0].unreadable != nil {
		return diffNothing
	}
	c.at(c.schema.column(c.letter[0].meta[metaColumn]))
	if c.column == nil || c.in == nil || !c.column.selected() || len(c.engine) != 1 {
		return diffRefused
	}
	if c.loss = c.column.t.kept(c.in, c.engine[0].values[c.column.name]); c.loss != nil {
		return diffNothing
	}
	return diffRefused
}

// anyLeaf reports whether some part of a value is of that kind, with the type it
// meets: the value of a column itself, an element, a member.
func anyLeaf(t *diffType, in *diffNode, is func(t *diffType, in *diffNode) bool) bool {
	if is(t, in) {
		return true
	}
	switch name := t.family.name; {
	case name == "Map" && in.kind == '{':
		for i, item := range in.items {
			if anyLeaf(t.args[0], in.keys[i], is) || anyLeaf(t.args[1], item, is) {
				return true
			}
		}
	case name == "Tuple":
		return anyElement(t, in, is)
	case name == "Array":
		for _, item := range in.items {
			if anyLeaf(t.args[0], item, is) {
				return true
			}
		}
	case name == "Variant":
		return slices.ContainsFunc(t.args, func(arg *diffType) bool { return anyLeaf(arg, in, is) })
	case len(t.args) == 1:
		return anyLeaf(t.args[0], in, is)
	}
	return false
}

func anyElement(t *diffType, in *diffNode, is func(t *diffType, in *diffNode) bool) bool {
	for i, item := range in.items {
		at := i
		if in.kind == '{' {
			at = slices.Index(t.names, in.names[i])
		}
		if at >= 0 && at < len(t.args) && anyLeaf(t.args[at], item, is) {
			return true
		}
	}
	return false
}

// any reports whether a type or a part of it is so.
func (t *diffType) any(is func(*diffType) bool) bool {
	return is(t) || slices.ContainsFunc(t.args, func(arg *diffType) bool { return arg.any(is) })
}

// within reports whether a type is of a family or has such a part.
func (t *diffType) within(family string) bool {
	return t.any(func(t *diffType) bool { return t.family.name == family })
}

// report is all that is needed to see the case again.
func (c *diffCase) report(engine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  table:  %s\n  flatten_nested: %v, best_effort: %v\n  record: %q\n", c.what, c.schema.ddl(), c.schema.flatten, c.schema.bestEffort, c.record.text)
	if c.column != nil {
		in := "-"
		if c.in != nil {
			in = c.in.raw
		}
		fmt.Fprintf(&b, "  column: %s %s, value %s\n", c.column.name, c.column.t.text, in)
	}
	if c.loss != nil {
		fmt.Fprintf(&b, "  oracle: %v\n", c.loss)
	}
	fmt.Fprintf(&b, "  ours:   %s", c.show(c.ours))
	for _, l := range c.letter {
		fmt.Fprintf(&b, " dead letter: %s", l.meta[metaError])
	}
	if c.stuck != nil {
		fmt.Fprintf(&b, " handed back: %v", c.stuck)
	}
	fmt.Fprintf(&b, "\n  engine: %s %s\n", c.show(c.engine), engine)
	return b.String()
}

func (c *diffCase) show(rows []*diffRow) string {
	var parts []string
	for _, row := range rows {
		if row.unreadable != nil {
			parts = append(parts, row.unreadable.Error())
			continue
		}
		for _, column := range c.schema.leaves() {
			if column.selected() && (c.column == nil || c.column == column) {
				parts = append(parts, fmt.Sprintf("%s = %s (%s)", column.name, row.values[column.name].raw, row.bytes[column.name]))
			}
		}
	}
	if rows == nil {
		return "not stored"
	}
	return strings.Join(parts, ", ")
}

// quote writes a name for SQL.
func quote(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

// shorten is the beginning of a text, for messages.
func shorten(text []byte) string { return string(text[:min(len(text), 64)]) }
