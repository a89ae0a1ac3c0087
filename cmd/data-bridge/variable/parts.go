package variable

import (
	"encoding/json"
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

// YAML writes a value of Parts as YAML, of which JSON is a part: what looks like a
// variable in it is a string, and is written so that it no longer does.
func YAML(v any) (yaml string, err error) {
	text, err := json.Marshal(v)
	return strings.ReplaceAll(string(text), "$", `\u0024`), err
}
