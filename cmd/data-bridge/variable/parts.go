package variable

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// Resources are the fields of a config that list resources.
var Resources = []string{"input_resources", "processor_resources", "output_resources", "cache_resources", "rate_limit_resources"}

// Parts are the parts of a config as they are used, with variables filled in and with
// their secrets: what the host prints has none. What the config does not have is not
// there.
func Parts(schema *service.ConfigSchema, text string) (map[string]any, error) {
	querier := schema.NewConfigQuerier()
	querier.SetEnvVarLookupFunc(Of(text))
	file, err := querier.ParseYAML(text)
	if err != nil {
		return nil, err
	}
	root := map[string]any{}
	for _, part := range append([]string{"input", "buffer", "pipeline", "output"}, Resources...) {
		field, err := file.FieldAtPath(part)
		if err != nil {
			continue // it is not there
		}
		value, err := field.FieldAny()
		if err != nil {
			return nil, err
		}
		root[part] = value
	}
	plain, err := yaml.Marshal(root) // parts of it are nodes yet
	if err != nil {
		return nil, err
	}
	clear(root)
	err = yaml.Unmarshal(plain, &root)
	maps.DeleteFunc(root, func(_ string, v any) bool { return v == nil })
	return root, err
}

// Add hands a value of Parts over as YAML, of which JSON is a part. Variables are filled
// in already: what looks like one is a string, and is written so that it no longer does.
func Add(to func(yaml string) error, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return to(strings.ReplaceAll(string(text), "$", `\u0024`))
}

// AddLabelled adds a component as a resource. One without a label gets its path,
// which is how it is called elsewhere too.
func AddLabelled(to func(yaml string) error, component any, path string) (name string, err error) {
	fields, ok := component.(map[string]any)
	if !ok {
		return "", fmt.Errorf("%s is missing", path)
	}
	labelled := map[string]any{"label": path}
	for key, value := range fields {
		if key != "label" || value != "" {
			labelled[key] = value
		}
	}
	name = fmt.Sprint(labelled["label"])
	return name, Add(to, labelled)
}
