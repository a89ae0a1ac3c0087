package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// diffRule is a difference that is allowed. A fault is one that is to be mended;
// the others are deliberate.
type diffRule struct {
	why   string
	fault bool
	what  diffWhat
	is    func(c *diffCase) bool
}

func (r *diffRule) allows(c *diffCase) bool { return r.what == c.what && r.is(c) }

// leaf is a rule about some part of a column's value.
func leaf(is func(t *diffType, in *diffNode) bool) func(c *diffCase) bool {
	return func(c *diffCase) bool { return c.in != nil && anyLeaf(c.column.t, c.in, is) }
}

// anyField is leaf for all columns of a record.
func anyField(is func(t *diffType, in *diffNode) bool) func(c *diffCase) bool {
	return func(c *diffCase) bool {
		for _, column := range c.schema.leaves() {
			if in := c.record.node.member(column.name); in != nil && anyLeaf(column.t, in, is) {
				return true
			}
		}
		return false
	}
}

// diffBan is a kind of tables that the output cannot insert into, so that none
// of them is tried. Each is a fault that is to be mended: TestLongDifferential
// says which are.
type diffBan struct {
	why      string
	protocol string // that has the fault; both if empty
	columns  string // of a table of that kind, as CREATE TABLE has them
	record   string // that such a table should take
	is       func(s *diffSchema) bool
}

func (b *diffBan) holds(protocol string) bool { return b.protocol == "" || b.protocol == protocol }

var diffBans = []*diffBan{}

// enumNamed reports whether a name of an enum has one of the characters.
func (t *diffType) enumNamed(chars string) bool {
	return slices.ContainsFunc(t.enum, func(e diffEnum) bool { return strings.ContainsAny(e.name, chars) })
}

func anyColumn(is func(c *diffColumn) bool) func(*diffSchema) bool {
	return func(s *diffSchema) bool { return slices.ContainsFunc(s.columns, is) }
}

func anyType(is func(t *diffType) bool) func(*diffSchema) bool {
	return anyColumn(func(c *diffColumn) bool { return c.t.any(is) })
}

// banned reports whether a table has what the output cannot insert today.
func banned(s *diffSchema, server stack.ClickHouse) bool {
	for _, b := range diffBans {
		if b.holds(server.Protocol()) && b.is(s) {
			return true
		}
	}
	return false
}

// diffTally counts what was seen.
type diffTally struct {
	tables, records, stored, letters, engine, stuck int
	allowed                                         map[*diffRule]int
	families                                        map[string]int // values stored, by the family of their column
}

func (d *diffTally) count(c *diffCase) {
	d.records++
	d.stored += len(c.ours)
	d.letters += len(c.letter)
	d.engine += len(c.engine)
	d.stuck += btoi(c.stuck != nil)
	if d.families == nil {
		d.allowed, d.families = map[*diffRule]int{}, map[string]int{}
	}
	if len(c.ours) == 0 || c.record.node == nil {
		return
	}
	for _, column := range c.schema.columns {
		if column.parts != nil || c.record.node.member(column.name) != nil {
			d.families[column.t.family.name]++
		}
	}
}

func (d *diffTally) allow(r *diffRule) { d.allowed[r]++ }

func (d *diffTally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d tables, %d records: %d stored, %d dead letters, %d handed back; the engine stored %d\n", d.tables, d.records, d.stored, d.letters, d.stuck, d.engine)
	fmt.Fprintf(&b, "stored by type: %v\n", d.families)
	rules := slices.SortedFunc(maps.Keys(d.allowed), func(a, b *diffRule) int { return d.allowed[b] - d.allowed[a] })
	for _, r := range rules {
		fmt.Fprintf(&b, "%7d %s%s: %s\n", d.allowed[r], map[bool]string{true: "FAULT "}[r.fault], r.what, r.why)
	}
	return b.String()
}
