package topology

import "slices"

// chunksWhole finds what would make other batches of the chunks that an input of
// Kafka has announced under exactly_once: after a crash the same chunk would be
// another one.
func chunksWhole(t *tree) []Fault { return chunksFrom(t, announces) }

// announces reports whether an input is told to announce its chunks.
func announces(n *node) bool { return pausable[n.name] && n.text("exactly_once") == "true" }

// whole says what is wrong, and with whom.
const whole = "would make other batches of the chunks that %s announces (exactly_once): after a crash they could not be told apart from new ones. Take it out, or set exactly_once to false"

func chunksFrom(t *tree, makes func(*node) bool) []Fault {
	c := &chunks{tree: t}
	var first *node
	t.within(t.input, func(n *node, above []*node) {
		if !makes(n) {
			return
		}
		if first == nil {
			first = n
		}
		for _, m := range append(above[:len(above):len(above)], n) {
			c.component(m, n)
		}
	})
	if first == nil {
		return nil
	}
	if b := t.buffer; b != nil && b.name != backpressure && b.name != "none" {
		c.cuts(b, b.path+"."+b.name, first)
	}
	c.processors(t.pipeline, nil, first)
	t.within(t.output, func(n *node, _ []*node) { c.component(n, first) })
	return c.faults
}

// chunks looks for what cuts batches anew.
type chunks struct {
	tree   *tree
	faults []Fault
	said   map[string]bool
}

// cuts notes a fault, once: several inputs may share it.
func (c *chunks) cuts(n *node, path string, of *node) {
	if c.said[path] {
		return
	}
	if c.said == nil {
		c.said = map[string]bool{}
	}
	c.said[path] = true
	c.faults = append(c.faults, n.fault(path, whole, of.path))
}

// component looks at an input or output that chunks pass.
func (c *chunks) component(n, of *node) {
	for _, p := range n.policies() {
		if p.on() {
			c.cuts(n, p.path(), of)
		}
	}
	if n.joins() {
		c.cuts(n, n.at("sharded_join"), of)
	}
	c.processors(n.own(), nil, of)
}

// cutters are processors that put batches together anew: by splitting or joining
// messages or batches, or by what they remember of those before.
var cutters = map[string]bool{
	"archive": true, "unarchive": true, "split": true, "group_by": true, "group_by_value": true,
	"select_parts": true, "insert_part": true, "dedupe": true,
}

func (c *chunks) processors(list, above []*node, of *node) {
	for _, n := range list {
		switch {
		case slices.Contains(above, n):
		case cutters[n.name]:
			c.cuts(n, n.path+"."+n.name, of)
		case n.name == "branch" || n.name == "workflow": // what comes out is put into the message again
		case n.name == resource:
			c.processors(c.tree.children(n), append(above, n), of)
		default:
			c.processors(n.kids, append(above, n), of)
		}
	}
}
