package main

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/backpressure"
)

// lookAtWhole does what takes the whole configuration, of which each component
// sees its own part: it refuses processors that would see frames, and tells the
// buffer when nothing behind it changes messages.
func lookAtWhole(conf *service.ParsedConfig) error {
	root, err := wholeOf(conf)
	if err != nil {
		return err
	}
	if err := lintFrames(root); err != nil {
		return err
	}
	if root["output"] != nil && !mayChange(root["output"]) && !mayChange(root["pipeline"]) {
		backpressure.PassOriginals(conf.Resources())
	}
	return nil
}

// wholeOf returns the parts of a stream that are looked at; none of them in
// streams mode, whose root configuration holds no stream.
func wholeOf(conf *service.ParsedConfig) (map[string]any, error) {
	root := map[string]any{}
	for _, field := range []string{"input", "pipeline", "output"} {
		v, err := conf.FieldAny(field)
		if err != nil {
			return map[string]any{}, nil //nolint:nilerr // not there
		}
		if node, ok := v.(interface{ Decode(v any) error }); ok { // a *yaml.Node
			v = nil
			if err := node.Decode(&v); err != nil {
				return nil, fmt.Errorf("reading %s: %w", field, err)
			}
		}
		root[field] = v
	}
	return root, nil
}

// mayChange reports whether a part of a configuration holds processors, or
// refers to what is not in it.
func mayChange(node any) bool {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			if mayChange(item) {
				return true
			}
		}
	case map[string]any:
		for key, value := range node {
			if list, ok := value.([]any); key == "processors" && ok && len(list) == 0 {
				continue
			}
			if key == "processors" && value != nil || key == "resource" || mayChange(value) {
				return true
			}
		}
	}
	return false
}
