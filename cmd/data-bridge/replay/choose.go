package replay

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// fieldShare is the field of the clickhouse output that has too many bad rows wait.
const fieldShare = "max_dead_letter_share"

// chosen is the output that dead letters go to.
type chosen struct {
	// name is that of the resource, conf what is made one; nil if the config has it.
	name string
	conf map[string]any
	// rejects says that it hands bad rows back.
	rejects bool
}

// choose finds the output of a config that its dead letters came from: the clickhouse
// output alone, without the processors that are before it, which the records of dead
// letters have behind them, and without what else is in its broker, which has them.
// Where there is none that can be seen, the letters go to the whole output.
//
// It changes the parts: what is bad for once more is a dead letter again, however much
// of it there is. Rows that waited would have a replay wait for ever.
func choose(parts map[string]any, named string) (*chosen, error) {
	if parts["output"] == nil {
		return nil, errors.New("it has no output")
	}
	t, err := topology.New(topology.Config(parts), "")
	if err != nil {
		return nil, err
	}
	store, err := storeOf(t.Stores(), named)
	if err != nil {
		return nil, err
	}
	if store == nil {
		return whole(parts), nil
	}
	conf, ok := store.Conf.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s.clickhouse must be an object with its fields", store.Path)
	}
	conf = maps.Clone(conf)
	conf[fieldShare] = 1
	c := &chosen{name: strings.ReplaceAll(nameOf(*store), ".", "_"), conf: map[string]any{"clickhouse": conf}}
	letter, _ := conf["dead_letter"].(map[string]any)
	_, c.rejects = letter["reject"]
	c.conf["label"] = c.name
	if strings.HasPrefix(store.Path, "output_resources") { // others may name it
		replaceResource(parts, c)
	}
	return c, nil
}

// nameOf is how an output is called: by its label, or else by its path.
func nameOf(s topology.Store) string {
	if s.Label != "" {
		return s.Label
	}
	return s.Path
}

// storeOf finds the one that is named, or the only one; nil if there is none.
func storeOf(stores []topology.Store, named string) (*topology.Store, error) {
	names := make([]string, len(stores))
	for i, s := range stores {
		names[i] = nameOf(s)
	}
	at := slices.Index(names, named)
	switch {
	case named == "" && len(stores) == 0:
		return nil, nil
	case named == "" && len(stores) == 1:
		return &stores[0], nil
	case named == "":
		return nil, fmt.Errorf("it has several clickhouse outputs (%s): say by --output whose dead letters these are", strings.Join(names, ", "))
	case at < 0:
		return nil, fmt.Errorf("--output (%q) must be the label, or the path, of one of its clickhouse outputs (%s)", named, strings.Join(names, ", "))
	}
	return &stores[at], nil
}

// replaceResource puts a resource in the place of the one that has its label.
func replaceResource(parts map[string]any, c *chosen) {
	list, _ := parts["output_resources"].([]any)
	list = slices.Clone(list)
	for i, item := range list {
		if fields, _ := item.(map[string]any); fields["label"] == c.name {
			list[i] = c.conf
		}
	}
	parts["output_resources"] = list
	c.conf = nil
}

// whole is the output of the config as it is.
func whole(parts map[string]any) *chosen {
	out, _ := parts["output"].(map[string]any)
	if name, is := out["resource"].(string); is && out["processors"] == nil {
		return &chosen{name: name}
	}
	c := &chosen{name: "output", conf: maps.Clone(out)}
	if label, _ := out["label"].(string); label != "" {
		c.name = label
	} else if _, is := out["resource"]; is { // which takes no label
		c.conf = map[string]any{"broker": map[string]any{"outputs": []any{out}}}
	}
	c.conf["label"] = c.name
	return c
}
