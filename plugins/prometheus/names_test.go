package prometheus

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// made finds what plugins name a metric: by the host's functions, by the
// shorthands of the status board, and with the prefix of an output.
var made = regexp.MustCompile(`\.(New(?:Counter|Gauge|Timer))\((prefix ?\+ ?)?"(\w+)"|\b(counter|gauge)\("(source_\w+)"\)`)

// Every metric that a plugin publishes is in the catalogue, as what it is, and
// everything of ours in the catalogue is published.
func TestCatalogueHasWhatPluginsPublish(t *testing.T) {
	kinds := map[string]Kind{"NewCounter": KindCounter, "counter": KindCounter, "NewGauge": KindGauge, "gauge": KindGauge, "NewTimer": KindHistogram}
	published := map[string]Kind{}
	plugins := os.DirFS("..")
	require.NoError(t, fs.WalkDir(plugins, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "prometheus/") {
			return err
		}
		source, err := fs.ReadFile(plugins, path)
		for _, m := range made.FindAllStringSubmatch(string(source), -1) {
			name := m[3] + m[5]
			if m[2] != "" {
				name = "clickhouse" + name
			}
			published[name] = kinds[m[1]+m[4]]
		}
		return err
	}))
	known := map[string]Kind{}
	for _, s := range Catalogue() {
		if s.Of != "" {
			known[s.Host] = s.Kind
		}
	}
	assert.Equal(t, known, published)
}
