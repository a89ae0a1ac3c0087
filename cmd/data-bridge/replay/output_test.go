//go:build unix

package replay

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// The clickhouse output is found wherever it stands, and gets the letters alone: no
// other output of its broker, and no processor before it, gets them a second time.
func TestTheOutputIsFoundWhereverItStands(t *testing.T) {
	r := newRig(t)
	other := "{file: {path: '" + r.path("other") + "', codec: lines}}"
	twice := "processors: [{mapping: 'root = this.assign({\"id\": 99})'}]"
	n := 0
	for what, output := range map[string]string{
		"a resource":            "output: {resource: ch}\noutput_resources:\n- label: ch\n  " + twice + "\n  %s\n",
		"a processed resource":  "output:\n  resource: ch\n  " + twice + "\noutput_resources:\n- label: ch\n  %s\n",
		"of a broker":           "output:\n  broker:\n    outputs:\n    - " + other + "\n    - {%s}\n  " + twice + "\n",
		"of a switch":           "output:\n  switch:\n    cases:\n    - {check: 'this.id == 0', output: {label: ch, %s}}\n    - {output: " + other + "}\n",
		"a fallback's resource": "output:\n  fallback: [{resource: ch}, " + other + "]\noutput_resources:\n- label: ch\n  %s\n",
		"in a resource":         "output: {resource: a}\noutput_resources:\n- label: a\n  fallback: [{resource: ch}, {drop: {}}]\n- label: ch\n  %s\n",
	} {
		r.output = output
		n++
		out, _ := r.replay(ExitStored, r.write(fmt.Sprintf("dead%d.jsonl", n), recordsOf(n, n)...))
		require.Contains(t, out, "1 dead letters of 1 files tried: 1 stored, 0 dead letters again", what)
		require.Equal(t, numbers(1, n), r.ids(), what)
	}
	require.NoFileExists(t, r.path("other"))

	r.output = "output:\n  broker:\n    outputs:\n    - {label: one, %s}\n    - {%s}\n"
	path := r.write("dead.jsonl", recordsOf(7, 7)...)
	_, words := r.replay(ExitUnfinished, path)
	assert.Contains(t, words, "it has several clickhouse outputs (one, output.broker.outputs.1): say by --output whose dead letters these are")
	_, words = r.replay(ExitUnfinished, "--output", "two", path)
	assert.Contains(t, words, `--output ("two") must be the label, or the path, of one of its clickhouse outputs (one, output.broker.outputs.1)`)
	r.replay(ExitStored, "--output", "output.broker.outputs.1", path)
	assert.Equal(t, numbers(1, 7), r.ids())
}

// Outputs of which none can be seen to be one of ClickHouse get the letters as a whole.
func TestAnotherOutputGetsTheLettersAsAWhole(t *testing.T) {
	for config, want := range map[string]chosen{
		"output: {resource: x}":        {name: "x"},
		"output: {label: a, drop: {}}": {name: "a", conf: map[string]any{"label": "a", "drop": map[string]any{}}},
		"output: {resource: x, processors: []}": {name: "output", conf: map[string]any{"label": "output", "broker": map[string]any{
			"outputs": []any{map[string]any{"resource": "x", "processors": []any{}}},
		}}},
	} {
		var parts map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(config), &parts))
		got, err := choose(parts, "")
		require.NoError(t, err, config)
		assert.Equal(t, want, *got, config)
	}
}

// A letter of several rows is several rows: what is stored is counted by them.
func TestALetterOfSeveralRowsIsCountedByItsRows(t *testing.T) {
	r := newRig(t)
	path := r.write("dead.jsonl", `[{"id":1},{"id":"x"},{"id":"y"},{"id":"z"}]`)
	out, _ := r.replay(ExitLeft, path)
	assert.Equal(t, "1 dead letters of 1 files tried: 1 stored, 3 dead letters again (of 4 rows: a letter may hold several)\n", out)
	assert.Equal(t, "1", r.ids())
}

// What an output hands back that rejects bad rows is kept, and its neighbours are stored.
func TestWhatIsRejectedIsLeft(t *testing.T) {
	r := newRig(t)
	path := r.write("dead.jsonl", `{"id":1}`, `{"id":"x"}`, `{"id":2}`)
	lines := strings.SplitAfter(r.read(path), "\n")
	r.deadLetter = "{reject: 'no'}"
	r.output = "output:\n  fallback: [{%s}, {drop: {}}]\n"
	out, _ := r.replay(ExitLeft, path)
	assert.Contains(t, out, "2 dead letters of 1 files tried: 2 stored, 0 dead letters again; 1 lines could not be sent")
	assert.Equal(t, lines[1], r.read(r.only("dead.jsonl.left-")))
	assert.Equal(t, "1 2", r.ids())
}

// However often a record is a dead letter again, it is the same one, with its metadata,
// be that under the names of the reason, and with where it first came from; also when
// there are more of them than a table's bad rows may be.
func TestADeadLetterStaysWhatItWas(t *testing.T) {
	r := newRig(t)
	r.naming = "${! @clickhouse_table }"
	path := r.path("dead.jsonl")
	const letters = 150
	var text strings.Builder
	for i := range letters {
		line, err := json.Marshal(map[string]any{
			"record": `{"id":"x"}`, "source": "market[3]", "offset": i, "metadata_base64": map[string][]byte{"key": []byte("\xff")},
			"metadata": map[string]string{"clickhouse_table": r.table, "clickhouse_source": "mine", "n": fmt.Sprint(i)},
		})
		require.NoError(t, err)
		text.Write(append(line, '\n'))
	}
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	size := 0
	for range 3 {
		out, _ := r.replay(ExitLeft, path)
		require.Contains(t, out, "150 dead letters of 1 files tried: 0 stored, 150 dead letters again")
		lines := strings.Split(strings.TrimSpace(r.read(path)), "\n")
		require.Len(t, lines, letters)
		for i, line := range lines {
			var l map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &l))
			assert.Equal(t, []any{"market[3]", float64(i), r.table, "id"}, []any{l["source"], l["offset"], l["table"], l["column"]})
			assert.Equal(t, map[string]any{"clickhouse_table": r.table, "clickhouse_source": "mine", "n": fmt.Sprint(i)}, l["metadata"])
			assert.Equal(t, map[string]any{"key": "/w=="}, l["metadata_base64"])
			delete(l, "at") // its length varies
			rest, err := json.Marshal(l)
			require.NoError(t, err)
			if i == 0 && size == 0 {
				size = len(rest)
			}
			if i == 0 {
				require.Len(t, rest, size)
			}
		}
	}
	out, _ := r.replay(ExitStored, "-m", `root = {"id": @n.number()}`, path)
	assert.Contains(t, out, "150 stored")
	assert.Equal(t, numbers(0, letters-1), r.ids())
}
