package topology_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A value of another type than its field's is found before anything is built, and named.
func TestValuesFitTheirFields(t *testing.T) {
	for text, want := range map[string]string{
		"buffer: {backpressure: {max_buffer_size: lots}}":                   `buffer.backpressure.max_buffer_size ("lots") must be a whole number, without quotes`,
		"buffer: {backpressure: {max_buffer_size: 1000.5}}":                 "buffer.backpressure.max_buffer_size (1000.5) must be a whole number, without quotes",
		"buffer: {backpressure: {max_buffer_size: '1000'}}":                 `buffer.backpressure.max_buffer_size ("1000") must be a whole number, without quotes`,
		"buffer: {backpressure: {max_buffer_size: 1e3}}":                    "",
		"buffer: {backpressure: {max_buffer_size: '${N:5}'}}":               `buffer.backpressure.max_buffer_size ("5") must be a whole number, without quotes`,
		"buffer: {backpressure: {max_buffer_size: ${N:5}}}":                 "",
		"buffer: {backpressure: {enabled: 'false'}}":                        `buffer.backpressure.enabled ("false") must be true or false, without quotes`,
		"buffer: {backpressure: {batch: 5}}":                                "buffer.backpressure.batch (5) must be an object with the fields count, byte_size, period",
		"buffer: {backpressure: {batch: {count: x}}}":                       `buffer.backpressure.batch.count ("x") must be a whole number, without quotes`,
		"buffer: {backpressure: {figures: {ticks: [[a]]}}}":                 `buffer.backpressure.figures.ticks.0 (["a"]) must be a text; buffer.backpressure.figures.ticks ([["a"]]) names no input of this stream by its label: no input has a label`,
		"output: {clickhouse: {protocol: grpc}}":                            `output.clickhouse.protocol ("grpc") must be one of native, http`,
		"output: {clickhouse: {max_dead_letter_share: half}}":               `output.clickhouse.max_dead_letter_share ("half") must be a number, without quotes`,
		"output: {clickhouse: {max_dead_letter_share: 1}}":                  "",
		"output: {clickhouse: {settings: {a: 1, b: x}, table: 5}}":          "",
		"output: {fallback: [{clickhouse: {deduplicate: yes}}]}":            "output.fallback.0.clickhouse.deduplicate (\"yes\") must be one of auto, on, off",
		"output: {broker: {outputs: [{clickhouse: {deduplicate: maybe}}]}}": `output.broker.outputs.0.clickhouse.deduplicate ("maybe") must be one of auto, on, off`,
	} {
		text = "input: {pausable_kafka: {}}\n" + text
		err := judge(t, text, "").Err()
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.EqualError(t, err, want, text)
		}
	}
	assert.EqualError(t, judge(t, "input: {resource: in}\ninput_resources: [{label: in, pausable_nats_jetstream: {deliver: some}}]", "").Err(),
		`input_resources.0.pausable_nats_jetstream.deliver ("some") must be one of all, by_start_sequence, by_start_time, last, last_per_subject, new`)
}

// Figures of inputs that are not there are found, unless some are or may come.
func TestGroupsAreOfInputs(t *testing.T) {
	expect(t, map[string][]string{
		"input: {label: ticks, pausable_nats: {}}\nbuffer: {backpressure: {groups: {CH: [ticks, candles], Ext: [external]}}}":    {"buffer.backpressure.groups.Ext"},
		"input: {label: ticks, pausable_nats: {}}\nbuffer: {backpressure: {figures: {external: [tickz]}}}":                       {"buffer.backpressure.figures.external"},
		"input: {label: ticks, pausable_nats: {}}\nbuffer: {backpressure: {}}":                                                   nil,
		"input: {label: ticks, pausable_nats: {}}\nbuffer: {backpressure: {groups: {CH: [ticks]}, figures: {ch_buffer: CH}}}":    nil,
		"input: {label: ticks, pausable_nats: {}}\nbuffer: {backpressure: {groups: {CH: [ticks]}, figures: {ch_buffer: X}}}":     {"buffer.backpressure.figures.ch_buffer"},
		"input: {broker: {inputs: [{label: a, generate: {}}]}}\nbuffer: {backpressure: {groups: {CH: [a]}}}":                     nil,
		"input: {dynamic: {}}\nbuffer: {backpressure: {groups: {CH: [a]}}}":                                                      nil,
		"input: {resource: a}\nbuffer: {backpressure: {groups: {CH: [a]}}}":                                                      nil,
		"input: {resource: a}\nbuffer: {backpressure: {groups: {CH: [a, b]}}}\ninput_resources: [{label: a, pausable_nats: {}}]": nil,
	})
}
