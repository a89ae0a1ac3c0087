package e2e

import (
	"encoding/json"
	"net/http"
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
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, "http://"+address+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
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

// Off by default: the shipped pipeline cannot be operated over HTTP.
func TestOperatingIsOffByDefault(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	assert.Equal(t, http.StatusForbidden, operate(t, address, "/inputs/pause", ""))
	assert.Equal(t, http.StatusForbidden, operate(t, address, "/inputs/pause", operatorToken))
	assert.Empty(t, heldBy(t, b.health(), "external"))
}
