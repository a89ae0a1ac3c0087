package main

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// lineOf is the line of a field in a config file by its path, or the one given where the
// file does not have it so: the host knows the line of a component, not of its fields.
func lineOf(text []byte, path string, component int) int {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil || len(root.Content) == 0 {
		return component
	}
	if line := lineIn(root.Content[0], strings.Split(path, ".")); line >= component {
		return line
	}
	return component
}

// lineIn is the line of what a path leads to, 0 if it leads nowhere. Names may hold
// points.
func lineIn(n *yaml.Node, path []string) int {
	if len(path) == 0 {
		return n.Line
	}
	switch n.Kind {
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(n.Content) {
			return lineIn(n.Content[i], path[1:])
		}
	case yaml.MappingNode:
		for end := len(path); end > 0; end-- {
			name := strings.Join(path[:end], ".")
			for i := 0; i+1 < len(n.Content); i += 2 {
				key, value := n.Content[i], n.Content[i+1]
				if key.Value != name {
					continue
				}
				if end == len(path) {
					return key.Line
				}
				if line := lineIn(value, path[end:]); line > 0 {
					return line
				}
			}
		}
	}
	return 0
}
