package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeDeadLetters runs the output of the example that writes dead letters with
// their reasons, over records of the test, and returns the files' pattern.
func writeDeadLetters(t *testing.T, r *rig, table string, records ...string) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "records.jsonl")
	require.NoError(t, os.WriteFile(source, []byte(strings.Join(records, "\n")+"\n"), 0o600))
	letters := filepath.Join(t.TempDir(), "dead_letter-")
	path := r.example("dead_letters_with_reasons", func(config map[string]any) {
		config["input"] = map[string]any{"file": map[string]any{"paths": []string{source}}}
		out := config["output"].(map[string]any)["clickhouse"].(map[string]any)
		out["table"] = table
		file := out["dead_letter"].(map[string]any)["file"].(map[string]any)
		file["path"] = strings.Replace(file["path"].(string), "dead_letter-", letters, 1)
	})
	require.Zero(t, startBridge(t, binary, "", nil, "run", path).exitCode())
	return letters + "*.jsonl"
}

// Dead letters are replayed by a shipped pipeline when their cause is mended;
// what still does not fit is kept, in a form that can be replayed again.
func TestDeadLettersAreReplayed(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		table := r.id + "_replay"
		require.NoError(t, r.ch.Exec(within(t), "CREATE TABLE market."+table+" (id UInt8, note String) ENGINE = MergeTree ORDER BY id"))
		letters := writeDeadLetters(t, r, table, `{"id":1,"note":"fits"}`, `{"id":300,"note":"too \"large\""}`, `{"id":"x","note":"never"}`)
		rows := func() string {
			got, err := r.ch.Query(within(t), "SELECT groupArray(toString(id) || note) FROM (SELECT id, note FROM market."+table+" ORDER BY id)")
			require.NoError(t, err)
			return got[0][0]
		}
		require.Equal(t, `['1fits']`, rows())

		require.NoError(t, r.ch.Exec(within(t), "CREATE TABLE market."+table+"_wide (id UInt16, note String) ENGINE = MergeTree ORDER BY id"))
		require.NoError(t, r.ch.Exec(within(t), "RENAME TABLE market."+table+" TO market."+table+"_old, market."+table+"_wide TO market."+table))
		still := filepath.Join(t.TempDir(), "still_dead.jsonl")
		vars := env{"DEAD_LETTERS": letters, "STILL_DEAD": still}
		for name, value := range r.env {
			if strings.HasPrefix(name, "CLICKHOUSE_") {
				vars[name] = value
			}
		}
		require.Zero(t, startBridge(t, binary, "", vars, "run", filepath.Join(root, "config/examples/replay_dead_letters.yaml")).exitCode())
		require.Equal(t, `['300too "large"']`, rows())
		left, err := os.ReadFile(still)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(left), "\n"))
		assert.Contains(t, string(left), `"record":"{\"id\":\"x\",\"note\":\"never\"}"`)
	})
}
