package topology

// rejected says what to use in place of dead_letter: reject.
const rejected = "must not reject behind the backpressure buffer, which cannot see which messages of a batch failed and would send all of them again for ever: " +
	"name an output that takes bad rows (such as dead_letter_file: {path: dead_letter.jsonl}), discard them knowingly with drop, or put this output first in a fallback"

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

// kept says what becomes of rows that a reject within a dead letter is given.
const kept = "must not reject inside of %s: its rows would be kept and delivered to it again for ever, and hold up what comes behind them. reject hands errors back only as the dead_letter itself: " +
	"name an output that takes bad rows (such as dead_letter_file: {path: dead_letter.jsonl}), or discard them knowingly with drop"

// lettersTaken finds dead letters that nothing takes: the output gives them to what
// stands in its dead_letter until that has them.
func lettersTaken(t *tree) (faults []Fault) {
	t.within(t.output, func(n *node, _ []*node) {
		if n.name == clickhouse {
			for _, letter := range n.in("dead_letter") {
				faults = append(faults, t.untaken(n.at("dead_letter"), letter)...)
			}
		}
	})
	return faults
}

// untaken finds the outputs within a dead letter that hand all of it back. A clickhouse
// that hands back what does not fit its table takes the rest.
func (t *tree) untaken(field string, letter *node) (faults []Fault) {
	t.within(letter, func(n *node, above []*node) {
		switch {
		case n.name == "reject" && len(above) > 0 && !t.caught(append(above[:len(above):len(above)], n)):
			faults = append(faults, n.fault(n.path, kept, field))
		case n.name == clickhouse:
			for _, inner := range n.in("dead_letter") {
				faults = append(faults, t.untaken(n.at("dead_letter"), inner)...)
			}
		}
	})
	return faults
}

// caught reports whether what the last of the way hands back goes to another output:
// something on it is in a fallback whose last one takes it, or is dropped by drop_on. A
// retry before that comes first, and sends everything again.
func (t *tree) caught(way []*node) bool {
	for i := len(way) - 2; i >= 0; i-- {
		kids := t.children(way[i])
		switch {
		case way[i].name == "retry":
			return false
		case way[i].name == "drop_on" && way[i].dropsErrors():
			return true
		case way[i].name == "fallback" && len(kids) > 0 && kids[len(kids)-1] != way[i+1] && !t.rejects(kids[len(kids)-1]):
			return true
		}
	}
	return false
}

// dropsErrors reports whether a drop_on drops what its output hands back.
func (n *node) dropsErrors() bool {
	patterns, _ := n.field("error_patterns").([]any)
	return n.text("error") == "true" || len(patterns) > 0
}

// rejects reports whether an output hands back whatever it is given.
func (t *tree) rejects(n *node) bool {
	if n.name == resource {
		for _, named := range t.children(n) {
			return named.name == "reject"
		}
	}
	return n.name == "reject"
}
