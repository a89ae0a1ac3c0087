package topology

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// fieldSpec is a field as the host describes it.
type fieldSpec struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"` // of each element of an array or a map
	Kind     string      `json:"kind"`
	Options  []string    `json:"options"`
	Told     [][2]string `json:"annotated_options"` // options with what they mean
	Children []fieldSpec `json:"children"`
}

// options are the values that are possible; none if all are.
func (f fieldSpec) options() []string {
	list := f.Options
	for _, o := range f.Told {
		list = append(list, o[0])
	}
	return list
}

// ours are our components, of which every field is looked at.
var ours = map[string]func(string) (*service.ConfigView, bool){
	"pausable_kafka":          service.GlobalEnvironment().GetInputConfig,
	"pausable_nats":           service.GlobalEnvironment().GetInputConfig,
	"pausable_nats_jetstream": service.GlobalEnvironment().GetInputConfig,
	backpressure:              service.GlobalEnvironment().GetBufferConfig,
	clickhouse:                service.GlobalEnvironment().GetOutputConfig,
}

// specs are their fields, found when they are asked for: by then all are registered.
var specs sync.Map

// fieldsOf are the fields of one of our components.
func fieldsOf(name string) []fieldSpec {
	if known, ok := specs.Load(name); ok {
		return known.([]fieldSpec) //nolint:forcetypeassert // stored below
	}
	var described struct {
		Config fieldSpec `json:"config"`
	}
	if view, found := ours[name](name); found {
		if text, err := view.FormatJSON(); err == nil {
			_ = json.Unmarshal(text, &described) // the host's own
		}
	}
	specs.Store(name, described.Config.Children)
	return described.Config.Children
}

// Options are all values that fields of our components are chosen from, in their order.
func Options() []string {
	all := map[string]bool{}
	var collect func([]fieldSpec)
	collect = func(specs []fieldSpec) {
		for _, f := range specs {
			for _, o := range f.options() {
				all[o] = true
			}
			collect(f.Children)
		}
	}
	for name := range ours {
		collect(fieldsOf(name))
	}
	return slices.Sorted(maps.Keys(all))
}

// valuesFit finds fields of our components whose values are of another type than theirs,
// or none of those that are possible: the host would not say so before the component is
// built, would not say of which field, or would cut a fraction off.
func valuesFit(t *tree) (faults []Fault) {
	t.each(func(n *node) {
		if ours[n.name] == nil || n.conf == nil {
			return
		}
		fields, ok := n.conf.(map[string]any)
		if !ok {
			faults = append(faults, n.fault(n.path+"."+n.name, "(%s) must be an object with the component's fields", shown(n.conf)))
			return
		}
		c := checker{n: n}
		c.object(n.path+"."+n.name, fields, fieldsOf(n.name))
		faults = append(faults, c.faults...)
	})
	return faults
}

// each calls visit for every component of the configuration, resources included.
func (t *tree) each(visit func(*node)) {
	var walk func([]*node)
	walk = func(list []*node) {
		for _, n := range list {
			if n != nil {
				visit(n)
				walk(n.kids)
			}
		}
	}
	walk([]*node{t.input, t.buffer})
	walk(t.pipeline)
	walk([]*node{t.output})
	for _, kind := range []string{"input", "processor", "output"} {
		of := t.resources[kind]
		for _, label := range slices.Sorted(maps.Keys(of)) {
			walk([]*node{of[label]})
		}
	}
}

// checker compares the values of a component with the types of its fields.
type checker struct {
	n      *node
	faults []Fault
}

func (c *checker) fault(path string, v any, right string) {
	c.faults = append(c.faults, c.n.fault(path, "(%s) must be %s", shown(v), right))
}

func (c *checker) object(path string, fields map[string]any, specs []fieldSpec) {
	for _, f := range specs {
		if v, given := fields[f.Name]; given && (v != nil || f.Kind != "scalar" || len(f.options()) > 0) {
			c.field(path+"."+f.Name, v, f)
		}
	}
}

func (c *checker) field(path string, v any, f fieldSpec) {
	switch f.Kind {
	case "array":
		list, ok := v.([]any)
		if !ok {
			c.fault(path, v, "a list")
		}
		for i, v := range list {
			c.value(path+"."+strconv.Itoa(i), v, f)
		}
	case "map":
		values, ok := v.(map[string]any)
		if !ok {
			c.fault(path, v, "a map")
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			c.value(path+"."+key, values[key], f)
		}
	case "scalar":
		c.value(path, v, f)
	}
}

// value checks a single one.
func (c *checker) value(path string, v any, f fieldSpec) {
	switch f.Type {
	case "object":
		fields, ok := v.(map[string]any)
		if !ok {
			c.fault(path, v, "an object with the fields "+names(f.Children))
			return
		}
		c.object(path, fields, f.Children)
	case "int":
		if n, ok := number(v); !ok || n != math.Trunc(n) || math.Abs(n) >= math.MaxInt64 {
			c.fault(path, v, "a whole number, without quotes")
		}
	case "float":
		if _, ok := number(v); !ok {
			c.fault(path, v, "a number, without quotes")
		}
	case "bool":
		if _, ok := v.(bool); !ok {
			c.fault(path, v, "true or false, without quotes")
		}
	case "string":
		c.text(path, v, f.options())
	case "input", "output", "processor":
		if fields, ok := v.(map[string]any); ok && len(fields) == 0 {
			c.fault(path, v, "an "+f.Type+", such as drop: {}")
		} else if !ok {
			c.fault(path, v, "an "+f.Type+" with its fields, such as drop: {}")
		}
	}
}

func (c *checker) text(path string, v any, options []string) {
	switch v.(type) {
	case map[string]any, []any:
		c.fault(path, v, "a text")
	case nil:
		c.fault(path, v, "one of "+strings.Join(options, ", "))
	default:
		if len(options) > 0 && !slices.Contains(options, fmt.Sprint(v)) {
			c.fault(path, v, "one of "+strings.Join(options, ", "))
		}
	}
}

// number is a value that is one.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	}
	return 0, false
}

// shown is a value as it may be written.
func shown(v any) string {
	if text, ok := v.(string); ok {
		return strconv.Quote(text)
	}
	text, err := json.Marshal(v)
	if err != nil || len(text) > 100 {
		return "a list or an object"
	}
	return string(text)
}

func names(fields []fieldSpec) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	return strings.Join(list, ", ")
}
