package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// figures matches a pause or resume line and returns its numbers: level, size,
// CH and Ext.
func figures(t *testing.T, form *regexp.Regexp, line string) (n [4]int) {
	t.Helper()
	m := form.FindStringSubmatch(line)
	require.NotNil(t, m, "%q is not of the form %s", line, form)
	for i := range n {
		v, err := strconv.Atoi(strings.ReplaceAll(m[i+1], ",", ""))
		require.NoError(t, err)
		n[i] = v
	}
	return n
}

// Acceptance 2, 3 and 7: ClickHouse stalls, the inputs pause, ClickHouse goes
// on, the inputs resume, and nothing is lost that is not counted.
func TestPauseAndResume(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		b := r.start().ready()
		highest := b.watchLevel()
		// Some of each before: the stall comes while data flows.
		r.publish(marketdata.Ticks, 1000)
		r.publish(marketdata.External, 1000)
		r.awaitStored(marketdata.Ticks, 1000)
		r.awaitStored(marketdata.External, 1000)

		r.stall()
		r.publish(marketdata.External, 3000)
		r.publish(marketdata.Ticks, 30_000)
		r.publish(marketdata.Candles, 20_000)
		paused(t, b)
		standsStill(t, r, b)

		r.unstall()
		resumed(t, b)
		level, looks := highest()
		t.Logf("highest level seen in %d looks: %d", looks, level)
		assert.LessOrEqual(t, level, int64(50_000))
		assert.Greater(t, level, int64(40_000))
		flowsAgain(t, r, b)
	})
}

// paused waits for the pause and checks what it looks like from outside.
func paused(t *testing.T, b *bridge) {
	t.Helper()
	n := figures(t, pauseLine, b.await(logPause))
	assert.Greater(t, n[0], 40_000)
	assert.LessOrEqual(t, n[0], 50_000)
	assert.Equal(t, 50_000, n[1])
	assert.Equal(t, n[0], n[2]+n[3], "the groups add up to the level")
	b.awaitNth("⏸️  NATS subscriber paused", 2)
	b.await("⏸️  Kafka subscriber paused")

	p := b.health().Metrics.Backpressure
	assert.True(t, p.Active)
	assert.True(t, p.NATSPaused)
	assert.True(t, p.KafkaPaused)
	assert.EqualValues(t, 1, p.PauseCount)
	assert.NotNil(t, p.LastPause)
	assert.Nil(t, p.LastResume)
	assert.Zero(t, b.Count(logResume))
}

// standsStill publishes into the pause: Kafka's records stay in Kafka, those of
// NATS are received, dropped and counted.
func standsStill(t *testing.T, r *rig, b *bridge) {
	t.Helper()
	received := func(h harness.Health) bool {
		return h.Inputs["ticks"].Received == r.published(marketdata.Ticks) && h.Inputs["ch_candles"].Received == r.published(marketdata.Candles)
	}
	b.until("what NATS delivered is accepted or dropped, or waits at the bound", func(h harness.Health) bool {
		return received(h) && (waiting(h) == 0 || h.Metrics.Backpressure.Level == 50_000)
	})
	b.beats(3) // what Kafka's client had at hand is accepted
	before := b.health()

	const more = 2000
	r.publish(marketdata.External, more)
	r.publish(marketdata.Ticks, more)
	b.until("the further ticks are dropped", func(h harness.Health) bool { return received(h) && waiting(h) == waiting(before) })
	b.beats(3)
	after := b.health()
	assert.Equal(t, before.Inputs["external"].Received, after.Inputs["external"].Received, "Kafka is not read")
	assert.Equal(t, before.Inputs["external"].Accepted, after.Inputs["external"].Accepted)
	assert.Equal(t, before.Inputs["ticks"].Accepted, after.Inputs["ticks"].Accepted)
	assert.Equal(t, before.Inputs["ticks"].Dropped+more, after.Inputs["ticks"].Dropped)
	assert.Equal(t, before.Metrics.Backpressure.Level, after.Metrics.Backpressure.Level)
}

// unsettled is how many messages of a NATS input are in none of the counts.
func unsettled(in harness.Input) int64 {
	return in.Received - in.Accepted - in.Discarded()
}

// waiting is how many messages of NATS do not find room in the buffer: batches
// that were on their way when the gate closed may be more than there was.
func waiting(h harness.Health) int64 {
	return unsettled(h.Inputs["ticks"]) + unsettled(h.Inputs["ch_candles"])
}

// resumed waits for the resume and checks what it looks like from outside.
func resumed(t *testing.T, b *bridge) {
	t.Helper()
	n := figures(t, resumeLine, b.await(logResume))
	assert.Less(t, n[0], 20_000)
	assert.Equal(t, 50_000, n[1])
	assert.Equal(t, n[0], n[2]+n[3], "the groups add up to the level")
	b.awaitNth("▶️  NATS subscriber resumed", 2)
	b.await("▶️  Kafka subscriber resumed")
	p := b.health().Metrics.Backpressure
	assert.False(t, p.Active)
	assert.False(t, p.NATSPaused)
	assert.False(t, p.KafkaPaused)
	assert.EqualValues(t, 1, p.PauseCount)
	assert.NotNil(t, p.LastResume)
}

// flowsAgain publishes after the resume, less than what would pause again an empty buffer:
// all of it arrives, and the books close.
func flowsAgain(t *testing.T, r *rig, b *bridge) {
	t.Helper()
	b.until("the buffer is empty", func(h harness.Health) bool { return h.Metrics.Backpressure.Level == 0 })
	dropped := b.health().Inputs
	for _, kind := range marketdata.Kinds() {
		r.publish(kind, 10_000)
	}
	h := r.awaitBooks(b)
	assert.Equal(t, dropped["ticks"].Dropped, h.Inputs["ticks"].Dropped, "nothing is dropped after the resume")
	assert.Equal(t, dropped["ch_candles"].Dropped, h.Inputs["ch_candles"].Dropped)
	r.checkBooks(h)
}

// The emergency switch: nothing is paused, and the bound holds by blocking, not
// exceeded by one message. What waits outside of it arrives later.
func TestBoundHoldsWithPausingOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	b := r.start(env{"BACKPRESSURE_ENABLED": "false"}).ready()
	b.await("⚡ Backpressure: DISABLED")
	highest := b.watchLevel()
	r.stall()
	r.publish(marketdata.External, 40_000)
	r.publish(marketdata.Ticks, 30_000)
	b.levelIs(50_000)
	b.beats(3)
	b.levelIs(50_000)

	r.unstall()
	r.checkBooks(r.awaitBooks(b))
	level, looks := highest()
	t.Logf("highest level seen in %d looks: %d", looks, level)
	assert.EqualValues(t, 50_000, level)
	assert.EqualValues(t, 30_000, r.tally(marketdata.Ticks).Rows, "nothing is dropped")
	assert.Zero(t, b.Count("BACKPRESSURE ACTIVE"))
	assert.Zero(t, b.Count("subscriber paused"))
}
