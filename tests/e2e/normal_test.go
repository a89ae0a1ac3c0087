package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// Acceptance 1: the three streams of the shipped pipeline arrive, each record
// once, and nothing is paused.
func TestNormalRunning(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		b := r.start().ready()
		b.inOrder(
			logStarted,
			"⚡ Backpressure: ENABLED",
			"   └─ Pause threshold: 40,000 messages (80%)",
			"   └─ Resume threshold: 20,000 messages (40%)",
		)
		const ticks, candles, external = 9000, 5000, 4000
		r.publish(marketdata.Ticks, ticks)
		r.publish(marketdata.Candles, candles)
		r.publish(marketdata.External, external)

		h := b.until("everything is stored", func(h harness.Health) bool {
			return h.Outputs["clickhouse"].Rows == ticks+candles+external && h.Metrics.Backpressure.Level == 0 &&
				h.Metrics.NATS == ticks+candles
		})
		assert.Equal(t, 200, h.Code)
		assert.Equal(t, "healthy", h.Status)
		assert.Equal(t, "data-bridge", h.Service)
		assert.Empty(t, h.Reasons)
		assert.EqualValues(t, ticks, h.Metrics.Ticks)
		assert.EqualValues(t, candles, h.Metrics.Candles)
		assert.EqualValues(t, external, h.Metrics.External)
		assert.False(t, h.Metrics.Backpressure.Active)
		assert.Zero(t, h.Metrics.Backpressure.PauseCount)
		assert.Nil(t, h.Metrics.Backpressure.LastPause)
		assert.Nil(t, h.Metrics.Backpressure.LastResume)

		b.stop()
		for _, words := range []string{"BACKPRESSURE ACTIVE", "BACKPRESSURE RELEASED", "paused", "resumed"} {
			assert.Zero(t, b.Count(words), words)
		}
		for _, kind := range marketdata.Kinds() {
			n := r.tally(kind)
			assert.Zero(t, n.Missing(r.published(kind), 0), "missing %s", kind)
			assert.Zero(t, n.Duplicated(), "duplicated %s", kind)
			assert.EqualValues(t, 1, n.First)
			assert.Equal(t, r.published(kind), n.Last)
		}
	})
}
