package e2e

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// The pipeline for the most records a second: records travel many to a message,
// are counted one by one everywhere, and survive pauses and a shutdown in mid flow.
func TestHighThroughput(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		r.yaml = "config/high_throughput.yaml"
		b := r.startBinary(plain, env{"MAX_BUFFER_SIZE": "50000", "BATCH_COUNT": "20000", "RECORDS_PER_MESSAGE": "500"}).ready()
		highest := b.watchLevel()
		stops := []func() int64{
			r.stream(marketdata.Ticks, marketdata.Shape{Rate: blast}),
			r.stream(marketdata.External, marketdata.Shape{Rate: 20_000}),
		}
		r.stall()
		b.awaitNth(logPause, 1)
		r.unstall()
		b.awaitNth(logResume, 1)
		for _, stop := range stops {
			stop()
		}
		h := r.awaitBooks(b)
		r.checkBooks(h)
		assert.Equal(t, r.published(marketdata.External), h.Metrics.External)
		level, _ := highest()
		assert.LessOrEqual(t, level, int64(50_000))

		r.publish(marketdata.External, 20_000)
		b.until("the last ones are on their way", func(h harness.Health) bool {
			return h.Metrics.External == r.published(marketdata.External)
		})
		b.stop()
		n := r.tally(marketdata.External)
		assert.Zero(t, n.Missing(r.published(marketdata.External), 0))
		assert.Zero(t, n.Duplicated())
	})
}

// Records that are taken apart on the way can be processed one by one.
func TestFramesAreTakenApartForProcessors(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	status := freeAddress(t)
	path := r.example("kafka_to_clickhouse", func(config map[string]any) {
		set(config["input"].(map[string]any)["pausable_kafka"], map[string]any{
			"seed_brokers": r.kafka.Brokers(), "topics": []string{r.topic()}, "consumer_group": r.id, "records_per_message": 100,
		})
		config["pipeline"] = map[string]any{"processors": []any{
			map[string]any{"unframe": map[string]any{}},
			map[string]any{"mapping": "root = if this.seq % 2 == 0 { deleted() }"},
		}}
		set(config["buffer"].(map[string]any)["backpressure"], map[string]any{"status_server": map[string]any{"address": status}})
		file := config["output"].(map[string]any)["clickhouse"].(map[string]any)["dead_letter"].(map[string]any)["dead_letter_file"]
		set(file, map[string]any{"path": filepath.Join(r.t.TempDir(), "dead_letter.jsonl")})
		if r.ch.Legacy() {
			set(config["output"].(map[string]any)["clickhouse"], map[string]any{"time_precision": "truncate"})
		}
	})
	published := r.publish(marketdata.External, 10_000)
	b := startBridge(t, binary, status, nil, "run", path)
	r.awaitStored(marketdata.External, published/2)
	b.until("all is settled", func(h harness.Health) bool {
		return h.Inputs["external"].Accepted == published && h.Metrics.Backpressure.Level == 0
	})
	b.stop()
	n := r.tally(marketdata.External)
	assert.Equal(t, published/2, n.Rows)
	assert.Equal(t, published/2, n.Distinct)
}
