package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
