package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// Acceptance 8: the shipped binary and config stay under 500 MB under a burst of
// more than a million ticks with ClickHouse stalled for a part of it.
func TestMemoryUnderABurst(t *testing.T) {
	r := newRig(t, oneEngine())
	b := r.startBinary(plain).ready()
	began := time.Now()
	r.publish(marketdata.External, 20_000)
	r.publish(marketdata.Ticks, 300_000)
	r.stall()
	r.publish(marketdata.Ticks, 400_000)
	b.await(logPause)
	r.unstall()
	r.publish(marketdata.Ticks, 300_000)
	r.publish(marketdata.Candles, 50_000)
	h := r.awaitBooks(b)
	took := time.Since(began)
	r.checkBooks(h)

	peak, err := b.PeakRSS()
	require.NoError(t, err)
	t.Logf("peak resident memory %d MB; %d pauses; %d rows stored in %s by the shipped binary (%.0f rows/s, publishing included)",
		peak>>20, h.Metrics.Backpressure.PauseCount, h.Outputs["clickhouse"].Rows, took.Round(time.Millisecond),
		float64(h.Outputs["clickhouse"].Rows)/took.Seconds())
	assert.Less(t, peak, int64(500_000_000))
}
