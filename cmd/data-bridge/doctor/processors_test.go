package doctor

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Records are checked as the processors leave them, in the order in which run
// applies them: of the input, of what it is a part of, of the pipeline, of the output.
func TestProcessorsAreApplied(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, `{"n": [1]}`)
	input := strings.TrimSuffix(r.jetInput(""), "}") + `, processors: [{mapping: "root.id = this.n"}]}`
	yaml := r.config([]string{input}, "", "")
	yaml = strings.Replace(yaml, "]}}\nbuffer", "]}, processors: [{unarchive: {format: json_documents}}, {mapping: \"root.id = this.id.index(0)\"}]}\nbuffer", 1)
	yaml = strings.Replace(yaml, "  label: store", "  label: store\n  processors: [{mutation: \"root.name = this.mark\"}]", 1)
	yaml += "pipeline: {processors: [{mutation: 'root.mark = \"m\"'}]}\n"
	code, findings := examine(t, yaml)
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.OK, "records", "store", "all of 1 records fit")
	has(t, findings, checkup.Info, "fields", "store", "no column takes mark")
}

func TestProcessorsThatFailOrMayDoMore(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord, goodRecord)
	code, findings := examine(t, r.config([]string{r.jetInput("")}, "", "")+"pipeline: {processors: [{mapping: root.id = this.id.uppercase()}]}\n")
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "records", "store", "jet: the processors fail on 2 of 2 records")

	code, findings = examine(t, r.config([]string{r.jetInput("")}, "", "")+"pipeline: {processors: [{http: {url: 'http://127.0.0.1:1/'}}]}\n")
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.Info, "records", "store", "jet: processor http may do more than change messages")
	has(t, findings, checkup.OK, "records", "store", "all of 2 records fit")

	_, findings = examine(t, r.config([]string{r.jetInput("")}, "", "")+"pipeline: {processors: [{mapping: root = deleted()}]}\n")
	has(t, findings, checkup.Info, "records", "store", "the processors drop all of 2 records")
}

// What a processor fails at is a dead letter: it does not fit, and no column is judged by it.
func TestRecordsThatAProcessorFailsAtDoNotFit(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord, `{"id": -1, "name": "a"}`)
	failing := `pipeline: {processors: [{mapping: 'root = if this.id < 0 { throw("no such id") }'}]}` + "\n"
	code, findings := examine(t, r.config([]string{r.jetInput("")}, "", "")+failing)
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "records", "store", "jet: the processors fail on 1 of 2 records")
	has(t, findings, checkup.OK, "records", "store", "all of 1 records fit")
	for _, f := range findings {
		assert.NotContains(t, f.Saw, "would be rejected")
	}

	_, findings = examine(t, r.config([]string{r.jetInput("")}, "", ", on_processor_error: store")+failing)
	has(t, findings, checkup.Error, "records", "store", "1 of 2 records would be rejected: column \"id\" (UInt32): value -1")
}

// Frames are taken apart for the check as they are for an insert.
func TestFramesAreCheckedByRecord(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.topic(nil, goodRecord, goodRecord, `{"id": -1, "name": "a"}`)
	r.stream(jetstream.StreamConfig{}, goodRecord, goodRecord)
	_, findings := examine(t, r.config([]string{r.kafkaInput(", records_per_message: 10"), r.jetInput(", records_per_message: 10")}, "", ""))
	has(t, findings, checkup.Error, "records", "store", "1 of 5 records would be rejected: column \"id\" (UInt32): value -1")
	has(t, findings, checkup.OK, "memory", "buffer", "391 KiB beside them")
}

// Where a switch decides, or rows that failed come, it is not known which records
// arrive.
func TestOutputsBehindAChoice(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord)
	yaml := r.config([]string{r.jetInput("")}, "", "")
	before, store, _ := strings.Cut(yaml, "output:\n  label: store\n  clickhouse: ")
	yaml = before + "output: {switch: {cases: [{check: 'true', output: {label: store, clickhouse: " + strings.TrimSpace(store) + "}}, {output: {drop: {}}}]}}\n"
	code, findings := examine(t, yaml)
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.Info, "records", "store", "which records come here is up to the switch before it")
	has(t, findings, checkup.OK, "connection", "store", "its connection test passes")
}
