package topology_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An expression that reads what no input was asked for is found; one that says what to
// do without, or may get it another way, is not.
func TestMetadataIsAskedFor(t *testing.T) {
	const (
		plain = "input: {pausable_kafka: {}}\n"
		asked = "input: {pausable_kafka: {record_metadata: [kafka_offset]}}\n"
		jet   = "input: {pausable_nats_jetstream: {}}\n"
	)
	output := func(from string) string { return fmt.Sprintf("output: {clickhouse: {columns: {src: %q}}}\n", from) }
	src := []string{"output.clickhouse.columns.src"}
	const letter = "output.clickhouse.dead_letter."
	letters := func(mapping string) string {
		return fmt.Sprintf("output: {clickhouse: {dead_letter: {drop: {}, processors: [{mapping: %q}]}}}\n", mapping)
	}
	expect(t, map[string][]string{
		plain + output("@kafka_offset"):                                                                      src,
		plain + output(`@"kafka_offset"`):                                                                    src,
		plain + output(`metadata("kafka_offset").string()`):                                                  src,
		plain + output("this.x + @kafka_key.uppercase()"):                                                    src,
		plain + output("@kafka_partition"):                                                                   nil,
		plain + output("@kafka_offsets"):                                                                     nil,
		plain + output("@nats_sequence_stream"):                                                              nil, // of an input that is not there
		plain + output("@kafka_offset.or(0)"):                                                                nil,
		plain + output("@kafka_offset.number().catch(0)"):                                                    nil,
		plain + output("if @kafka_offset == null { 0 }"):                                                     nil,
		plain + output("kafka_offset"):                                                                       nil,
		asked + output("@kafka_offset"):                                                                      nil,
		asked + output("@kafka_key"):                                                                         src,
		jet + output("@nats_sequence_stream"):                                                                src,
		jet + output("@nats_stream"):                                                                         nil,
		"input: {pausable_nats: {}}\n" + output("@nats_reply_subject"):                                       src,
		"input: {pausable_kafka: {record_metadata: [headers]}}\n" + output("@kafka_key"):                     nil,
		"input: {pausable_kafka: {metadata: {kafka_key: x}}}\n" + output("@kafka_key"):                       nil,
		"input: {generate: {}}\n" + output("@kafka_offset"):                                                  nil,
		"input: {resource: elsewhere}\n" + output("@kafka_offset"):                                           nil,
		"input: {resource: in}\ninput_resources: [{label: in, pausable_kafka: {}}]\n" + output("@kafka_key"): src,
		"input: {broker: {inputs: [{pausable_kafka: {}}, {pausable_nats: {}}]}}\n" + output("@kafka_key"):    src,
		"input: {broker: {inputs: [{pausable_kafka: {}}, {pausable_kafka: {record_metadata: [kafka_key]}}]}}\n" + output("@kafka_key"): nil,
		"input: {broker: {inputs: [{pausable_kafka: {}}, {generate: {}}]}}\n" + output("@kafka_key"):                                   nil,

		plain + "output: {clickhouse: {table: '${! @kafka_key }', shard_by: '@kafka_offset'}}\n":             {"output.clickhouse.table", "output.clickhouse.shard_by"},
		plain + "output: {fallback: [{clickhouse: {table: '${! @kafka_key }'}}, {drop: {}}]}\n":              {"output.fallback.0.clickhouse.table"},
		plain + "pipeline: {processors: [{mapping: 'root.o = @kafka_offset'}]}\n" + output("o"):              {"pipeline.processors.0.mapping"},
		plain + "pipeline: {processors: [{try: [{mutation: 'root.o = meta(\"kafka_key\")'}]}]}\n":            {"pipeline.processors.0.try.0.mutation"},
		plain + "pipeline: {processors: [{mapping: 'meta kafka_offset = 1'}]}\n" + output("@kafka_offset"):   nil,
		plain + "pipeline: {processors: [{mapping: 'meta = {}'}]}\n" + output("@kafka_offset"):               nil,
		plain + "pipeline: {processors: [{mapping: 'root.x = this.y'}]}\n" + output("@kafka_offset"):         src,
		plain + "pipeline: {processors: [{log: {}}]}\n" + output("@kafka_offset"):                            src,
		plain + "pipeline: {processors: [{branch: {processors: [{noop: {}}]}}]}\n" + output("@kafka_offset"): nil,
		"input: {pausable_kafka: {}, processors: [{mapping: 'root.o = @kafka_key'}]}\n":                      {"input.processors.0.mapping"},

		plain + letters("root.o = @kafka_offset"):                       {letter + "processors.0.mapping"},
		plain + letters("root = @kafka_key.uppercase() + @kafka_topic"): {letter + "processors.0.mapping"},
		plain + letters("root.o = @clickhouse_source_offset"):           nil,
		plain + letters("root.o = @kafka_topic + @clickhouse_error"):    nil,
		plain + letters("root.o = @kafka_offset.or(0)"):                 nil,
		asked + letters("root.o = @kafka_offset"):                       nil,
		plain + "output: {clickhouse: {dead_letter: {resource: box}}}\noutput_resources: [{label: box, drop: {}, processors: [{mapping: 'root.o = @kafka_key'}]}]\n": {
			"output_resources.0.processors.0.mapping",
		},
		plain + "output: {clickhouse: {dead_letter: {broker: {outputs: [{clickhouse: {columns: {src: '@kafka_key'}}}, {drop: {}}]}}}}\n": {
			"output.clickhouse.dead_letter.broker.outputs.0.clickhouse.columns.src",
		},
	})
	said := judge(t, "input: {pausable_kafka: {records_per_message: 10}}\n"+output("@kafka_offset"), "").Err()
	assert.EqualError(t, said, `output.clickhouse.columns.src reads the metadata "kafka_offset", which no message has: add it to record_metadata of input.pausable_kafka, `+
		"which sets it only then (and not for messages of many records: records_per_message has to be 1)")
}

// What is asked for here the inputs take.
func TestMetadataKeysAreTheInputs(t *testing.T) {
	for input, keys := range map[string][]string{
		"pausable_kafka: {seed_brokers: [a:1], topics: [t], consumer_group: g": {"kafka_offset", "kafka_key", "kafka_timestamp_ms", "kafka_timestamp_unix"},
		"pausable_nats: {urls: ['nats://a:1'], subjects: [t]":                  {"nats_reply_subject"},
		"pausable_nats_jetstream: {urls: ['nats://a:1'], stream: s, durable: d": {
			"nats_sequence_stream", "nats_sequence_consumer", "nats_num_delivered", "nats_num_pending", "nats_timestamp_unix_nano",
		},
	} {
		for _, key := range keys {
			b := service.NewStreamBuilder()
			require.NoError(t, b.AddInputYAML(input+", record_metadata: ["+key+"]}"), key)
			name, _, _ := strings.Cut(input, ":")
			assert.Len(t, judge(t, "input: {"+name+": {}}\noutput: {clickhouse: {table: '${! @"+key+" }'}}", "").Faults(), 1, key)
		}
	}
}
