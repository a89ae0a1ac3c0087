// Package embedding builds the examples and uses them.
package embedding

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built is an example as a binary.
func built(t *testing.T, example string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), example)
	out, err := exec.Command("go", "build", "-o", path, "./"+example).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// Records pass the buffer of both examples, each once and in order.
func TestExamplesRunAPipeline(t *testing.T) {
	for _, example := range []string{"all", "picked"} {
		t.Run(example, func(t *testing.T) {
			binary, file := built(t, example), filepath.Join(t.TempDir(), "out.jsonl")
			cmd := exec.Command(binary, "run", "pipeline.yaml")
			cmd.Env = append(os.Environ(), "OUT="+file)
			log := output(t, cmd)
			assert.Contains(t, log, "✅ Data Bridge stopped gracefully")

			var want bytes.Buffer
			for i := range 1000 {
				fmt.Fprintf(&want, "{\"seq\":%d}\n", i+1)
			}
			have, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, want.String(), string(have))
		})
	}
}

// What is imported is what there is.
func TestExamplesHaveWhatTheyImport(t *testing.T) {
	for example, want := range map[string][]string{
		"all":    {"pausable_nats", "pausable_nats_jetstream", "pausable_kafka", "backpressure", "clickhouse", "unframe"},
		"picked": {"pausable_nats", "pausable_nats_jetstream", "backpressure", "clickhouse"},
	} {
		t.Run(example, func(t *testing.T) {
			list := output(t, exec.Command(built(t, example), "list"))
			for _, name := range want {
				assert.Regexp(t, `(?m)^\W*`+name+`$`, list)
			}
			if example == "picked" {
				assert.NotContains(t, list, "pausable_kafka")
			}
		})
	}
}
