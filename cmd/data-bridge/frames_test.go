package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// Processors that would see frames are refused wherever they stand; those
// behind an unframe are not, nor those of inputs without frames.
func TestProcessorsDoNotSeeFrames(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"none":          {"input: {pausable_kafka: {records_per_message: 10}}", ""},
		"no frames":     {"input: {pausable_kafka: {records_per_message: 1}}\npipeline: {processors: [{mapping: root = this}]}", ""},
		"pipeline":      {"input: {pausable_kafka: {records_per_message: 10}}\npipeline: {processors: [{mapping: root = this}]}", "pipeline.processors would see"},
		"taken apart":   {"input: {pausable_kafka: {records_per_message: 10}}\npipeline: {processors: [{unframe: {}}, {mapping: root = this}]}", ""},
		"of the input":  {"input: {processors: [{mapping: root = this}], pausable_nats: {records_per_message: 10}}", "input.processors would see"},
		"of the broker": {"input: {broker: {inputs: [{pausable_nats: {}}, {pausable_nats: {records_per_message: 10}}]}, processors: [{noop: {}}]}", "input.processors would see"},
		"inside of it": {
			"input: {broker: {inputs: [{pausable_nats: {records_per_message: 10}, processors: [{noop: {}}]}]}}",
			"input.broker.inputs.0.processors would see",
		},
		"apart in the broker": {
			"input: {broker: {inputs: [{pausable_nats: {records_per_message: 10}, processors: [{unframe: {}}]}]}}\npipeline: {processors: [{noop: {}}]}", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := map[string]any{}
			require.NoError(t, yaml.Unmarshal([]byte(c.yaml), &root))
			err := lintFrames(root)
			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

// An output that hands messages back is not for messages of many records.
func TestFramesAreNotHandedBack(t *testing.T) {
	const input = "input: {pausable_kafka: {records_per_message: 10}}\n"
	for name, c := range map[string]struct {
		yaml string
		want int
	}{
		"another output":  {input + "output: {clickhouse: {dead_letter: {drop: {}}}}", 0},
		"rejected":        {input + "output: {clickhouse: {dead_letter: {reject: no}}}", 1},
		"in a fallback":   {input + "output: {fallback: [{clickhouse: {dead_letter: {reject: no}}}, {label: x, clickhouse: {dead_letter: {reject: no}}}]}", 2},
		"taken apart":     {input + "pipeline: {processors: [{unframe: {}}]}\noutput: {clickhouse: {dead_letter: {reject: no}}}", 0},
		"without frames":  {"input: {pausable_kafka: {}}\noutput: {clickhouse: {dead_letter: {reject: no}}}", 0},
		"of another name": {input + "output: {reject: no}", 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.yaml")
			require.NoError(t, os.WriteFile(path, []byte(c.yaml), 0o600))
			var out strings.Builder
			assert.Equal(t, min(c.want, 1), lintFiles([]string{path}, &out))
			assert.Equal(t, c.want, strings.Count(out.String(), "clickhouse.dead_letter: reject hands a whole message back"), out.String())
		})
	}
}

func TestLintFilesFindsFramesInFoldersAndVariables(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	bad := "input: {pausable_kafka: {records_per_message: ${FRAME_TEST_N:10}}}\npipeline: {processors: [{noop: {}}]}\n"
	path := write("a/bad.yaml", bad)
	write("a/good.yaml", "input: {pausable_kafka: {}}\n")
	write("a/notes.txt", bad)
	var out strings.Builder
	assert.Equal(t, 1, lintFiles([]string{"--labels", dir + "/..."}, &out))
	assert.Equal(t, 1, strings.Count(out.String(), "pipeline.processors would see"))
	assert.Contains(t, out.String(), path)
	t.Setenv("FRAME_TEST_N", "1")
	assert.Zero(t, lintFiles([]string{path}, &out))
}
