package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// levelIs waits until the level is n.
func (b *bridge) levelIs(n int64) {
	b.t.Helper()
	b.until("the level is right", func(h harness.Health) bool { return h.Metrics.Backpressure.Level == n })
}

// Acceptance 4, upwards: from the resume threshold to exactly the pause
// threshold nothing happens; one message more is the pause.
func TestNothingHappensUpToThePauseThreshold(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	b := r.start().ready()
	r.stall()
	for _, level := range []int64{21_000, 39_000, 40_000} {
		r.publish(marketdata.Ticks, level-r.published(marketdata.Ticks))
		b.levelIs(level)
		b.beats(2)
		p := b.health().Metrics.Backpressure
		assert.False(t, p.Active, "at %d", level)
		assert.Zero(t, p.PauseCount, "at %d", level)
	}
	assert.Zero(t, b.Count("BACKPRESSURE ACTIVE"))

	r.publish(marketdata.Ticks, 1)
	assert.Equal(t, "⚠️  BACKPRESSURE ACTIVE: Buffer high (40,001/50,000), pausing data ingestion (CH: 40,001, Ext: 0)", b.await(logPause))
	b.beats(2)
	assert.Equal(t, 1, b.Count("BACKPRESSURE ACTIVE"))

	r.unstall()
	b.await(logResume)
	r.checkBooks(r.awaitBooks(b))
	assert.Equal(t, 1, b.Count(logResume))
	assert.EqualValues(t, 1, b.health().Metrics.Backpressure.PauseCount)
}

// Acceptance 4, downwards: a level that falls to between the thresholds and
// stays there does not resume. The ticks' table is missing, so they wait in the
// retry queue while the candles drain.
func TestNothingHappensDownToTheResumeThreshold(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	missing := "ticks_" + r.id
	b := r.start(env{"CLICKHOUSE_TICKS_TABLE": missing}).ready()
	const ticks, candles = 25_000, 16_000
	r.publish(marketdata.Ticks, ticks)
	b.until("the ticks wait for a retry", func(h harness.Health) bool {
		return h.Metrics.Backpressure.Level == ticks && h.Metrics.RetryQueue > 0
	})
	r.stall()
	r.publish(marketdata.Candles, candles)
	b.await(logPause)
	r.unstall()
	// One batch of candles may hang together with ticks.
	b.until("the candles are stored", func(h harness.Health) bool { return h.Metrics.Backpressure.Level < ticks+10_000 })
	b.beats(3)
	h := b.health()
	assert.GreaterOrEqual(t, h.Metrics.Backpressure.Level, int64(ticks))
	assert.Less(t, h.Metrics.Backpressure.Level, int64(40_000))
	assert.True(t, h.Metrics.Backpressure.Active)
	assert.True(t, h.Metrics.Backpressure.KafkaPaused)
	assert.Zero(t, b.Count(logResume))

	require.NoError(t, r.ch.Exec(within(t), "CREATE TABLE market."+missing+" AS market.ticks"))
	t.Cleanup(func() { _ = r.ch.Exec(within(t), "DROP TABLE market."+missing) })
	b.await(logResume)
	h = b.until("all is stored", func(h harness.Health) bool { return h.Metrics.Backpressure.Level == 0 })
	assert.EqualValues(t, 1, h.Metrics.Backpressure.PauseCount)
	n, err := harness.Count(within(t), r.ch, "market."+missing, r.id)
	require.NoError(t, err)
	assert.Equal(t, harness.Tally{Rows: ticks, Distinct: ticks, First: 1, Last: ticks}, n)
}
