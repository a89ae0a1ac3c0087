package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// labelsExist finds groups, and other figures of the buffer, all of whose labels are those
// of no input: they would stay at zero without a word. One that has an input may name
// others, which come and go with the configuration.
func labelsExist(t *tree) (faults []Fault) {
	b := t.buffer
	if b == nil || b.name != backpressure || t.input == nil {
		return nil
	}
	labels, known := t.labels()
	if !known {
		return nil
	}
	check := func(field string, list any) {
		asked, _ := list.([]any)
		if len(asked) == 0 || slices.ContainsFunc(asked, func(l any) bool { return slices.Contains(labels, fmt.Sprint(l)) }) {
			return
		}
		have := "no input has a label"
		if len(labels) > 0 {
			have = "there are " + strings.Join(labels, ", ")
		}
		faults = append(faults, b.fault(b.at(field), "(%s) names no input of this stream by its label: %s", shown(list), have))
	}
	for _, field := range []string{"groups", "figures"} {
		lists, _ := b.field(field).(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(lists)) {
			check(field+"."+name, lists[name])
		}
	}
	groups, _ := b.field("groups").(map[string]any)
	if fed := b.text("figures", "ch_buffer"); fed != "" && groups[fed] == nil {
		faults = append(faults, b.fault(b.at("figures.ch_buffer"), "(%q) must be the name of one of the groups: %s", fed, strings.Join(slices.Sorted(maps.Keys(groups)), ", ")))
	}
	return faults
}

// labels are those of the inputs; known is false where others may come.
func (t *tree) labels() (labels []string, known bool) {
	known = true
	t.within(t.input, func(n *node, _ []*node) {
		if n.label != "" {
			labels = append(labels, n.label)
		}
		if n.name == "dynamic" || n.name == resource && len(t.children(n)) == 0 {
			known = false
		}
	})
	return labels, known
}
