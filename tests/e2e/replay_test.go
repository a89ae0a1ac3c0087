package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// lettersIn returns the dead letters of a file.
func lettersIn(t *testing.T, path string) []harness.Letter {
	t.Helper()
	letters, err := harness.Letters(path)
	require.NoError(t, err)
	return letters
}

// external makes a table of the test's own the one that the topic goes to.
func (r *rig) external(columns string) (table string) {
	r.t.Helper()
	table = r.id + "_letters"
	require.NoError(r.t, r.ch.Exec(within(r.t), "CREATE TABLE market."+table+" ("+columns+") ENGINE = MergeTree ORDER BY tuple()"))
	r.env["CLICKHOUSE_EXTERNAL_TABLE"] = table
	return table
}

func (r *rig) produce(values ...string) {
	r.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()))
	require.NoError(r.t, err)
	defer client.Close()
	for _, v := range values {
		require.NoError(r.t, client.ProduceSync(within(r.t), &kgo.Record{Topic: r.topic(), Value: []byte(v)}).FirstErr())
	}
}

func (r *rig) rowsOf(table string) string {
	r.t.Helper()
	got, err := r.ch.Query(within(r.t), "SELECT groupArray(toString(id) || note) FROM (SELECT id, note FROM market."+table+" ORDER BY id)")
	require.NoError(r.t, err)
	return got[0][0]
}

// What the shipped pipeline has written is replayed by one command when its cause is
// mended, while the pipeline runs. What still does not fit is a dead letter again, and
// may be mended on its way.
func TestDeadLettersAreReplayed(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		table := r.external("id UInt8, note String")
		r.produce(`{"id":1,"note":"fits"}`, `{"id":300,"note":"too \"large\""}`, "{\"id\":301,\xff", `{"id":"x","note":"never"}`)
		b := r.start().ready()
		b.until("dead letters", func(h harness.Health) bool {
			return h.Outputs["clickhouse"].DeadLetters == 3 && h.Metrics.Backpressure.Level == 0
		})
		require.Equal(t, `['1fits']`, r.rowsOf(table))
		path := r.env["DEAD_LETTER_PATH"]
		first := lettersIn(t, path)[0]
		assert.Equal(t, []any{table, "id", table}, []any{first.Table, first.Column, first.Metadata["table"]})
		assert.Contains(t, first.Source, r.topic())
		assert.NotNil(t, first.Offset)

		require.NoError(t, r.ch.Exec(within(t), "CREATE TABLE market."+table+"_wide (id UInt16, note String) ENGINE = MergeTree ORDER BY id"))
		require.NoError(t, r.ch.Exec(within(t), "RENAME TABLE market."+table+" TO market."+table+"_old, market."+table+"_wide TO market."+table))
		assert.Equal(t, 1, r.replay("3 dead letters of 1 files tried: 1 stored, 2 dead letters again", path))
		require.Equal(t, `['300too "large"']`, r.rowsOf(table))
		again := lettersIn(t, path)
		require.Len(t, again, 2)
		assert.Equal(t, "{\"id\":301,\xff", string(again[0].Base64))
		assert.JSONEq(t, `{"id":"x","note":"never"}`, again[1].Record)

		r.produce(`{"id":"y","note":"new"}`) // goes where it belongs
		b.until("a fourth", func(h harness.Health) bool { return h.Outputs["clickhouse"].DeadLetters == 4 })
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "old.jsonl"), []byte("{\"id\":2}\n"+`{"rec`), 0o600))
		assert.Equal(t, 1, r.replay("2 dead letters of 2 files tried: 2 stored, 0 dead letters again, 0 deleted by the mapping; 3 lines could not be sent",
			"-m", `root = this.assign({"id": 400})`, path, filepath.Join(filepath.Dir(path), "old.jsonl")))
		require.Equal(t, `['300too "large"','400never','400new']`, r.rowsOf(table))
		left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "old.jsonl.left-*"))
		require.NoError(t, err)
		require.Len(t, left, 1)
		text, err := os.ReadFile(left[0])
		require.NoError(t, err)
		assert.Equal(t, "{\"id\":2}\n{\"rec\n", string(text))
		left, err = filepath.Glob(path + ".left-*")
		require.NoError(t, err)
		require.Len(t, left, 1)
		assert.Equal(t, again[0].Base64, lettersIn(t, left[0])[0].Base64, "the mapping cannot read it")
		assert.NoFileExists(t, path)
		b.stop()
	})
}

// replay runs the command with the shipped pipeline, expects its last line and returns
// its exit code.
func (r *rig) replay(words string, args ...string) int {
	r.t.Helper()
	b := startBridge(r.t, binary, "", r.env, append([]string{"replay", "-c", filepath.Join(root, bridgeYAML)}, args...)...)
	code := b.exitCode()
	b.await(words)
	return code
}

// While ClickHouse is away a replay waits; who interrupts it loses nothing, and goes on
// with the file that it names.
func TestAReplayThatIsInterruptedKeepsTheRest(t *testing.T) {
	t.Parallel()
	r := newRig(t, stack.KindLegacy)
	table := r.external("id UInt32, note String")
	path := r.env["DEAD_LETTER_PATH"]
	var lines strings.Builder
	for i := range 15_000 { // more than are sent at a time
		line, err := json.Marshal(map[string]any{"record": `{"id":` + strconv.Itoa(i) + `,"note":"x"}`, "metadata": map[string]string{"table": table}})
		require.NoError(t, err)
		lines.Write(append(line, '\n'))
	}
	require.NoError(t, os.WriteFile(path, []byte(lines.String()), 0o600))
	r.stall()
	b := startBridge(t, binary, "", r.env, "replay", "-c", filepath.Join(root, bridgeYAML), path)
	require.Eventually(t, func() bool { _, err := os.Stat(path); return os.IsNotExist(err) }, patience, 5*time.Millisecond)
	b.terminate()
	assert.Equal(t, 2, b.exitCode())
	aside, err := filepath.Glob(path + ".replaying-*Z")
	require.NoError(t, err)
	require.Len(t, aside, 1)
	b.await("what was not tried is in " + aside[0])
	r.unstall()
	assert.Zero(t, r.replay("stored, 0 dead letters again", aside[0]))
	got, err := r.ch.Query(within(t), "SELECT uniqExact(id) FROM market."+table)
	require.NoError(t, err)
	assert.Equal(t, "15000", got[0][0])
}
