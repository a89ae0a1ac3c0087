package topology

import (
	"fmt"
	"slices"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// seen says that something would take messages of many records for records.
const seen = "would see messages of many records (records_per_message is above 1): put " + frame.UnframeName + " before it, or set records_per_message to 1"

// handBack says that messages of many records are handed back for one of them.
const handBack = "must not reject messages of many records (records_per_message is above 1), which would be handed back whole, good records and all: " +
	"name another output, put " + frame.UnframeName + " first, or set records_per_message to 1"

// everyInput takes every input of ours for one that does what is asked about.
func everyInput(n *node) bool { return pausable[n.name] }

// framing reports whether an input is told to make frames.
func framing(n *node) bool {
	count := n.text("records_per_message")
	return pausable[n.name] && count != "" && count != "1"
}

// framesApart finds what would see frames: everything that looks into messages on
// their way from an input that makes them to an output of ours.
func framesApart(t *tree) []Fault { return framesFrom(t, framing) }

func framesFrom(t *tree, makes func(*node) bool) []Fault {
	f := &frames{tree: t, makes: makes}
	if t.input == nil || !f.input(t.input, nil) || !f.through(t.pipeline, nil) || t.output == nil {
		return f.faults
	}
	f.output(t.output, nil)
	return f.faults
}

// frames follows frames through a stream.
type frames struct {
	tree   *tree
	makes  func(*node) bool
	faults []Fault
}

func (f *frames) see(n *node, path string) { f.faults = append(f.faults, n.fault(path, seen)) }

// input reports whether frames come out of an input.
func (f *frames) input(n *node, above []*node) bool {
	if slices.Contains(above, n) {
		return false
	}
	framed := f.makes(n)
	for _, kid := range f.tree.children(n) {
		framed = f.input(kid, append(above, n)) || framed
	}
	if !framed {
		return false
	}
	f.wrapper(n)
	return f.through(n.own(), nil)
}

// lookers are the fields by which wrappers look into messages, of those that a
// field can be asked for.
var lookers = map[string][]string{
	"read_until": {"check"},
}

// passers are the inputs and outputs that pass messages on, or drop them, without
// looking into them, but for lookers, batching and cases.
var passers = map[string]bool{
	"broker": true, "dynamic": true, resource: true,
	"batched": true, "read_until": true, "sequence": true,
	"fallback": true, "retry": true, "switch": true, "drop_on": true, "reject_errored": true,
	"drop": true, "reject": true,
}

// wrapper finds what looks into messages in an input or output that passes them on.
func (f *frames) wrapper(n *node) {
	if !passers[n.name] && !pausable[n.name] {
		f.see(n, n.path+"."+n.name)
		return
	}
	for _, field := range lookers[n.name] {
		if n.text(field) != "" {
			f.see(n, n.at(field))
		}
	}
	if n.joins() {
		f.see(n, n.at("sharded_join"))
	}
	for _, p := range n.policies() {
		if p.check() != "" {
			f.see(n, p.path()+".check")
		}
		f.through(p.processors(), nil)
	}
	cases, _ := n.field("cases").([]any)
	for i, c := range cases {
		if fields, _ := c.(map[string]any); fields["check"] != nil && fields["check"] != "" {
			f.see(n, n.at(fmt.Sprintf("cases.%d.check", i)))
		}
	}
}

// idle are processors that neither change messages nor tell one from another.
var idle = map[string]bool{"log": true, "noop": true, "sleep": true}

// lists are processors that pass every message through those that they hold, one
// after the other.
var lists = map[string]bool{"try": true, "for_each": true, "processors": true, "parallel": true, "retry": true}

// through reports whether frames come out of processors that they go into.
func (f *frames) through(processors, above []*node) bool {
	for _, n := range processors {
		switch {
		case slices.Contains(above, n) || idle[n.name]:
		case n.name == frame.UnframeName:
			return false
		case lists[n.name]:
			if !f.through(n.kids, append(above, n)) {
				return false
			}
		case n.name == "catch": // only for messages that failed
			f.through(n.kids, append(above, n))
		case n.name == resource && len(f.tree.children(n)) > 0:
			if !f.through(f.tree.children(n), append(above, n)) {
				return false
			}
		default:
			f.see(n, n.path+"."+n.name)
			return false // one word is enough
		}
	}
	return true
}

// output follows frames into an output.
func (f *frames) output(n *node, above []*node) {
	if slices.Contains(above, n) || !f.through(n.own(), nil) || takesLines(n) {
		return
	}
	if n.name == clickhouse {
		f.handedBack(n)
		return
	}
	f.wrapper(n)
	for _, kid := range f.tree.children(n) {
		f.output(kid, append(above, n))
	}
}

// handedBack finds outputs that would hand a whole message back for one bad record.
func (f *frames) handedBack(n *node) {
	for _, letter := range n.in("dead_letter") {
		if letter.name == "reject" {
			f.faults = append(f.faults, letter.fault(n.at("dead_letter"), handBack))
		}
	}
}

// takesLines reports whether an output writes messages as lines: then the records
// of a frame, which are lines, come out as if each had been a message.
func takesLines(n *node) bool {
	codec := n.text("codec")
	return (n.name == "file" || n.name == "stdout") && (codec == "" || codec == "lines")
}
