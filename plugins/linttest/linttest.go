// Package linttest compares what lint says of the fields of a component with what its
// constructor says: whatever keeps a pipeline from running is to be found before.
package linttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// Component is what is looked at.
type Component struct {
	// Kind is input, buffer or output.
	Kind string
	Name string
	Spec *service.ConfigSpec
	// Minimal is a configuration that is good, in YAML. Fields whose values are of
	// interest only beside others may be set in it.
	Minimal string
	// Build is the constructor; what it builds it closes.
	Build func(*service.ParsedConfig) error
	// Except are paths of fields that are not of this component's making, with what is
	// below them, such as tls.
	Except []string
	// Secret are paths of fields whose values must not be in a message.
	Secret []string
}

// values are tried in every field. They are as users mistake them.
var values = []any{
	"lots", "", " ", "1000.5", "-5", "110%", "10 parsecs", "0s", "-1s", "${", 1000.5, -1, 0, 1e300, true, nil,
	[]any{},
	[]any{""},
	[]any{"lots"},
	[]any{5},
	[]any{map[string]any{}},
	[]any{"a", "a"},
	map[string]any{},
	map[string]any{"a": "b"},
	map[string]any{"": []any{}},
	map[string]any{"a": []any{5}},
}

// CheckEveryField tries bad values in every field: what the constructor refuses, lint
// has to refuse, by words that name the field and, where it is one, the value.
func CheckEveryField(t *testing.T, c Component) {
	t.Helper()
	require.NoError(t, c.try(t, c.minimal(t)), "what is called minimal is good")
	for _, path := range c.fields(t) {
		for _, v := range values {
			conf := c.minimal(t)
			set(conf, path, v)
			err := c.try(t, conf)
			if err == nil {
				continue
			}
			said := c.lint(t, conf)
			name, secret := path[len(path)-1], slices.Contains(c.Secret, strings.Join(path, "."))
			switch {
			case said == "":
				t.Errorf("%s: %s: run says %q, lint says nothing", strings.Join(path, "."), text(v), err)
			case strings.Contains(said, "unable to infer"): // of a component within, by its line
			case !strings.Contains(said, name):
				t.Errorf("%s: %s: lint does not name the field: %q, run says %q", strings.Join(path, "."), text(v), said, err)
			case secret, strings.Contains(said, name+" is for "): // whatever it is, it has no place there
			case !strings.Contains(said, spoken(v)) && !strings.Contains(said, name+" expected "): // the host's words, which tell the type
				t.Errorf("%s: %s: lint does not name the value: %q, run says %q", strings.Join(path, "."), text(v), said, err)
			}
		}
	}
}

// text is a value as YAML has it on one line.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// spoken is what of a value a message has to hold.
func spoken(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case int, float64, bool:
		return strings.TrimSuffix(fmt.Sprint(v), "e+300")
	}
	return ""
}

func (c Component) minimal(t *testing.T) (conf map[string]any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(c.Minimal), &conf))
	return conf
}

// try parses and builds without lint.
func (c Component) try(t *testing.T, conf map[string]any) error {
	t.Helper()
	body, err := yaml.Marshal(conf)
	require.NoError(t, err)
	parsed, err := c.Spec.ParseYAML(string(body), nil)
	if err != nil {
		return err
	}
	return c.Build(parsed)
}

func (c Component) lint(t *testing.T, conf map[string]any) string {
	t.Helper()
	body, err := yaml.Marshal(map[string]any{c.Name: conf})
	require.NoError(t, err)
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	find := map[string]func([]byte) ([]service.Lint, error){
		"input": linter.LintInputYAML, "buffer": linter.LintBufferYAML, "output": linter.LintOutputYAML,
	}[c.Kind]
	lints, err := find(body)
	if err != nil {
		return err.Error()
	}
	var said []string
	for _, l := range lints {
		said = append(said, l.Error())
	}
	whole, err := topology.New(topology.Config{c.Kind: map[string]any{c.Name: conf}}, "")
	if err == nil {
		err = whole.Err()
	}
	if err != nil {
		said = append(said, err.Error())
	}
	return strings.Join(said, "; ")
}

// fieldSpec is a field as the host describes it.
type fieldSpec struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"`
	Kind     string      `json:"kind"`
	Children []fieldSpec `json:"children"`
}

// fields are the paths of the fields; those within lists are left to their lists.
func (c Component) fields(t *testing.T) (paths [][]string) {
	t.Helper()
	env := service.GlobalEnvironment()
	get := map[string]func(string) (*service.ConfigView, bool){
		"input": env.GetInputConfig, "buffer": env.GetBufferConfig, "output": env.GetOutputConfig,
	}[c.Kind]
	view, found := get(c.Name)
	require.True(t, found, c.Name)
	body, err := view.FormatJSON()
	require.NoError(t, err)
	var described struct {
		Config fieldSpec `json:"config"`
	}
	require.NoError(t, json.Unmarshal(body, &described))
	var walk func(above []string, fields []fieldSpec)
	walk = func(above []string, fields []fieldSpec) {
		for _, f := range fields {
			path := append(slices.Clone(above), f.Name)
			if slices.Contains(c.Except, strings.Join(path, ".")) {
				continue
			}
			paths = append(paths, path)
			if f.Kind == "scalar" {
				walk(path, f.Children)
			}
		}
	}
	walk(nil, described.Config.Children)
	require.NotEmpty(t, paths)
	return paths
}

// set puts a value where a path leads to.
func set(conf map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		inner, ok := conf[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			conf[name] = inner
		}
		conf = inner
	}
	conf[path[len(path)-1]] = v
}
