package e2e

import (
	"encoding/json"
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

const operatorToken = "open sesame"

// operable lets the shipped pipeline be operated over HTTP.
var operable = []string{
	"--set", "buffer.backpressure.status_server.admin.enabled=true",
	"--set", "buffer.backpressure.status_server.admin.token=" + operatorToken,
}

// operate posts to the status server of a bridge, as an operator's curl does.
func operate(t *testing.T, address, path, token string) int {
	t.Helper()
	return operateWith(t, address, path, token, "")
}

// operateWith is operate with a body.
func operateWith(t *testing.T, address, path, token, body string) int {
	t.Helper()
	code, err := harness.Operate(within(t), address, path, token, body)
	require.NoError(t, err)
	return code
}

// heldBy is who pauses an input, by what /health says.
func heldBy(t *testing.T, h harness.Health, label string) (reasons []string) {
	t.Helper()
	var body struct {
		Inputs map[string]struct {
			PausedBy []struct{ Reason, Since string } `json:"paused_by"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(h.Body), &body))
	for _, p := range body.Inputs[label].PausedBy {
		assert.NotEmpty(t, p.Since)
		reasons = append(reasons, p.Reason)
	}
	return reasons
}

// An operator pauses Kafka alone; ClickHouse stalls, everything pauses and
// resumes; Kafka stays paused until the operator lets it go, and then all of it
// arrives, once.
func TestOperatorPausesOneInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	r.args = operable
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	r.publish(marketdata.External, 1000)
	r.awaitStored(marketdata.External, 1000)

	assert.Equal(t, http.StatusUnauthorized, operate(t, address, "/inputs/external/pause", "guess"))
	assert.Equal(t, http.StatusNotFound, operate(t, address, "/inputs/nobody/pause", operatorToken))
	assert.Empty(t, heldBy(t, b.health(), "external"))
	require.Equal(t, http.StatusOK, operate(t, address, "/inputs/external/pause", operatorToken))
	b.await("⏸️  Kafka subscriber paused")
	before := b.health()
	assert.Equal(t, []string{"operator"}, heldBy(t, before, "external"))
	assert.Empty(t, heldBy(t, before, "ticks"))
	assert.True(t, before.Metrics.Backpressure.KafkaPaused)
	assert.False(t, before.Metrics.Backpressure.Active, "that is the buffer's word")

	r.publish(marketdata.External, 3000)
	r.publish(marketdata.Ticks, 1000)
	r.awaitStored(marketdata.Ticks, 1000)
	b.beats(3)
	stillHeld := func() {
		h := b.health()
		assert.Equal(t, before.Inputs["external"].Received, h.Inputs["external"].Received, "Kafka is not read")
		assert.True(t, h.Inputs["external"].Paused)
		assert.Equal(t, []string{"operator"}, heldBy(t, h, "external"))
		assert.Equal(t, 1, b.Count("⏸️  Kafka subscriber paused"))
		assert.Zero(t, b.Count("▶️  Kafka subscriber resumed"))
	}
	stillHeld()

	r.stall()
	r.publish(marketdata.Ticks, 50_000)
	b.await(logPause)
	b.awaitNth("⏸️  NATS subscriber paused", 2)
	assert.Equal(t, []string{"backpressure", "operator"}, heldBy(t, b.health(), "external"))
	r.unstall()
	b.await(logResume)
	b.awaitNth("▶️  NATS subscriber resumed", 2)
	b.beats(3)
	stillHeld()

	require.Equal(t, http.StatusOK, operate(t, address, "/inputs/external/resume", operatorToken))
	b.await("▶️  Kafka subscriber resumed")
	r.checkBooks(r.awaitBooks(b))
}

// A long pause of an operator's is no bottleneck of ClickHouse, and SIGTERM ends
// it as any other: nothing that Kafka kept is lost to the next run.
func TestOperatorPausesAllAndTheBridgeStops(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	r.args = operable
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address, "ALERT_AFTER": "500ms"}).ready()
	require.Equal(t, http.StatusOK, operate(t, address, "/inputs/pause", operatorToken))
	b.awaitNth("⏸️  NATS subscriber paused", 2)
	b.await("⏸️  Kafka subscriber paused")
	r.publish(marketdata.External, 2000)
	b.beats(6)
	h := b.health()
	assert.Equal(t, http.StatusOK, h.Code, h.Reasons)
	assert.Zero(t, b.Count(logCritical))
	assert.Zero(t, h.Metrics.Ticks+h.Metrics.External)

	b.stop()
	for _, resumed := range []string{"▶️  NATS subscriber resumed", "▶️  Kafka subscriber resumed"} { // in the order in which they had connected
		b.inOrder("🛑 Stopping Data Bridge...", "▶️  Resuming paused subscribers before shutdown...",
			resumed, "📊 Stopping heartbeat logger...", logFlushing, logStopped)
	}
	again := r.start().ready()
	r.awaitStored(marketdata.External, 2000)
	again.stop()
	assert.Zero(t, r.tally(marketdata.External).Duplicated())
}

// ClickHouse stalls, everything pauses; the emergency switch, thrown while it runs,
// resumes the inputs at once, core NATS among them, which goes on dropping nothing; and
// in the end every record is stored or was counted.
func TestTheEmergencySwitchIsThrownWhileItRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	r.args = operable
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	r.stall()
	r.publish(marketdata.Ticks, 45_000)
	b.await(logPause)
	b.awaitNth("⏸️  NATS subscriber paused", 2)
	b.await("⏸️  Kafka subscriber paused")

	assert.Equal(t, http.StatusUnauthorized, operateWith(t, address, "/backpressure", "guess", `{"enabled": false}`))
	assert.Equal(t, http.StatusBadRequest, operateWith(t, address, "/backpressure", operatorToken, `{"enabled": false, "pause_threshold": "110%"}`))
	assert.True(t, b.health().Metrics.Backpressure.Active, "all or nothing")
	require.Equal(t, http.StatusOK, operateWith(t, address, "/backpressure", operatorToken, `{"enabled": false}`))
	b.await("⚡ Backpressure: DISABLED")
	b.await(logResume)
	b.awaitNth("▶️  NATS subscriber resumed", 2)
	b.await("▶️  Kafka subscriber resumed")
	h := b.health()
	assert.False(t, h.Metrics.Backpressure.Active)
	assert.Contains(t, h.Body, `"setting":"enabled","configured":true,"current":false`)

	r.publish(marketdata.Ticks, 2000)
	r.publish(marketdata.External, 3000)
	r.unstall()
	h = r.awaitBooks(b)
	r.checkBooks(h)
	assert.Less(t, h.Inputs["ticks"].Dropped, int64(5_000), "40,001 were taken before the pause, and nothing is dropped after it")
	assert.EqualValues(t, 3000, r.tally(marketdata.External).Rows)

	require.Equal(t, http.StatusOK, operate(t, address, "/backpressure/reset", operatorToken))
	assert.Contains(t, b.health().Body, `"overrides":[]`)
	r.stall()
	r.publish(marketdata.External, 41_000)
	b.awaitNth(logPause, 2)
	r.unstall()
	r.checkBooks(r.awaitBooks(b))
}

// Whoever may send the process a signal has the switch too, with the admin API off.
func TestTheEmergencySwitchBySignal(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	r.stall()
	r.publish(marketdata.External, 41_000)
	b.await(logPause)
	b.await("⏸️  Kafka subscriber paused")
	require.NoError(t, b.Signal(syscall.SIGUSR1))
	b.await("⚡ Backpressure: DISABLED")
	b.await("▶️  Kafka subscriber resumed")
	assert.Contains(t, b.health().Body, `"setting":"enabled","configured":true,"current":false`)

	require.NoError(t, b.Signal(syscall.SIGUSR2))
	b.awaitNth("⚡ Backpressure: ENABLED", 2)
	b.awaitNth(logPause, 2)
	assert.Contains(t, b.health().Body, `"overrides":[]`)
	r.unstall()
	r.checkBooks(r.awaitBooks(b))
	assert.EqualValues(t, 41_000, r.tally(marketdata.External).Rows)
}

// Off by default: the shipped pipeline cannot be operated over HTTP.
func TestOperatingIsOffByDefault(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	assert.Equal(t, http.StatusForbidden, operate(t, address, "/inputs/pause", ""))
	assert.Equal(t, http.StatusForbidden, operate(t, address, "/inputs/pause", operatorToken))
	assert.Empty(t, heldBy(t, b.health(), "external"))
	assert.Equal(t, http.StatusForbidden, operateWith(t, address, "/backpressure", operatorToken, `{"enabled": false}`))
	assert.Contains(t, b.health().Body, `"overrides":[]`)
}
