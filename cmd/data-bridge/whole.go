package main

import (
	"fmt"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

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
	if onlyStores(root["pipeline"], root["output"]) {
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
		if root[field], err = plain(v); err != nil {
			return nil, fmt.Errorf("reading %s: %w", field, err)
		}
	}
	return root, nil
}

// plain turns YAML nodes, of which the host leaves some in what it has parsed, into
// maps, lists and scalars.
func plain(parsed any) (v any, err error) {
	text, err := yaml.Marshal(parsed)
	if err != nil {
		return nil, err
	}
	return v, yaml.Unmarshal(text, &v)
}

// onlyStores reports whether what stands behind the buffer is our output and
// nothing else. Of other outputs, and of templates, it is not known what they do to
// messages.
func onlyStores(pipeline, output any) bool {
	p, _ := pipeline.(map[string]any)
	o, _ := output.(map[string]any)
	if _, ours := o["clickhouse"]; !ours || !none(p["processors"]) || !none(o["processors"]) {
		return false
	}
	for key := range o {
		if !slices.Contains([]string{"clickhouse", "label", "type", "processors"}, key) {
			return false
		}
	}
	return true
}

func none(processors any) bool {
	list, ok := processors.([]any)
	return processors == nil || ok && len(list) == 0
}
