package e2e

import (
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
		b := r.start(env{"MAX_BUFFER_SIZE": "50000", "BATCH_COUNT": "20000", "RECORDS_PER_MESSAGE": "500"}).ready()
		highest := b.watchLevel()
		stops := []func() int64{
			r.stream(marketdata.Ticks, marketdata.Shape{}),
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
