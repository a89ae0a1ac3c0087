package topology

// rejected says what to use in place of dead_letter: reject.
const rejected = "must not reject behind the backpressure buffer, which cannot see which messages of a batch failed and would send all of them again for ever: " +
	"name an output that takes bad rows (such as file: {path: dead_letter.jsonl, codec: lines}), discard them knowingly with drop, or put this output first in a fallback"

// rejectsCaught finds outputs that hand bad rows back to our buffer.
func rejectsCaught(t *tree) (faults []Fault) {
	if t.buffer == nil || t.buffer.name != backpressure {
		return nil
	}
	t.within(t.output, func(n *node, above []*node) {
		if n.name != clickhouse || t.caught(append(above[:len(above):len(above)], n)) {
			return
		}
		for _, letter := range n.in("dead_letter") {
			if letter.name == "reject" {
				faults = append(faults, letter.fault(n.at("dead_letter"), rejected))
			}
		}
	})
	return faults
}

// caught reports whether what the last of the way hands back goes to another output:
// something on it is in a fallback, and not the last there. A retry before that
// comes first, and sends everything again.
func (t *tree) caught(way []*node) bool {
	for i := len(way) - 2; i >= 0; i-- {
		kids := t.children(way[i])
		switch {
		case way[i].name == "retry":
			return false
		case way[i].name == "fallback" && len(kids) > 0 && kids[len(kids)-1] != way[i+1]:
			return true
		}
	}
	return false
}
