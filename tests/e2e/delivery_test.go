package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// blast is more ticks a second than the race detector lets the bridge take, and fewer than
// would make the server drop it for a slow consumer, whose losses nobody can count.
const blast = 60_000

// Acceptance 7: everything that NATS can deliver, over several pauses. Kafka has
// no gap and no duplicate, NATS no record that is neither stored nor counted.
func TestFullBlastOverSeveralPauses(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		b := r.startBinary(plain).ready()
		highest := b.watchLevel()
		stops := []func() int64{
			r.stream(marketdata.Ticks, marketdata.Shape{Rate: blast}),
			r.stream(marketdata.Candles, marketdata.Shape{Rate: 10_000}),
			r.stream(marketdata.External, marketdata.Shape{Rate: 2000}),
		}
		const pauses = 3
		for n := 1; n <= pauses; n++ {
			r.stall()
			b.awaitNth(logPause, b.Count(logResume)+1)
			r.unstall()
			b.awaitNth(logResume, n)
		}
		for _, stop := range stops {
			stop()
		}
		h := r.awaitBooks(b)
		r.checkBooks(h)
		assert.GreaterOrEqual(t, h.Metrics.Backpressure.PauseCount, int64(pauses))
		assert.Positive(t, h.Inputs["ticks"].Dropped)
		level, looks := highest()
		t.Logf("%d pauses, highest level seen in %d looks: %d", h.Metrics.Backpressure.PauseCount, looks, level)
		assert.LessOrEqual(t, level, int64(50_000))

		b.stop()
	})
}

// The same with on_pause: conflate: what a pause replaces by something newer is
// counted, and the newest of each key is stored.
func TestConflationOverSeveralPauses(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	b := r.startBinary(plain, env{"NATS_ON_PAUSE": "conflate"}).ready()
	stop := r.stream(marketdata.Ticks, marketdata.Shape{Rate: blast})
	for n := 1; n <= 2; n++ {
		r.stall()
		b.awaitNth(logPause, b.Count(logResume)+1)
		b.beats(4)
		r.unstall()
		b.awaitNth(logResume, n)
	}
	stop()
	h := r.awaitBooks(b)
	r.checkBooks(h)
	assert.Positive(t, h.Inputs["ticks"].Conflated)
	assert.Zero(t, h.Inputs["ticks"].Dropped)
	b.stop()
}

// A crash in mid flow loses nothing that Kafka can deliver again.
func TestKilledInMidFlow(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		r.args = soonGone
		b := r.start().ready()
		stop := r.stream(marketdata.External, marketdata.Shape{Rate: 20_000, Count: 60_000})
		b.until("records are stored", func(h harness.Health) bool { return h.Outputs["clickhouse"].Rows >= 15_000 })
		b.kill()
		before := r.tally(marketdata.External)

		r.start()
		stop()
		r.publish(marketdata.External, 1000)
		published := r.published(marketdata.External)
		n := r.awaitStored(marketdata.External, published)
		t.Logf("published %d, stored before the kill %d, duplicated %d", published, before.Rows, n.Duplicated())
		assert.Zero(t, n.Missing(published, 0))
	})
}

// ClickHouse goes down and comes back in mid flow: what was accepted waits in
// the retry queue, what was not waits in Kafka.
func TestClickHouseRestarts(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		b := r.start().ready()
		r.publish(marketdata.External, 2000)
		r.awaitStored(marketdata.External, 2000)
		stop := r.stream(marketdata.External, marketdata.Shape{Rate: 5000})
		r.stopClickHouse()
		h := b.until("batches wait for a retry", func(h harness.Health) bool { return h.Metrics.RetryQueue > 0 })
		assert.Equal(t, h.Metrics.RetryQueue, h.Outputs["clickhouse"].RetryQueue)
		b.beats(8)
		warnings := told(b)
		assert.Positive(t, warnings, "an outage is told")
		assert.Less(t, warnings, 20, "an outage does not flood the log")

		r.startClickHouse()
		stop()
		published := r.published(marketdata.External)
		n := r.awaitStored(marketdata.External, published)
		b.until("nothing waits any more", func(h harness.Health) bool {
			return h.Metrics.RetryQueue == 0 && h.Metrics.Backpressure.Level == 0 && h.Outputs["clickhouse"].Connected
		})
		t.Logf("published %d, duplicated %d, %d warnings, %d retries", published, n.Duplicated(), warnings, b.health().Outputs["clickhouse"].Retries)
		assert.Zero(t, n.Missing(published, 0))
	})
}

// told is how many warnings and errors the bridge has logged.
func told(b *bridge) (n int) {
	for _, l := range b.Lines() {
		if l.Level == "warning" || l.Level == "error" {
			n++
		}
	}
	return n
}
