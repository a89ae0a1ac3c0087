package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// ddlInComment is the table of dead letters in the head of the pipeline.
var ddlInComment = regexp.MustCompile(`(?m)^#   (CREATE TABLE .*(?:\n#   .*)+)`)

// The pipeline that the manifests bring stores what comes from JetStream and Kafka,
// and its dead letters, with their reasons, in the table that its head describes.
func TestKubernetesPipeline(t *testing.T) {
	t.Parallel()
	j := newJetRig(newRig(t, stack.KindChDB), "explicit") // the table has today's types
	j.yaml = "config/kubernetes/jetstream/pipeline.yaml"
	text, err := os.ReadFile(filepath.Join(root, j.yaml))
	require.NoError(t, err)
	ddl := ddlInComment.FindStringSubmatch(string(text))
	require.NotNil(t, ddl)
	require.NoError(t, j.ch.Exec(within(t), "DROP TABLE IF EXISTS market.dead_letters"))
	require.NoError(t, j.ch.Exec(within(t), strings.ReplaceAll(ddl[1], "\n#   ", "\n")))

	j.publish(marketdata.Candles, 20)
	bad := `{"stream":"` + j.id + `","seq":"twenty-one"}`
	_, err = j.js.Publish(within(t), j.subject(marketdata.Candles)+".bad", []byte(bad))
	require.NoError(t, err)
	j.publish(marketdata.External, 20)

	b := j.rig.start(env{"NATS_STREAM": j.name})
	b.until("all is settled", func(h harness.Health) bool {
		return h.Inputs["ch_candles"].Accepted == 21 && h.Inputs["external"].Accepted == 20 && h.Metrics.Backpressure.Level == 0
	})
	b.stop()
	for _, kind := range []marketdata.Kind{marketdata.Candles, marketdata.External} {
		assert.Equal(t, harness.Tally{Rows: 20, Distinct: 20, First: 1, Last: 20}, j.tally(kind), "%s", kind)
	}
	letters, err := j.ch.Query(within(t), "SELECT `table`, `column`, error, source, source_offset, record FROM market.dead_letters")
	require.NoError(t, err)
	require.Len(t, letters, 1)
	assert.Equal(t, []string{"candles", "seq"}, letters[0][:2])
	assert.Contains(t, letters[0][2], "not a number")
	assert.Equal(t, []string{"jetstream/" + j.name, "21", bad}, letters[0][3:])
}
