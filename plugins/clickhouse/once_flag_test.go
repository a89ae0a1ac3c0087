package clickhouse

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	_ "github.com/data-bridge-io/data-bridge/plugins/kafka"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// Whether an input relies on deduplication the topology of the stream says, and the
// inputs themselves where nobody knows that: an input of another generation, which has
// not closed yet, is nothing to this one.
func TestTheOutputKnowsWhetherAnInputReliesOnIt(t *testing.T) {
	for name, c := range map[string]struct {
		yaml       string // of the stream; empty where nobody knows it
		board, why bool
	}{
		"nobody knows, no input says so":    {"", false, false},
		"nobody knows, an input says so":    {"", true, true},
		"the stream has none":               {"exactly_once: false", false, false},
		"the stream before it had one":      {"exactly_once: false", true, false},
		"the stream has one":                {"exactly_once: true", true, true},
		"the stream has one, not built yet": {"exactly_once: true", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			res := service.MockResources()
			board := status.Of(res, "")
			board.SetExactlyOnce(t, c.board)
			if c.yaml != "" {
				conf, err := topology.Parse([]byte("input: {pausable_kafka: {seed_brokers: ['127.0.0.1:1'], topics: [a], consumer_group: a, " + c.yaml + "}}\noutput: {drop: {}}"))
				require.NoError(t, err)
				top, err := topology.New(conf, "")
				require.NoError(t, err)
				topology.Declare(res, top)
			}
			require.Equal(t, c.why, chunks(topology.Of(res), board)())
		})
	}
}
