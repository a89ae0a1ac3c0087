package prometheus

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

const referencePath = "../../docs/metrics.md"

const referenceHead = `# Metrics

Generated from the exporter's catalogue (` + "`make docs`" + `); a test fails when it is not up to date. They are served at ` + "`/metrics`" + ` of the HTTP address
of the process (` + "`http.address`" + `, 4195) once the config says ` + "`metrics: {prometheus: {}}`" + `, as the shipped ones do. Rules, a dashboard and a scrape config that use them are in
` + "`config/monitoring/`" + `.

Every series has the labels ` + "`label`" + ` and ` + "`path`" + ` of the component that publishes it as well, and ` + "`stream`" + ` where the process runs several. Other exporters, such as
` + "`json_api`" + `, show a metric under the name in the second column. States are published once a second, edges of pauses and counts of inserts at once.

`

// The reference says what the catalogue says.
func TestMetricsReference(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(referenceHead)
	of := "-"
	for _, s := range Catalogue() {
		if s.Of != of {
			of = s.Of
			doc.WriteString(heading(of))
		}
		row := []string{"`" + s.FullName() + "`", "`" + s.Host + "`", string(s.Kind), code(s.Labels), s.Help}
		doc.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	doc.WriteString(referenceTail)
	if *update {
		require.NoError(t, os.WriteFile(referencePath, []byte(doc.String()), 0o644))
	}
	have, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	assert.Equal(t, doc.String(), string(have), "docs/metrics.md is out of date: run make docs")
}

func heading(of string) string {
	title := "`" + strings.ReplaceAll(of, ", ", "`, `") + "`"
	if of == "" {
		title = "The host's own"
	}
	return "\n## " + title + "\n\n| series | metric of the host | kind | labels of its own | meaning |\n| --- | --- | --- | --- | --- |\n"
}

func code(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	return "`" + strings.Join(labels, "`, `") + "`"
}

const referenceTail = `
## The process

` + "`data_bridge_build_info`" + ` names the build in its labels. ` + "`process_*`" + ` and ` + "`go_*`" + ` are those that every Go program shows: ` + "`process_resident_memory_bytes`" + `,
` + "`process_cpu_seconds_total`" + `, ` + "`go_goroutines`" + ` and so on.
`
