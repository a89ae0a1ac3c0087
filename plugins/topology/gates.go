package topology

import "strings"

// member is a component that has a gate: one of our inputs, the buffer, or the
// output, whose figures /health shows by the gate's name.
type member struct {
	*node
	gate    string
	outside bool // a resource, which does not belong to a stream
}

// members are the stream's components that have a gate, its buffer's first. A
// component that names none has that of the buffer, see Gate; but in streams mode not
// a resource.
func (t *tree) members() (list []member) {
	if t.buffer == nil || t.buffer.name != backpressure {
		return nil
	}
	buffer := t.buffer.text("gate")
	list = append(list, member{node: t.buffer, gate: buffer})
	add := func(n *node, _ []*node) {
		if !pausable[n.name] && n.name != clickhouse {
			return
		}
		m := member{node: n, gate: n.text("gate"), outside: strings.Contains(strings.SplitN(n.path, ".", 2)[0], "_resources")}
		if m.gate == "" && (!m.outside || t.stream == "") {
			m.gate = buffer
		}
		list = append(list, m)
	}
	t.within(t.input, add)
	t.within(t.output, add)
	return list
}

// gatesMeet finds components whose gate is not the buffer's: the buffer could not
// pause them, or /health would not know of them.
func gatesMeet(t *tree) (faults []Fault) {
	list := t.members()
	if len(list) == 0 {
		return nil
	}
	buffer := list[0]
	for _, m := range list[1:] {
		switch {
		case m.outside && m.gate == "" && t.stream != "":
			faults = append(faults, m.fault(m.at("gate"),
				"(%q) must be a name that %s also has: a resource belongs to no stream, and would not be found by %q", m.gate, buffer.at("gate"), t.stream))
		case m.gate != buffer.gate:
			faults = append(faults, m.fault(m.at("gate"),
				"(%q) must be the same as %s (%q): the buffer would not pause it, or /health would not know of it", m.gate, buffer.at("gate"), buffer.gate))
		}
	}
	return faults
}
