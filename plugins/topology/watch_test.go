package topology_test

import (
	"context"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// build has the host build a stream and returns what its buffer would be told, or the
// host's error.
func build(t *testing.T, text string) (*topology.Generation, error) {
	t.Helper()
	b := service.NewStreamBuilder()
	require.NoError(t, b.SetYAML("logger: {level: off}\n"+text))
	stream, err := b.Build()
	require.NoError(t, err)
	conf, err := topology.Parse([]byte(text))
	require.NoError(t, err)
	require.NoError(t, topology.Announce(stream.Resources(), conf))
	done := make(chan error, 1)
	go func() { done <- stream.Run(context.Background()) }()
	built := func() bool { return topology.Of(stream.Resources()).Topology() != nil }
	for {
		select {
		case err := <-done:
			return topology.Of(stream.Resources()), err
		case <-time.After(time.Millisecond):
			if built() && stream.StopWithin(10*time.Second) == nil {
				return topology.Of(stream.Resources()), <-done
			}
		}
	}
}

// Every stream that the host builds is judged, by what the host builds it from: in
// templates, in resources, and with defaults and labels.
func TestWatchedStreamsAreJudged(t *testing.T) {
	require.NoError(t, service.RegisterTemplateYAML(`
name: framed_template
type: input
mapping: 'root.broker.inputs = [{"pausable_kafka": {"seed_brokers": ["127.0.0.1:1"], "topics": ["a"], "consumer_group": "a", "records_per_message": 10}}]'
`))
	require.NoError(t, service.RegisterTemplateYAML(`
name: rejecting_template
type: output
mapping: 'root.clickhouse = {"addresses": ["127.0.0.1:1"], "table": "a", "dead_letter": {"reject": "bad"}}'
`))
	for name, c := range map[string]struct{ yaml, fault string }{
		"template in a switch": {
			"input: {generate: {mapping: root = 1, count: 1}}\nbuffer: {backpressure: {status_server: {enabled: false}}}\n" +
				"output: {switch: {cases: [{output: {rejecting_template: {}}}, {output: {drop: {}}}]}}", "output.switch.cases.0.output.clickhouse.dead_letter must not reject",
		},
		"fine":            {"input: {generate: {mapping: root = 1, count: 1}}\noutput: {drop: {}}", ""},
		"pipeline":        {"input: {" + framedInput + "}\npipeline: {processors: [{label: m, mapping: root = this}]}\noutput: {drop: {}}", "pipeline.processors.0.mapping would see"},
		"output":          {"input: {" + framedInput + "}\noutput: {drop: {}, processors: [{mapping: root = this}]}", "output.processors.0.mapping would see"},
		"switch":          {"input: {" + framedInput + "}\noutput: {switch: {cases: [{check: 'this.a == 1', output: {drop: {}}}]}}", "output.switch.cases.0.check would see"},
		"template":        {"input: {framed_template: {}}\npipeline: {processors: [{mapping: root = this}]}\noutput: {drop: {}}", "pipeline.processors.0.mapping would see"},
		"template within": {"input: {broker: {inputs: [{framed_template: {}}]}}\npipeline: {processors: [{mapping: root = this}]}\noutput: {drop: {}}", "pipeline.processors.0.mapping would see"},
		"resource": {
			"input: {" + framedInput + "}\npipeline: {processors: [{resource: m}]}\nprocessor_resources: [{label: m, mapping: root = this}]\noutput: {drop: {}}",
			"processor_resources.0.mapping would see",
		},
		"resource that takes apart": {
			"input: {" + framedInput + "}\npipeline: {processors: [{resource: u}, {mapping: root = this}]}\nprocessor_resources: [{label: u, unframe: {}}]\noutput: {drop: {}}", "",
		},
		"strict": {
			"error_handling: {strict: true}\ninput: {generate: {mapping: root = 1, count: 1}}\nbuffer: {backpressure: {status_server: {enabled: false}}}\noutput: {drop: {}}",
			"error_handling.strict must not be true",
		},
		"reject": {
			"input: {generate: {mapping: root = 1, count: 1}}\nbuffer: {backpressure: {status_server: {enabled: false}}}\n" +
				"output: {clickhouse: {addresses: ['127.0.0.1:1'], table: a, dead_letter: {reject: bad}}}", "output.clickhouse.dead_letter must not reject",
		},
	} {
		t.Run(name, func(t *testing.T) {
			generation, err := build(t, c.yaml)
			if c.fault != "" {
				require.ErrorContains(t, err, c.fault)
				return
			}
			require.NoError(t, err)
			assert.NotNil(t, generation.Topology())
		})
	}
}

const framedInput = "pausable_kafka: {seed_brokers: ['127.0.0.1:1'], topics: [a], consumer_group: a, records_per_message: 10}"
