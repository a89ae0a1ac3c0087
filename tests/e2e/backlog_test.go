package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The server's cost of a row falls with the size of the insert, so while there is
// a backlog no insert is small, but for what a pause cuts short: an input that is
// paused gets nothing more, and what it has waits no longer than the period. A part
// is what an insert stored, as nothing merges.
func TestInsertsAreLargeWhileThereIsABacklog(t *testing.T) {
	const (
		backlog = 150_000
		count   = 10_000 // batch.count by default
	)
	for _, inputs := range []int{1, 3} {
		t.Run(fmt.Sprintf("of %d inputs", inputs), func(t *testing.T) {
			r := newRig(t, oneEngine())
			status := freeAddress(t)
			var list []any
			for i := range inputs {
				name := fmt.Sprintf("%s_%d", r.id, i)
				r.backlog(name, backlog)
				list = append(list, map[string]any{"label": name, "pausable_kafka": map[string]any{
					"seed_brokers": r.kafka.Brokers(), "topics": []string{name}, "consumer_group": r.id,
					"start_offset": "earliest", "metadata": map[string]any{"table": name},
				}})
			}
			b := startBridge(t, binary, status, nil, "run", r.example("kafka_to_clickhouse", func(config map[string]any) {
				config["input"] = map[string]any{"broker": map[string]any{"inputs": list}}
				set(config["buffer"].(map[string]any)["backpressure"], map[string]any{
					"status_server": map[string]any{"address": status},
					"batch":         map[string]any{"period": "10s"}, // a busy machine may take long to bring a batch together
				})
				output := config["output"].(map[string]any)["clickhouse"].(map[string]any)
				set(output, map[string]any{"table": "${! @table }"})
				set(output["dead_letter"].(map[string]any)["dead_letter_file"], map[string]any{"path": filepath.Join(t.TempDir(), "dead_letter.jsonl")})
			}))
			small := int64(0)
			for i := range inputs {
				table := fmt.Sprintf("%s_%d", r.id, i)
				r.awaitRows(table, backlog)
				sizes := r.partSizes(table)
				t.Logf("rows of each insert: %v", sizes)
				for _, rows := range sizes[:len(sizes)-1] {
					if rows < count {
						small++
					}
				}
			}
			pauses := b.health().Metrics.Backpressure.PauseCount
			t.Logf("%d small inserts, %d pauses", small, pauses)
			assert.LessOrEqual(t, small, pauses)
			assert.LessOrEqual(t, small, int64(2*inputs), "of %d inserts", inputs*backlog/count)
			b.stop()
		})
	}
}

// backlog makes a table without merges, and a topic of that many records for it.
func (r *rig) backlog(name string, records int) {
	r.t.Helper()
	require.NoError(r.t, r.ch.Exec(within(r.t), "CREATE TABLE market."+name+" (seq UInt64) ENGINE = MergeTree ORDER BY seq"))
	require.NoError(r.t, r.ch.Exec(within(r.t), "SYSTEM STOP MERGES market."+name))
	require.NoError(r.t, r.kafka.CreateTopic(within(r.t), name, partitions))
	client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()), kgo.DefaultProduceTopic(name))
	require.NoError(r.t, err)
	defer client.Close()
	all := make([]*kgo.Record, records)
	for i := range all {
		all[i] = kgo.StringRecord(`{"seq":` + strconv.Itoa(i) + `}`)
	}
	require.NoError(r.t, client.ProduceSync(within(r.t), all...).FirstErr())
}

func (r *rig) awaitRows(table string, rows int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		got, err := r.ch.Query(within(r.t), "SELECT count() FROM market."+table)
		return err == nil && got[0][0] == strconv.Itoa(rows)
	}, patience, 20*time.Millisecond, "%d rows in %s", rows, table)
}

// partSizes are the rows of the parts of a table, in the order they came.
func (r *rig) partSizes(table string) (sizes []int) {
	r.t.Helper()
	parts, err := r.ch.Query(within(r.t), "SELECT rows FROM system.parts WHERE database = 'market' AND table = '"+table+"' ORDER BY min_block_number")
	require.NoError(r.t, err)
	for _, part := range parts {
		n, err := strconv.Atoi(part[0])
		require.NoError(r.t, err)
		sizes = append(sizes, n)
	}
	return sizes
}
