package json

import (
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// mostNames bounds what is remembered of the names in an object that are no
// column's.
const mostNames = 1024

// node is an object of the records: the record itself, or one that paths lead
// through. It learns the fields that nothing is taken of, and the order of all,
// as it goes; so each decoder has its own.
type node struct {
	prefix  string // of its fields' paths in messages
	fields  map[string]*field
	room    int             // how many more names are learned
	known   map[string]bool // fields that something else than a column takes
	all     bool            // something else than a column may take any of them
	whole   bool            // a column takes the object as it stands, so that no field is unknown
	columns []int           // that take the object as it stands, or have their elements in it
	element bool            // an element of a Nested column: each field is one element of an array
	first   *field
	stamp   int // of the object at hand
}

// field is a member of a node. One that nothing is taken of has neither
// columns nor nodes.
type field struct {
	path    string // in messages
	quoted  string // as keyText spells its name
	columns []int  // that take its value
	child   *node  // paths lead through it
	nested  *node  // it may be an array of objects, whose members are columns of arrays
	next    *field // what followed it the last time
	stamp   int    // of the last object that had it
}

func newNode(prefix string) *node {
	return &node{prefix: prefix, fields: map[string]*field{}, room: mostNames}
}

// add returns the field of a name, made if there is none.
func (n *node) add(name string) *field {
	f := n.fields[name]
	if f == nil {
		f = &field{path: n.prefix + name, quoted: keyText(name)}
		n.fields[name] = f
	}
	return f
}

// learn remembers a field that nothing is taken of. There may be no room for
// it: nil.
func (n *node) learn(name string) *field {
	if n.room == 0 {
		return nil
	}
	n.room--
	return n.add(strings.Clone(name))
}

// plan returns the node of the records that a schema's columns are taken from,
// and the columns whose values are no part of the record. Without sources each
// column has the field of its name.
func plan(s *column.Schema, sources map[string]record.Source) (root *node, computed []int) {
	root = newNode("")
	for i, c := range s.Columns {
		from, given := sources[c.Name]
		switch {
		case !given:
			f := root.add(c.Name)
			f.columns = append(f.columns, i)
		case from.Path != nil:
			root.lead(from.Path, i)
		default:
			computed = append(computed, i)
		}
	}
	root.inherit()
	if sources == nil {
		planNested(s, root)
	}
	return root, computed
}

// lead makes the path to a column's value.
func (n *node) lead(path []string, column int) {
	if len(path) == 0 {
		n.whole = true
		n.columns = append(n.columns, column)
		return
	}
	f := n.add(path[0])
	if len(path) == 1 {
		f.columns = append(f.columns, column)
	} else {
		if f.child == nil {
			f.child = newNode(f.path + ".")
		}
		f.child.lead(path[1:], column)
	}
	if f.child != nil {
		f.child.whole = len(f.columns) > 0
	}
}

// inherit tells the objects in one that a column takes as it stands that none of
// their fields is unknown either.
func (n *node) inherit() {
	for _, f := range n.fields {
		if f.child != nil {
			f.child.whole = f.child.whole || n.whole
			f.child.inherit()
		}
	}
}

// know makes the field that a path leads to, and what is in it, known to whoever asks
// for unknown ones. Where no column looks into the first of its names, all of that is.
func (n *node) know(path []string) {
	if len(path) == 0 {
		n.all = true
		for _, f := range n.fields {
			f.know(path)
		}
		return
	}
	f := n.fields[path[0]]
	if f == nil {
		if n.known == nil {
			n.known = map[string]bool{}
		}
		n.known[path[0]] = true
		return
	}
	f.know(path[1:])
}

// know does the same in what columns take of the field.
func (f *field) know(path []string) {
	for _, inner := range []*node{f.child, f.nested} {
		if inner != nil {
			inner.know(path)
		}
	}
}

// planNested lets the columns of a Nested be filled from an array of objects
// too: n.a and n.b from a field n, unless that is a column itself.
func planNested(s *column.Schema, root *node) {
	for i, c := range s.Columns {
		parent, name, ok := nestedName(c.Name, c.Type)
		if _, taken := s.Index(parent); !ok || taken {
			continue
		}
		f := root.add(parent)
		if f.nested == nil {
			f.nested = newNode(parent + ".")
			f.nested.element = true
		}
		member := f.nested.add(name)
		member.columns = append(member.columns, i)
		f.nested.columns = append(f.nested.columns, i)
	}
}

// nestedGroups are the columns that ClickHouse takes for those of one Nested, and
// whose arrays must therefore be of one length: columns of arrays whose names are
// the same up to the first point, whether they were declared as a Nested or not.
func nestedGroups(s *column.Schema) (groups [][]int) {
	at := map[string]int{}
	for i, c := range s.Columns {
		parent, _, ok := nestedName(c.Name, c.Type)
		if !ok {
			continue
		}
		g, known := at[parent]
		if !known {
			g = len(groups)
			at[parent] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return slices.DeleteFunc(groups, func(g []int) bool { return len(g) < 2 })
}

// nestedName splits the name of a column that may be a Nested's.
func nestedName(full, typ string) (parent, name string, ok bool) {
	parent, name, ok = strings.Cut(full, ".")
	return parent, name, ok && parent != "" && name != "" && column.IsArray(typ)
}

// leadsTo returns the first column that is taken of the node.
func (n *node) leadsTo() int {
	least := -1
	for _, f := range n.fields {
		columns := f.columns
		if f.child != nil {
			columns = append([]int{f.child.leadsTo()}, columns...)
		}
		for _, i := range columns {
			if least < 0 || i < least {
				least = i
			}
		}
	}
	return least
}

// keyText is a member's name and the colon after it as nearly every writer of
// JSON spells them. No record spells a name that is not UTF-8.
func keyText(name string) string {
	quoted, err := appendQuoted(nil, name)
	if err != nil {
		return "\x00"
	}
	return string(append(quoted, ':'))
}

// unused are the fields of the records, as far as they are remembered, that no
// column takes.
func (n *node) unused() (paths []string) {
	for name, f := range n.fields {
		switch {
		case f.child != nil:
			paths = append(paths, f.child.unused()...)
		case len(f.columns) == 0 && f.nested == nil && !n.known[name]:
			paths = append(paths, f.path)
		}
	}
	slices.Sort(paths)
	return paths
}
