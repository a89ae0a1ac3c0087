package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
)

// numbers are the variables of fields that are no strings: their values are read as
// YAML has them, and what is no number or no switch is refused by lint.
var numbers = map[string]bool{
	"INPUT_BATCH_COUNT": true, "RECORDS_PER_MESSAGE": true, "MAX_BUFFER_SIZE": true, "BATCH_COUNT": true, "CLICKHOUSE_MAX_IN_FLIGHT": true,
	"BACKPRESSURE_ENABLED": true, "STATUS_ENABLED": true, "ADMIN_ENABLED": true,
}

// awkward are values that mean something in YAML or in the host's variables.
var awkward = []string{
	"abc #def", "007", "a: b", "true", "null", `"q"`, "'s'", `back\slash`, `\n`, "${x}", "${{x}}", "[::]:8080", "@at", "*star", "&and", "!bang", "{x", "- x", " lead", "tail ",
	"a,b", "1e5", "2024-01-01", "a\nb", `all "of" 'it' \ #: ${x}`,
}

// shippedConfigs are those with variables, by their path.
func shippedConfigs(t *testing.T) map[string]string {
	t.Helper()
	configs := map[string]string{}
	for _, pattern := range []string{"config/*.yaml", "config/examples/*.yaml", "config/kubernetes/*/pipeline.yaml"} {
		paths, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			if strings.Contains(string(text), "${") && !strings.HasSuffix(path, "_benthos_test.yaml") {
				configs[strings.TrimPrefix(path, repository+"/")] = string(text)
			}
		}
	}
	for _, p := range pages(t) {
		for i, b := range p.fenced {
			if b.language == "yaml" && pipelinePart.MatchString(b.text) && strings.Contains(b.text, "${") {
				configs[fmt.Sprintf("%s %d", p.path, i)] = b.text
			}
		}
	}
	require.GreaterOrEqual(t, len(configs), 3)
	return configs
}

// leaves are the scalars of a parsed config, by their paths.
func leaves(t *testing.T, text string) map[string]any {
	t.Helper()
	q := schema().NewConfigQuerier()
	q.SetEnvVarLookupFunc(variable.Of(text))
	file, err := q.ParseYAML(text)
	if !assert.NoError(t, err) {
		return nil
	}
	all := map[string]any{}
	for _, part := range []string{
		"input", "buffer", "pipeline", "output", "http", "logger", "metrics", "shutdown_delay", "shutdown_timeout",
		"input_resources", "output_resources", "processor_resources",
	} {
		field, err := file.FieldAtPath(part)
		if err != nil {
			continue
		}
		value, err := field.FieldAny()
		require.NoError(t, err)
		written, err := yaml.Marshal(value)
		require.NoError(t, err)
		var plain any
		require.NoError(t, yaml.Unmarshal(written, &plain))
		flatten(part, plain, all)
	}
	return all
}

func flatten(path string, node any, into map[string]any) {
	switch node := node.(type) {
	case map[string]any:
		for k, v := range node {
			flatten(path+"."+k, v, into)
		}
	case []any:
		for i, v := range node {
			flatten(fmt.Sprintf("%s.%d", path, i), v, into)
		}
	default:
		into[path] = node
	}
}

var shippedVariable = regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)(:[^}]*)?\}`)

// Every variable of every shipped config takes any string, and changes nothing else.
func TestVariablesOfShippedConfigsTakeAnyString(t *testing.T) {
	marker := regexp.MustCompile(`xMarker([A-Z0-9_]+)x`)
	for name, text := range shippedConfigs(t) {
		t.Run(name, func(t *testing.T) {
			names := map[string]bool{}
			for _, m := range shippedVariable.FindAllStringSubmatch(text, -1) {
				names[m[1]] = true
				t.Setenv(m[1], "xMarker"+m[1]+"x")
			}
			marked := leaves(t, text)
			found := map[string]bool{}
			for _, v := range marked {
				for _, m := range marker.FindAllStringSubmatch(fmt.Sprint(v), -1) {
					found[m[1]] = true
				}
			}
			require.Equal(t, names, found, "a variable stands nowhere")
			for _, value := range awkward {
				for name := range names {
					t.Setenv(name, value)
				}
				got := leaves(t, text)
				require.Len(t, got, len(marked), "%q", value)
				for path, v := range marked {
					m := marker.FindStringSubmatch(fmt.Sprint(v))
					if m != nil && numbers[m[1]] {
						continue // typed; see TestVariablesThatAreNoNumbersAreRefusedByName
					}
					if s, ok := v.(string); ok {
						v = marker.ReplaceAllLiteralString(s, value)
					}
					assert.Equal(t, v, got[path], "%s of value %q", path, value)
				}
			}
		})
	}
}
