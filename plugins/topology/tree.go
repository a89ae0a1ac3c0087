package topology

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Names of components that topologies know.
const (
	clickhouse   = "clickhouse"
	backpressure = "backpressure"
	resource     = "resource"
)

// pausable are the inputs that make frames, obey gates and, Kafka's, deliver
// exactly once.
var pausable = map[string]bool{"pausable_kafka": true, "pausable_nats": true, "pausable_nats_jetstream": true}

// node is a component of a configuration.
type node struct {
	kind  string // input, buffer, processor or output
	name  string
	label string
	path  string
	line  int
	conf  any // what stands behind its name
	kids  []*node
}

// tree is a configuration by its components. Resources are found by their labels.
type tree struct {
	stream   string
	input    *node
	buffer   *node
	pipeline []*node
	output   *node

	resources map[string]map[string]*node // by kind and label

	strict     bool // error handling
	strictLine int
}

func newTree(conf Config) (*tree, error) {
	t := &tree{resources: map[string]map[string]*node{"input": {}, "processor": {}, "output": {}}}
	t.strict, t.strictLine = strictOf(conf)
	root := map[string]any{}
	for _, part := range parts {
		if v, ok := conf[part]; ok && v != nil {
			root[part] = v
		}
	}
	err := known().WalkComponentsAny(root, func(w *service.WalkedComponent) error {
		n, err := newNode(w)
		if err != nil {
			return err
		}
		t.add(n)
		return service.ErrSkipComponents
	})
	return t, err
}

// add puts a component that is within no other in its place.
func (t *tree) add(n *node) {
	part, _, _ := strings.Cut(n.path, ".")
	switch part {
	case "input":
		t.input = n
	case "buffer":
		t.buffer = n
	case "pipeline":
		t.pipeline = append(t.pipeline, n)
	case "output":
		t.output = n
	default:
		if of := t.resources[n.kind]; of != nil {
			of[n.label] = n
		}
	}
}

func newNode(w *service.WalkedComponent) (*node, error) {
	whole, err := w.ConfigAny()
	if err != nil {
		return nil, err
	}
	n := &node{kind: w.ComponentType, name: w.Name, label: w.Label, path: w.Path, line: w.LineStart}
	if fields, ok := whole.(map[string]any); ok {
		n.conf = fields[w.Name]
	}
	err = w.WalkComponents(func(w *service.WalkedComponent) error {
		kid, err := newNode(w)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
		return service.ErrSkipComponents
	})
	return n, err
}

// at is the path of a field of the component.
func (n *node) at(field string) string { return n.path + "." + n.name + "." + field }

// field looks a field up in the component's configuration.
func (n *node) field(path ...string) any {
	v := n.conf
	for _, key := range path {
		fields, _ := v.(map[string]any)
		v = fields[key]
	}
	return v
}

// text is a field that is a string; empty when it is not there.
func (n *node) text(path ...string) string {
	if v := n.field(path...); v != nil {
		return strings.TrimSpace(fmt.Sprint(v))
	}
	return ""
}

// own are the processors that stand behind an input, or before an output.
func (n *node) own() []*node { return n.below(n.path + ".processors.") }

// in are the components that a field of the component's configuration holds.
func (n *node) in(field string) []*node { return n.below(n.at(field) + ".") }

func (n *node) below(prefix string) (found []*node) {
	for _, kid := range n.kids {
		if strings.HasPrefix(kid.path+".", prefix) {
			found = append(found, kid)
		}
	}
	return found
}

// children are the components of the same kind that it stands for: those that its
// configuration holds, or the resource that it names. dead_letter is no child: what
// goes there goes nowhere else.
func (t *tree) children(n *node) (kids []*node) {
	if n.name == resource {
		if r := t.resources[n.kind][fmt.Sprint(n.conf)]; r != nil {
			return []*node{r}
		}
		return nil
	}
	if n.name == clickhouse {
		return nil
	}
	for _, kid := range n.kids {
		if kid.kind == n.kind {
			kids = append(kids, kid)
		}
	}
	return kids
}

// within calls visit for a component and for what is within it, by any number of
// steps; what is visited above it comes with it, the outermost first. A resource that
// names itself is visited once.
func (t *tree) within(n *node, visit func(n *node, above []*node)) { t.descend(n, nil, visit) }

func (t *tree) descend(n *node, above []*node, visit func(n *node, above []*node)) {
	if n == nil || slices.Contains(above, n) {
		return
	}
	visit(n, above)
	above = append(above[:len(above):len(above)], n)
	for _, kid := range t.children(n) {
		t.descend(kid, above, visit)
	}
}

// joins reports whether a sequence joins messages of its inputs.
func (n *node) joins() bool {
	join := n.text("sharded_join", "type")
	return n.name == "sequence" && join != "" && join != "none"
}

// policy is a field that holds a batching policy.
type policy struct {
	n     *node
	field string
}

// policies are the batching policies of a component.
func (n *node) policies() (found []policy) {
	for _, field := range []string{"batching", "policy"} {
		if _, is := n.field(field).(map[string]any); is {
			found = append(found, policy{n, field})
		}
	}
	return found
}

func (p policy) path() string { return p.n.at(p.field) }

func (p policy) check() string { return p.n.text(p.field, "check") }

func (p policy) processors() []*node { return p.n.in(p.field + ".processors") }

// on reports whether it makes batches at all.
func (p policy) on() bool {
	for _, field := range []string{"count", "byte_size"} {
		if v := p.n.text(p.field, field); v != "" && v != "0" {
			return true
		}
	}
	return p.n.text(p.field, "period") != "" || p.check() != "" || len(p.processors()) > 0
}

func (n *node) fault(path, format string, args ...any) Fault {
	return Fault{Path: path, Line: n.line, What: fmt.Sprintf(format, args...)}
}
