package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// backlogBesideTicks lets a bridge read so many records that wait in Kafka while
// ticks come in at so many a second, which nobody keeps: all of them are stored, and
// nothing pauses. That the backlog gives way shows in /health.
func backlogBesideTicks(t *testing.T, r *rig, records int64, rate float64) {
	t.Helper()
	const step = 50_000
	for left := records; left > 0; left -= step {
		r.publish(marketdata.External, min(step, left))
	}
	b := r.startBinary(plain).ready() // the race detector makes it many times as slow
	highest := b.watchLevel()
	began := time.Now()
	stop := r.stream(marketdata.Ticks, marketdata.Shape{Rate: rate})
	for stored := int64(0); stored < records; { // each part within the patience of a step
		h := b.until("more of the backlog is stored", func(h harness.Health) bool {
			in := h.Inputs["external"]
			return in.Accepted-in.Buffered >= min(records, stored+step)
		})
		stored = h.Inputs["external"].Accepted - h.Inputs["external"].Buffered
	}
	took := time.Since(began)
	stop()
	h := r.awaitBooks(b)
	level, _ := highest()
	t.Logf("%d records in %s, %.0f/s, beside %d ticks; the highest level seen was %d; yielded for %.1fs; %d pauses",
		records, took.Round(time.Millisecond), float64(records)/took.Seconds(), r.published(marketdata.Ticks), level,
		h.Inputs["external"].YieldedSeconds, h.Metrics.Backpressure.PauseCount)
	r.checkBooks(h)
	assert.Zero(t, h.Inputs["ticks"].Discarded())
	assert.Zero(t, h.Metrics.Backpressure.PauseCount)
	assert.Nil(t, h.Metrics.Backpressure.LastPause)
	assert.Positive(t, h.Inputs["external"].YieldedSeconds)
	assert.Zero(t, h.Inputs["ticks"].YieldedSeconds)
	assert.Zero(t, b.Count(logPause))
	b.stop()
}

func TestABacklogCostsNoFreshData(t *testing.T) {
	backlogBesideTicks(t, newRig(t, oneEngine()), 200_000, 2000)
}
