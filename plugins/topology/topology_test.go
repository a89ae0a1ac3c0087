package topology_test

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// judge is the topology of a config.
func judge(t *testing.T, text, stream string) *topology.Topology {
	t.Helper()
	conf, err := topology.Parse([]byte(text))
	require.NoError(t, err)
	judged, err := topology.New(conf, stream)
	require.NoError(t, err)
	return judged
}

// paths are where the faults are.
func paths(t *topology.Topology) []string {
	found := []string{}
	for _, f := range t.Faults() {
		found = append(found, f.Path)
	}
	return found
}

// expect compares the places of faults with a table from configs to them.
func expect(t *testing.T, table map[string][]string) {
	t.Helper()
	for text, want := range table {
		if want == nil {
			want = []string{}
		}
		assert.ElementsMatch(t, want, paths(judge(t, text, "")), text)
	}
}

const framed = "pausable_kafka: {records_per_message: 10}"

// What looks into messages on the way from an input that makes frames is found,
// wherever it stands; what does not look, and what stands behind an unframe, is not.
func TestNothingSeesFrames(t *testing.T) {
	const apart = "output: {clickhouse: {}}\n"
	input := "input: {" + framed + "}\n"
	expect(t, map[string][]string{
		"input: {pausable_kafka: {}}\npipeline: {processors: [{mapping: root = this}]}\n" + apart:                                           nil,
		"input: {pausable_kafka: {records_per_message: 1}}\npipeline: {processors: [{mapping: root = this}]}\n" + apart:                     nil,
		"input: {pausable_kafka: {records_per_message: ${N:1}}}\npipeline: {processors: [{mapping: root = this}]}\n":                        nil,
		"input: {pausable_kafka: {records_per_message: ${N:10}}}\npipeline: {processors: [{mapping: root = this}]}\n":                       {"pipeline.processors.0.mapping"},
		input + "pipeline: {processors: [{mapping: root = this}, {noop: {}}]}\n" + apart:                                                    {"pipeline.processors.0.mapping"},
		input + "pipeline: {processors: [{log: {message: x}}]}\n" + apart:                                                                   nil,
		input + "pipeline: {processors: [{log: {}}, {unframe: {}}, {mapping: root = this}]}\n" + apart:                                      nil,
		input + "pipeline: {processors: [{try: [{unframe: {}}, {mapping: root = this}]}, {mapping: root = this}]}\n":                        nil,
		input + "pipeline: {processors: [{for_each: [{log: {}}]}, {try: [{mapping: root = this}]}]}\n":                                      {"pipeline.processors.1.try.0.mapping"},
		input + "pipeline: {processors: [{catch: [{unframe: {}}]}, {mapping: root = this}]}\n":                                              {"pipeline.processors.1.mapping"},
		input + "pipeline: {processors: [{catch: [{mapping: root = this}]}]}\n":                                                             {"pipeline.processors.0.catch.0.mapping"},
		input + "pipeline: {processors: [{resource: apart}, {mapping: root = this}]}\nprocessor_resources: [{label: apart, unframe: {}}]\n": nil,
		input + "pipeline: {processors: [{resource: changes}]}\nprocessor_resources: [{label: changes, mapping: root = this}]\n":            {"processor_resources.0.mapping"},
		input + "pipeline: {processors: [{resource: elsewhere}]}\n":                                                                         {"pipeline.processors.0.resource"},
		input + "pipeline: {processors: [{resource: loop}]}\nprocessor_resources: [{label: loop, try: [{resource: loop}]}]\n":               nil,

		"input: {processors: [{mapping: root = this}], " + framed + "}":                                                                {"input.processors.0.mapping"},
		"input: {broker: {inputs: [{pausable_nats: {}}, {" + framed + "}]}, processors: [{mapping: root = this}]}":                     {"input.processors.0.mapping"},
		"input: {broker: {inputs: [{" + framed + ", processors: [{mapping: root = this}]}]}}":                                          {"input.broker.inputs.0.processors.0.mapping"},
		"input: {broker: {inputs: [{" + framed + ", processors: [{unframe: {}}]}]}}\npipeline: {processors: [{mapping: root = this}]}": nil,
		"input: {broker: {inputs: [{pausable_nats: {}, processors: [{mapping: root = this}]}, {" + framed + "}]}}":                     nil,
		"input: {broker: {inputs: [{" + framed + "}], batching: {count: 5, check: 'this.x == 1', processors: [{archive: {format: lines}}]}}}": {
			"input.broker.batching.check", "input.broker.batching.processors.0.archive",
		},
		"input: {sequence: {inputs: [{" + framed + "}]}, processors: [{mapping: root = this}]}":                                   {"input.processors.0.mapping"},
		"input: {sequence: {inputs: [{" + framed + "}], sharded_join: {type: full-outer, id_path: a}}}":                           {"input.sequence.sharded_join"},
		"input: {read_until: {check: 'this.x == 1', input: {" + framed + "}}}":                                                    {"input.read_until.check"},
		"input: {read_until: {idle_timeout: 1s, input: {" + framed + "}}}":                                                        nil,
		"input: {dynamic: {inputs: {a: {" + framed + ", processors: [{mapping: root = this}]}}}}":                                 {"input.dynamic.inputs.a.processors.0.mapping"},
		"input: {batched: {child: {" + framed + "}, policy: {count: 2, check: 'this.x == 1'}}}":                                   {"input.batched.policy.check"},
		"input: {resource: in}\npipeline: {processors: [{mapping: root = this}]}\ninput_resources: [{label: in, " + framed + "}]": {"pipeline.processors.0.mapping"},
		"input: {resource: in}\ninput_resources: [{label: in, " + framed + ", processors: [{mapping: root = this}]}]":             {"input_resources.0.processors.0.mapping"},

		input + "output: {clickhouse: {dead_letter: {processors: [{mapping: root = this}], drop: {}}}}":                           nil,
		input + "output: {clickhouse: {}, processors: [{mapping: root = this}]}":                                                  {"output.processors.0.mapping"},
		input + "output: {clickhouse: {}, processors: [{unframe: {}}, {mapping: root = this}]}":                                   nil,
		input + "output: {switch: {cases: [{check: 'this.a == 1', output: {drop: {}}}, {output: {clickhouse: {}}}]}}":             {"output.switch.cases.0.check"},
		input + "output: {processors: [{unframe: {}}], switch: {cases: [{check: 'this.a == 1', output: {drop: {}}}]}}":            nil,
		input + "output: {broker: {outputs: [{clickhouse: {}, processors: [{mapping: root = this}]}, {drop: {}}]}}":               {"output.broker.outputs.0.processors.0.mapping"},
		input + "output: {broker: {outputs: [{clickhouse: {}}], batching: {check: 'true', count: 3}}}":                            {"output.broker.batching.check"},
		input + "output: {fallback: [{clickhouse: {}}, {file: {path: a}}]}":                                                       nil,
		input + "output: {fallback: [{clickhouse: {}}, {file: {path: a, codec: all-bytes}}]}":                                     {"output.fallback.1.file"},
		input + "output: {retry: {output: {http_client: {url: 'http://a'}}}}":                                                     {"output.retry.output.http_client"},
		input + "output: {resource: out}\noutput_resources: [{label: out, clickhouse: {}, processors: [{mapping: root = this}]}]": {"output_resources.0.processors.0.mapping"},
		input + "output: {resource: out}\noutput_resources: [{label: out, clickhouse: {}}]":                                       nil,
		input + "output: {clickhouse: {dead_letter: {reject: no}}}":                                                               {"output.clickhouse.dead_letter"},
		input + "output: {fallback: [{clickhouse: {dead_letter: {reject: no}}}, {drop: {}}]}":                                     {"output.fallback.0.clickhouse.dead_letter"},
		input + "pipeline: {processors: [{unframe: {}}]}\noutput: {clickhouse: {dead_letter: {reject: no}}}":                      nil,
	})
}

// What cuts chunks anew is found, and named.
func TestNothingCutsChunks(t *testing.T) {
	const once = "pausable_kafka: {exactly_once: true}"
	input := "input: {" + once + "}\n"
	expect(t, map[string][]string{
		input + "buffer: {backpressure: {}}\npipeline: {processors: [{mapping: root = this}]}\noutput: {clickhouse: {}}": nil,
		input + "buffer: {memory: {}}\n": {"buffer.memory"},
		"input: {broker: {inputs: [{pausable_kafka: {}}], batching: {count: 10, period: 1s}}}":                                 nil,
		"input: {broker: {inputs: [{" + once + "}], batching: {count: 10, period: 1s}}}":                                       {"input.broker.batching"},
		"input: {broker: {inputs: [{" + once + "}, {" + once + "}], batching: {period: 1s}}}":                                  {"input.broker.batching"},
		"input: {broker: {inputs: [{" + once + "}], batching: {count: 0, byte_size: 0}}}":                                      nil,
		"input: {broker: {inputs: [{" + once + "}]}}":                                                                          nil,
		"input: {batched: {child: {" + once + "}, policy: {count: 10}}}":                                                       {"input.batched.policy"},
		"input: {sequence: {inputs: [{" + once + "}], sharded_join: {type: outer, id_path: a}}}":                               {"input.sequence.sharded_join"},
		"input: {processors: [{unarchive: {format: lines}}], " + once + "}":                                                    {"input.processors.0.unarchive"},
		"input: {resource: in}\ninput_resources: [{label: in, " + once + ", processors: [{split: {}}]}]":                       {"input_resources.0.processors.0.split"},
		input + "pipeline: {processors: [{try: [{group_by_value: {value: a}}]}]}":                                              {"pipeline.processors.0.try.0.group_by_value"},
		input + "pipeline: {processors: [{switch: [{processors: [{archive: {format: lines}}]}]}]}":                             {"pipeline.processors.0.switch.0.processors.0.archive"},
		input + "pipeline: {processors: [{branch: {processors: [{unarchive: {format: lines}}, {archive: {format: lines}}]}}]}": nil,
		input + "pipeline: {processors: [{resource: r}]}\nprocessor_resources: [{label: r, dedupe: {cache: c, key: a}}]":       {"processor_resources.0.dedupe"},
		input + "output: {clickhouse: {}, processors: [{group_by: [{check: 'true', processors: []}]}]}":                        {"output.processors.0.group_by"},
		input + "output: {broker: {outputs: [{clickhouse: {}}], batching: {count: 3}}}":                                        {"output.broker.batching"},
	})
	judged := judge(t, "input: {label: a, broker: {inputs: [{"+once+"}], batching: {count: 10}}}", "")
	assert.ErrorContains(t, judged.Err(), "input.broker.batching would make other batches of the chunks that input.broker.inputs.0 announces (exactly_once)")
}

// The buffer, the inputs that it pauses and the output that /health shows have one
// gate: names that do not meet are refused, and a component of the stream that names
// none has the buffer's.
func TestGatesMeet(t *testing.T) {
	const (
		resources = "input: {resource: in}\ninput_resources: [{label: in, pausable_nats: {gate: market}}]\n"
		output    = "output: {clickhouse: {}}\n"
	)
	expect(t, map[string][]string{
		"input: {pausable_nats: {}}\nbuffer: {backpressure: {}}\n" + output:                                                   nil,
		"input: {pausable_nats: {}}\nbuffer: {backpressure: {gate: market}}\n" + output:                                       nil,
		resources + "buffer: {backpressure: {gate: market}}\n" + output:                                                       nil,
		resources + "buffer: {backpressure: {}}\n" + output:                                                                   {"input_resources.0.pausable_nats.gate"},
		resources + "buffer: {none: {}}\n" + output:                                                                           nil,
		"input: {pausable_nats: {gate: a}}\nbuffer: {backpressure: {gate: b}}\n" + output:                                     {"input.pausable_nats.gate"},
		"buffer: {backpressure: {}}\noutput: {fallback: [{clickhouse: {gate: b}}, {drop: {}}]}\n":                             {"output.fallback.0.clickhouse.gate"},
		"buffer: {backpressure: {gate: a}}\noutput: {resource: out}\noutput_resources: [{label: out, clickhouse: {gate: b}}]": {"output_resources.0.clickhouse.gate"},
		"buffer: {backpressure: {}}\noutput: {resource: out}\noutput_resources: [{label: out, clickhouse: {}}]":               nil,
	})
	expect(t, map[string][]string{
		"input: {resource: in}\ninput_resources: [{label: in, pausable_nats: {}}]\nbuffer: {backpressure: {gate: market}}\n" + output: nil, // found by Gate
		"input: {resource: a}\ninput_resources: [{label: a, resource: a}]\nbuffer: {backpressure: {}}\n" + output:                     nil, // ends
	})
	const unnamed = "input: {resource: in}\ninput_resources: [{label: in, pausable_nats: {}}]\nbuffer: {backpressure: {}}\n" + output
	assert.Empty(t, paths(judge(t, unnamed, "")))
	assert.Equal(t, []string{"input_resources.0.pausable_nats.gate"}, paths(judge(t, unnamed, "orders")), "in streams mode a resource belongs to no stream")
	assert.Equal(t, map[string][]string{"market": {"buffer", "input_resources.0", "output"}},
		judge(t, resources+"buffer: {backpressure: {gate: market}}\n"+output, "").Gates())
}

// A reject within the dead letter would be given the same rows for ever, whatever stands
// around the output.
func TestDeadLettersAreTaken(t *testing.T) {
	const letter = "output.clickhouse.dead_letter"
	in := func(within string) string { return "output: {clickhouse: {dead_letter: {" + within + "}}}\n" }
	resources := "output_resources: [{label: no, reject: bad}, {label: yes, drop: {}}]\n"
	expect(t, map[string][]string{
		in("reject: bad"): nil, // see below
		in("broker: {outputs: [{drop: {}}, {reject: bad}]}"):                                                  {letter + ".broker.outputs.1"},
		in("switch: {cases: [{check: errored(), output: {reject: bad}}]}"):                                    {letter + ".switch.cases.0.output"},
		in("resource: no") + resources:                                                                        {"output_resources.0"},
		in("resource: yes") + resources:                                                                       nil,
		in("drop_on: {back_pressure: 1s, output: {reject: bad}}"):                                             {letter + ".drop_on.output"},
		in("drop_on: {error: false, error_patterns: [], output: {reject: bad}}"):                              {letter + ".drop_on.output"},
		in("drop_on: {error: true, output: {reject: bad}}"):                                                   nil,
		in("drop_on: {error_patterns: [bad], output: {reject: bad}}"):                                         nil,
		in("fallback: [{dead_letter_file: {path: x}}, {reject: bad}]"):                                        {letter + ".fallback.1"},
		in("fallback: [{reject: bad}, {drop: {}}]"):                                                           nil,
		in("retry: {output: {reject: bad}}"):                                                                  {letter + ".retry.output"},
		in("fallback: [{broker: {outputs: [{resource: no}]}}, {resource: no}]") + resources:                   {"output_resources.0", "output_resources.0"},
		in("clickhouse: {dead_letter: {reject: bad}}"):                                                        nil,
		in("clickhouse: {dead_letter: {broker: {outputs: [{reject: bad}]}}}"):                                 {letter + ".clickhouse.dead_letter.broker.outputs.0"},
		in("fallback: [{clickhouse: {dead_letter: {reject: bad}}}, {drop: {}}]"):                              nil,
		"output: {fallback: [{clickhouse: {dead_letter: {broker: {outputs: [{reject: bad}]}}}}, {drop: {}}]}": {"output.fallback.0.clickhouse.dead_letter.broker.outputs.0"},
		"output: {reject: bad}":                                                                               nil,
	})
}

// dead_letter: reject is refused behind our buffer, unless a fallback takes what is
// handed back.
func TestRejectsAreCaught(t *testing.T) {
	const (
		reject = "{clickhouse: {dead_letter: {reject: bad}}}"
		buffer = "buffer: {backpressure: {}}\n"
	)
	expect(t, map[string][]string{"output: " + reject: nil})
	expect(t, map[string][]string{buffer + "output: " + reject: {"output.clickhouse.dead_letter"}})
	expect(t, map[string][]string{
		buffer + "output: {clickhouse: {dead_letter: {drop: {}}}}":                                                     nil,
		buffer + "output: {fallback: [" + reject + ", {drop: {}}]}":                                                    nil,
		buffer + "output: {fallback: [" + reject + ", {reject: no}]}":                                                  {"output.fallback.0.clickhouse.dead_letter"},
		buffer + "output: {fallback: [" + reject + ", {resource: r}]}\noutput_resources: [{label: r, reject: no}]":     {"output.fallback.0.clickhouse.dead_letter"},
		buffer + "output: {drop_on: {error: true, output: " + reject + "}}":                                            nil,
		buffer + "output: {fallback: [{drop: {}}, " + reject + "]}":                                                    {"output.fallback.1.clickhouse.dead_letter"},
		buffer + "output: {fallback: [{retry: {output: " + reject + "}}, {drop: {}}]}":                                 {"output.fallback.0.retry.output.clickhouse.dead_letter"},
		buffer + "output: {retry: {output: {fallback: [" + reject + ", {drop: {}}]}}}":                                 nil,
		buffer + "output: {broker: {outputs: [" + reject + "]}}":                                                       {"output.broker.outputs.0.clickhouse.dead_letter"},
		buffer + "output: {resource: out}\noutput_resources: [{label: out, clickhouse: {dead_letter: {reject: bad}}}]": {"output_resources.0.clickhouse.dead_letter"},
	})
}

// Strict error handling of the host is refused behind our buffer: half of a batch
// would be written again and again.
func TestStrictErrorHandlingIsRefused(t *testing.T) {
	const output, strict = "output: {clickhouse: {}}\n", "error_handling: {strict: true}\n"
	expect(t, map[string][]string{
		"buffer: {backpressure: {}}\n" + output + strict:                              {"error_handling.strict"},
		"buffer: {backpressure: {}}\n" + output + "error_handling: {strict: false}\n": nil,
		"buffer: {memory: {}}\n" + output + strict:                                    nil,
		output + strict: nil,
	})
}

// What the inputs and the buffer ask.
func TestAnswers(t *testing.T) {
	const input = "input: {pausable_kafka: {}}\nbuffer: {backpressure: {}}\n"
	for text, want := range map[string]struct{ originals, frames, once bool }{
		input + "output: {label: ch, clickhouse: {dead_letter: {drop: {}, processors: [{noop: {}}]}}}": {true, true, true},
		input + "output: {clickhouse: {}, processors: []}\npipeline: {threads: 4, processors: []}":     {true, true, true},
		"input: {pausable_kafka: {}, processors: [{mapping: root = this}]}\noutput: {clickhouse: {}}":  {true, false, true},
		input + "output: {clickhouse: {}}\npipeline: {processors: [{mapping: root = this}]}":           {false, false, true},
		input + "output: {clickhouse: {}}\npipeline: {processors: [{log: {}}]}":                        {false, true, true},
		input + "output: {clickhouse: {}, processors: [{unarchive: {format: lines}}]}":                 {false, false, false},
		input + "output: {fallback: [{clickhouse: {}}, {drop: {}}]}":                                   {false, true, true},
		input + "output: {resource: out}\noutput_resources: [{label: out, clickhouse: {}}]":            {false, true, true},
		input + "output: {drop: {}}": {false, true, true},
		"input: {broker: {inputs: [{pausable_kafka: {}}], batching: {count: 3}}}\noutput: {clickhouse: {}}": {true, true, false},
	} {
		judged := judge(t, text, "")
		assert.Equal(t, want.originals, judged.Originals(), "originals: %s", text)
		assert.Equal(t, want.frames, judged.Frames(), "frames: %s", text)
		assert.Equal(t, want.once, judged.ExactlyOnce(), "exactly once: %s", text)
	}
	for _, nothing := range []*topology.Topology{nil, {}} {
		assert.False(t, nothing.Originals() || nothing.Frames() || nothing.ExactlyOnce(), "who knows nothing allows nothing")
		assert.NoError(t, nothing.Err())
		assert.Empty(t, nothing.Gates())
	}
}

// A fault tells the line of its component.
func TestFaultsTellTheLine(t *testing.T) {
	judged := judge(t, "input:\n  "+framed+"\npipeline:\n  processors:\n    - log: {}\n    - mapping: root = this\n", "")
	require.Len(t, judged.Faults(), 1)
	assert.Equal(t, 6, judged.Faults()[0].Line)
}

// Resources of other files are found once they are joined.
func TestResourcesOfOtherFiles(t *testing.T) {
	conf, err := topology.Parse([]byte("input: {" + framed + "}\npipeline: {processors: [{resource: apart}, {mapping: root = this}]}\n"))
	require.NoError(t, err)
	assert.Error(t, topology.Lint(conf))
	other, err := topology.Parse([]byte("processor_resources: [{label: apart, unframe: {}}]\n"))
	require.NoError(t, err)
	assert.NoError(t, topology.Lint(conf.Join(other)))
	assert.Error(t, topology.Lint(conf), "joining changes nothing")
}

// A component that names no gate has that of its stream's buffer; where nobody knows
// the stream, it has none.
func TestGate(t *testing.T) {
	res := service.MockResources()
	assert.Empty(t, topology.Gate(res, ""))
	assert.Equal(t, "own", topology.Gate(res, "own"))
	topology.Declare(res, judge(t, "input: {pausable_nats: {}}\nbuffer: {backpressure: {gate: market}}\noutput: {drop: {}}", ""))
	assert.Equal(t, "market", topology.Gate(res, ""))
	assert.Equal(t, "own", topology.Gate(res, "own"))
	topology.Declare(res, judge(t, "input: {pausable_nats: {}}\nbuffer: {none: {}}\noutput: {drop: {}}", ""))
	assert.Empty(t, topology.Gate(res, ""))
}
