package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// Acceptance 6: SIGTERM while paused. The inputs are resumed, all that is held
// is stored, and what Kafka still has is taken up by the next start.
func TestTerminatedWhilePaused(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		b := r.start().ready()
		r.stall()
		h := r.pauseWithAllThree(b)

		b.terminate()
		b.await(logFlushing)
		r.unstall()
		assert.Zero(t, b.exitCode())
		rest := b.inOrder(
			logPause,
			"🛑 Stopping Data Bridge...",
			"▶️  Resuming paused subscribers before shutdown...",
			"▶️  NATS subscriber resumed",
			"▶️  NATS subscriber resumed",
			"📊 Stopping heartbeat logger...",
			logFlushing,
			logStopped,
		)
		b.inOrder("▶️  Resuming paused subscribers before shutdown...", "▶️  Kafka subscriber resumed", "📊 Stopping heartbeat logger...")
		for _, l := range rest { // the host has its own last word
			assert.Contains(t, l.Raw, `"@service":"benthos"`)
			assert.NotContains(t, l.Message, logHeartbeat)
		}
		for _, kind := range []marketdata.Kind{marketdata.Ticks, marketdata.Candles} {
			in, n := h.Inputs[labels[kind]], r.tally(kind)
			t.Logf("%s: received %d, stored %d, dropped %d, slow consumer %d", kind, in.Received, n.Rows, in.Dropped, in.SlowConsumer)
			assert.Equal(t, in.Received, n.Rows+in.Discarded(), "%s: received = stored + dropped", kind)
			assert.Zero(t, n.Duplicated())
		}
		first := r.tally(marketdata.External)
		r.start()
		n := r.awaitStored(marketdata.External, r.published(marketdata.External))
		t.Logf("external: %d stored before the restart, %d after it, %d duplicated", first.Rows, n.Rows-first.Rows, n.Duplicated())
		assert.Zero(t, n.Missing(r.published(marketdata.External), 0))
		assert.Zero(t, n.Duplicated(), "all that was stored was committed")
	})
}

// pauseWithAllThree fills the buffer from all inputs until they pause, and
// leaves records in Kafka that nobody has fetched. It returns the figures of the
// bridge when nothing moves any more.
func (r *rig) pauseWithAllThree(b *bridge) harness.Health {
	r.t.Helper()
	r.publish(marketdata.External, 8000)
	b.until("external records are held", func(h harness.Health) bool { return h.Inputs["external"].Accepted > 0 })
	r.publish(marketdata.Candles, 10_000)
	r.publish(marketdata.Ticks, 30_000)
	b.await(logPause)
	r.publish(marketdata.External, 8000)
	return b.until("what NATS delivered is accepted or dropped", func(h harness.Health) bool {
		ticks, candles := h.Inputs["ticks"], h.Inputs["ch_candles"]
		return ticks.Received == r.published(marketdata.Ticks) && candles.Received == r.published(marketdata.Candles) &&
			unsettled(ticks) == 0 && unsettled(candles) == 0
	})
}

// SIGTERM right behind what was published: all of it arrives, from NATS too,
// since the bridge takes in what the server has sent before it ends. It has a while for that,
// which is not to be too short for a busy machine.
func TestTerminatedInMidFlow(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	b := r.startBinary(plain, env{"SHUTDOWN_DELAY": "15s"}).ready()
	r.publish(marketdata.External, 20_000)
	r.publish(marketdata.Candles, 5000)
	r.publish(marketdata.Ticks, 10_000)
	b.stop()
	assert.Zero(t, b.Count(logPause))
	for _, kind := range []marketdata.Kind{marketdata.Ticks, marketdata.Candles} {
		n := r.tally(kind)
		assert.Zero(t, n.Missing(r.published(kind), 0), "missing %s", kind)
		assert.Zero(t, n.Duplicated(), "duplicated %s", kind)
	}
	first := r.tally(marketdata.External)
	r.start()
	n := r.awaitStored(marketdata.External, 20_000)
	t.Logf("external: %d stored before the restart, %d after it", first.Rows, n.Rows-first.Rows)
	assert.Zero(t, n.Duplicated(), "duplicated external")
}

// Acceptance 6, the other way: ClickHouse is down for good. The process ends all
// the same and says by its exit code that records were not stored; Kafka
// delivers them again, at once, since even then the member leaves its group.
func TestTerminatedWithClickHouseDown(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		r.args = longMissed
		b := r.start(env{"SHUTDOWN_TIMEOUT": "6s"}).ready()
		r.publish(marketdata.External, 2000)
		r.awaitStored(marketdata.External, 2000)
		r.stopClickHouse()
		r.pauseWithAllThree(b)

		b.terminate()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // half of the default shutdown_timeout
		defer cancel()
		code, err := b.Wait(ctx)
		require.NoError(t, err)
		assert.NotZero(t, code)
		assert.Zero(t, b.Count(logStopped))

		r.startClickHouse()
		r.start()
		n := r.awaitStored(marketdata.External, r.published(marketdata.External))
		t.Logf("exit code %d; external: %d duplicated", code, n.Duplicated())
		assert.Zero(t, n.Missing(r.published(marketdata.External), 0))
	})
}
