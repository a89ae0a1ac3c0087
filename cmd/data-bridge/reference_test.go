package main

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const referencePath = "../../docs/configuration.md"

const referenceHead = `# Configuration reference

Generated from the plugins' own specs (` + "`make docs`" + `); a test fails when it is not up to date. Every field can be set from an environment
variable. Within double quotes, ` + "`\"${NAME:default}\"`" + `, the value may be any string, whatever its quotes, backslashes, colons and dollar signs: the binary escapes it, and what it is made of is
neither YAML nor another variable. Numbers and switches stand without quotes. Check a config with ` + "`data-bridge lint`" + `.
`

// The reference says what the specs say.
func TestConfigurationReference(t *testing.T) {
	env := service.GlobalEnvironment()
	var doc strings.Builder
	doc.WriteString(referenceHead)
	for _, c := range []struct {
		kind, name string
		get        func(string) (*service.ConfigView, bool)
	}{
		{"Input", "pausable_nats", env.GetInputConfig},
		{"Input", "pausable_nats_jetstream", env.GetInputConfig},
		{"Input", "pausable_kafka", env.GetInputConfig},
		{"Buffer", "backpressure", env.GetBufferConfig},
		{"Output", "clickhouse", env.GetOutputConfig},
		{"Output", "dead_letter_file", env.GetOutputConfig},
		{"Processor", "unframe", env.GetProcessorConfig},
		{"Metrics", "prometheus", env.GetMetricsConfig},
	} {
		view, ok := c.get(c.name)
		require.True(t, ok, c.name)
		data, err := view.TemplateData()
		require.NoError(t, err)
		writeReference(&doc, c.kind, data, optionalFields(t, view))
	}
	if *update {
		require.NoError(t, os.WriteFile(referencePath, []byte(doc.String()), 0o644))
	}
	have, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	assert.Equal(t, doc.String(), string(have), "docs/configuration.md is out of date: run make docs")
}

// heading is AsciiDoc's, as the host's own descriptions have it.
var heading = regexp.MustCompile(`(?m)^==(=* )`)

func writeReference(w *strings.Builder, kind string, data service.TemplateDataPlugin, optional map[string]bool) {
	w.WriteString("\n## " + kind + " `" + data.Name + "`\n\n" + strings.TrimSpace(data.Summary) + "\n\n")
	if d := strings.TrimSpace(data.Description); d != "" {
		w.WriteString(heading.ReplaceAllString(d, "###$1") + "\n\n")
	}
	w.WriteString("| field | type | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range data.Fields {
		w.WriteString("| `" + f.FullName + "` | " + f.Type + " | " + defaultOf(f, optional) + " | " + meaningOf(f) + " |\n")
	}
}

// optionalFields tells of each field, by its full name, whether it may be left out though it has
// no default.
func optionalFields(t *testing.T, view *service.ConfigView) map[string]bool {
	t.Helper()
	type field struct {
		Name     string  `json:"name"`
		Kind     string  `json:"kind"`
		Optional bool    `json:"is_optional"`
		Children []field `json:"children"`
	}
	data, err := view.FormatJSON()
	require.NoError(t, err)
	var spec struct {
		Config field `json:"config"`
	}
	require.NoError(t, json.Unmarshal(data, &spec))
	all := map[string]bool{}
	var walk func(prefix string, fields []field)
	walk = func(prefix string, fields []field) {
		for _, f := range fields {
			name := prefix + f.Name
			all[name] = f.Optional
			walk(name+map[string]string{"array": "[]", "2darray": "[][]", "map": ".<name>"}[f.Kind]+".", f.Children)
		}
	}
	walk("", spec.Config.Children)
	return all
}

func defaultOf(f service.TemplateDataPluginField, optional map[string]bool) string {
	switch {
	case f.DefaultMarshalled != "":
		return "`" + cell(f.DefaultMarshalled) + "`"
	case f.Type == "object":
		return ""
	case optional[f.FullName]:
		return "unset"
	}
	return "required"
}

func meaningOf(f service.TemplateDataPluginField) string {
	words := []string{strings.TrimSpace(f.Description)}
	for _, o := range f.AnnotatedOptions {
		words = append(words, "`"+o[0]+"`: "+o[1])
	}
	if len(f.Options) > 0 {
		words = append(words, "One of `"+strings.Join(f.Options, "`, `")+"`.")
	}
	if len(f.ExamplesMarshalled) > 0 {
		words = append(words, "Example: `"+strings.TrimSpace(f.ExamplesMarshalled[0])+"`.")
	}
	return cell(strings.Join(words, " "))
}

// cell makes text fit into a cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}
