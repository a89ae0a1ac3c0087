package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// ticksInput is an input of the rig's ticks with that size of batches.
func (r *rig) ticksInput(count int) string {
	return fmt.Sprintf("{label: ticks, pausable_nats: {urls: [%q], subjects: [%s.>], queue: %s, metadata: {table: ticks}, batch: {count: %d, period: 1ms}}}",
		r.nats.URL(), r.subject(marketdata.Ticks), r.id, count)
}

// small is a buffer that blocks its inputs where others pause, and a ClickHouse.
func (r *rig) small(address string) string {
	return fmt.Sprintf(`
buffer:
  backpressure:
    enabled: false
    max_buffer_size: 1000
    batch: {count: 400, period: 100ms}
    status_server: {address: %q, disconnect_grace: 1s}
output:
  label: clickhouse
  clickhouse: {addresses: [%q], protocol: %s, database: market, table: ticks, username: %q, password: %q, retry: {max_interval: 500ms}, dead_letter: {drop: {}}, time_precision: truncate}
`, address, r.ch.Addr(), r.ch.Protocol(), r.ch.User(), r.ch.Password())
}

// send sends a request until ctx ends.
func send(ctx context.Context, method, url, body string) (code int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// An input of dynamic that is replaced while ClickHouse is frozen, by somebody who does
// not wait for it: the host gives up the old one, and forgets the new one that it has
// started. Neither keeps its subscription, nothing of them is uncounted, /health says
// what to do, and doing it is all it takes.
func TestADynamicInputIsReplacedWhileClickHouseIsFrozen(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address, api := freeAddress(t), freeAddress(t)
	b := startBridge(t, binary, address, env{}, "run", written(t, "dynamic.yaml",
		"input: {dynamic: {inputs: {ticks: "+r.ticksInput(100)+"}}}\n"+r.small(address)+"http: {address: '"+api+"'}\nlogger: {format: json}\n"))
	ticks := func(h harness.Health) harness.Input { return h.Inputs["ticks"] }
	b.until("it is connected", func(h harness.Health) bool { return ticks(h).Connected && h.Outputs["clickhouse"].Connected })
	r.publish(marketdata.Ticks, 500)
	r.awaitStored(marketdata.Ticks, 500)

	r.stall()
	r.publish(marketdata.Ticks, 10_000)
	b.until("the buffer is full", func(h harness.Health) bool {
		return ticks(h).Received == 10_500 && h.Metrics.Backpressure.Level == 1000
	})

	ctx, giveUp := context.WithCancel(within(t))
	answer := make(chan error, 1)
	go func() {
		_, err := send(ctx, http.MethodPost, "http://"+api+"/inputs/ticks", r.ticksInput(200))
		answer <- err
	}()
	b.awaitNth("Subscribed to NATS", 2)
	h := b.until("what the old one had queued is counted", func(h harness.Health) bool { return ticks(h).Dropped > 0 })
	t.Logf("frozen: %d received, %d accepted, %d dropped", ticks(h).Received, ticks(h).Accepted, ticks(h).Dropped)
	giveUp()
	require.ErrorIs(t, <-answer, context.Canceled)
	b.await("Failed to stop old copy of dynamic input")
	r.publish(marketdata.Ticks, 2000) // to the new one alone: the old one is no longer subscribed
	b.until("the new one has it", func(h harness.Health) bool { return ticks(h).Received == 12_500 })

	r.unstall()
	h = b.until("/health says that nobody reads the new one", func(h harness.Health) bool {
		return h.Code == http.StatusServiceUnavailable && strings.Contains(strings.Join(h.Reasons, " "), "does not read it")
	})
	assert.Equal(t, ticks(h).Received, ticks(h).Accepted+ticks(h).Discarded(), "received = accepted + dropped")
	assert.EqualValues(t, 12_500, ticks(h).Received)
	assert.Equal(t, ticks(h).Dropped, h.LostAtStop)
	n := r.awaitStored(marketdata.Ticks, ticks(h).Accepted)
	t.Logf("thawed: %d stored, %d dropped", n.Rows, ticks(h).Dropped)

	code, err := send(within(t), http.MethodPost, "http://"+api+"/inputs/ticks", r.ticksInput(200))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)
	b.until("the one that is set again is connected", func(h harness.Health) bool { return ticks(h).Connected && h.Code == http.StatusOK })
	total := r.publish(marketdata.Ticks, 1000)
	n = r.awaitStored(marketdata.Ticks, ticks(h).Accepted+1000)
	h = b.health()
	assert.Equal(t, total, ticks(h).Received)
	assert.Equal(t, total, n.Rows+ticks(h).Discarded(), "published = stored + dropped")
	assert.Zero(t, n.Duplicated())
	b.terminate()
	assert.Zero(t, b.exitCode(), "what was lost before is in the counters")
}

// A stream that is replaced while ClickHouse is frozen has to be forced: what that cost
// is known afterwards, though another stream has its name, and is not in the exit code.
func TestWhatAForcedReplacementCostsIsKnownAfterwards(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address, api := freeAddress(t), freeAddress(t)
	stream := func(count int) string { return "input: " + r.ticksInput(count) + "\n" + r.small(address) }
	b := startBridge(t, binary, address, env{}, "streams", "--api",
		"-o", written(t, "root.yaml", "http: {address: '"+api+"'}\nmetrics: {prometheus: {}}\nlogger: {format: json}\n"), written(t, "s.yaml", stream(100)))
	b.await("The HTTP API of streams mode is open")
	ticks := func(h harness.Health) harness.Input { return h.Inputs["s.ticks"] }
	b.until("it is connected", func(h harness.Health) bool { return ticks(h).Connected && h.Outputs["s.clickhouse"].Connected })
	r.stall()
	before := r.publish(marketdata.Ticks, 10_000)
	b.until("the buffer is full", func(h harness.Health) bool {
		return ticks(h).Received == before && h.Metrics.Backpressure.Level == 1000
	})

	ctx, cancel := context.WithTimeout(within(t), time.Minute)
	defer cancel()
	code, err := send(ctx, http.MethodPut, "http://"+api+"/streams/s?timeout=2s", stream(200))
	t.Logf("replaced: %d %v", code, err)
	b.await("Data Bridge stopped with")
	r.unstall()
	if code != http.StatusOK { // it was stopped, and the new one not started
		request(t, http.MethodPost, "http://"+api+"/streams/s", stream(200))
	}
	b.until("the new one is connected", func(h harness.Health) bool { return ticks(h).Connected })
	after := r.publish(marketdata.Ticks, 1000) - before
	h := b.until("it has the rest", func(h harness.Health) bool { return ticks(h).Accepted == after })
	require.Equal(t, after, ticks(h).Received, "another board")
	n := r.awaitStored(marketdata.Ticks, before+after-h.LostAtStop)
	t.Logf("%d published, %d stored, %d lost at the stop", before+after, n.Distinct, h.LostAtStop)
	// What was being inserted when the stream was stopped may be stored all the same.
	assert.GreaterOrEqual(t, n.Distinct+h.LostAtStop, before+after, "published = stored + lost at the stop")
	assert.Positive(t, h.LostAtStop)
	assert.LessOrEqual(t, h.LostAtStop, before)
	seesLossAtStop(t, address, h.LostAtStop)
	_, metrics := answerTo(t, http.MethodGet, "http://"+api+"/metrics", "", "", nil)
	assert.Contains(t, metrics, fmt.Sprintf(" %d\n", h.LostAtStop), "data_bridge_source_lost_at_stop_records_total")
	b.terminate()
	assert.Zero(t, b.exitCode(), "this end was clean")
}

// seesLossAtStop expects the page and top to say what stops have cost, and where it stands
// what to do about it, though the stream that lost it is gone.
func seesLossAtStop(t *testing.T, address string, lost int64) {
	t.Helper()
	p := browse(t, "http://"+address+"/")
	p.until("it is in the tile", fmt.Sprintf(`%s.replaceAll(",", "") === "%d" && /^[\d,]+ at stops$/.test(%s)`, tile("Lost"), lost, more("Lost")))
	assert.Equal(t, "bad", eval[string](p, `[...document.querySelectorAll("#tiles > div")].find(d => d.firstChild.textContent === "Lost").children[1].dataset.tone`))
	assert.Equal(t, "0", eval[string](p, cell("inputs-rows", "ticks", "Lost at stops")), "this input has lost nothing")
	assert.Equal(t, "docs/runbook.md#databridgelostatstop",
		eval[string](p, `[...document.querySelectorAll("#advice a")].map(a => a.href.replace(/^.*\/blob\/main\//, "")).find(to => to.startsWith("docs/runbook.md"))`))
	p.accessible()
	text := output(t, "top", "--address", address)
	assert.Regexp(t, fmt.Sprintf(`Lost at stops %s\b`, withCommas(lost)), text)
	assert.Contains(t, text, "see docs/runbook.md#databridgelostatstop")
}

// withCommas writes a count below a million as top does.
func withCommas(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
