package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// jetRig is a rig whose candles come from a JetStream stream, by the shipped
// example.
type jetRig struct {
	*rig
	js     jetstream.JetStream
	name   string // of the stream
	policy string
	wait   string // ack_wait
	http   string // address of /metrics
}

// jetEngines runs a test with both policies of acknowledgement, one on each
// ClickHouse engine.
func jetEngines(t *testing.T, test func(t *testing.T, r *jetRig)) {
	t.Helper()
	policies := map[bool]string{true: "explicit", false: "all"}
	engines(t, func(t *testing.T, r *rig) { test(t, newJetRig(r, policies[r.ch.Legacy()])) })
}

func newJetRig(r *rig, policy string) *jetRig {
	r.t.Helper()
	conn, err := r.nats.Connect()
	require.NoError(r.t, err)
	r.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(r.t, err)
	j := &jetRig{rig: r, js: js, name: r.id, policy: policy, wait: "1m"} // a busy machine may take long
	_, err = js.CreateStream(within(r.t), jetstream.StreamConfig{Name: j.name, Subjects: []string{r.subject(marketdata.Candles) + ".>"}})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = js.DeleteStream(within(r.t), j.name) })
	gen, err := marketdata.New(1, marketdata.Candles, r.id)
	require.NoError(r.t, err)
	r.feeds[marketdata.Candles] = &feed{t: r.t, gen: gen, sink: marketdata.JetStreamSink(js, r.subject(marketdata.Candles))}
	return j
}

// start runs the example with the rig's names and servers.
func (j *jetRig) start() *bridge {
	j.t.Helper()
	status := freeAddress(j.t)
	j.http = freeAddress(j.t)
	path := j.example("jetstream_to_clickhouse", func(config map[string]any) {
		set(config["input"].(map[string]any)["pausable_nats_jetstream"], map[string]any{
			"urls": []string{j.nats.URL()}, "stream": j.name, "subjects": []string{j.subject(marketdata.Candles) + ".>"}, "ack_policy": j.policy,
			"ack_wait": j.wait,
		})
		set(config["output"], map[string]any{"label": "clickhouse"})
		config["http"] = map[string]any{"address": j.http}
		config["metrics"] = map[string]any{"prometheus": map[string]any{}}
		out := config["output"].(map[string]any)["clickhouse"]
		set(out, map[string]any{"retry": map[string]any{"max_interval": "500ms"}})
		if j.ch.Legacy() {
			set(out, map[string]any{"time_precision": "truncate"})
		}
		set(config["buffer"].(map[string]any)["backpressure"], map[string]any{
			"status_server": map[string]any{"address": status}, "heartbeat_interval": "250ms",
		})
	})
	return startBridge(j.t, binary, status, nil, "run", path)
}

func (j *jetRig) consumer() *jetstream.ConsumerInfo {
	j.t.Helper()
	c, err := j.js.Consumer(within(j.t), j.name, "data-bridge")
	require.NoError(j.t, err)
	return c.CachedInfo()
}

// A pause asks the server for nothing, loses nothing and repeats nothing.
func TestJetStreamPausesAndResumes(t *testing.T) {
	jetEngines(t, func(t *testing.T, j *jetRig) {
		b := j.start()
		b.until("connected", func(h harness.Health) bool {
			return h.Inputs["ch_candles"].Connected && h.Outputs["clickhouse"].Connected
		})
		j.stall()
		const published = 100_000
		j.publish(marketdata.Candles, published)
		b.await(logPause)
		b.await("⏸️  JetStream subscriber paused")
		b.until("no request is open", func(harness.Health) bool { return j.consumer().NumWaiting == 0 })
		b.beats(4)
		h, c := b.health(), j.consumer()
		assert.True(t, h.Metrics.Backpressure.Active)
		assert.True(t, h.Inputs["ch_candles"].Paused)
		assert.LessOrEqual(t, h.Metrics.Backpressure.Level, int64(50_000))
		assert.Positive(t, c.NumPending, "the server keeps the rest")
		j.unstall()
		b.await(logResume)
		b.await("▶️  JetStream subscriber resumed")
		n := j.awaitStored(marketdata.Candles, published)
		assert.Zero(t, n.Duplicated())
		assert.Zero(t, n.Missing(published, 0))
		b.until("all is acknowledged", func(harness.Health) bool { return j.consumer().NumAckPending == 0 })
		assert.Zero(t, j.consumer().NumRedelivered)
		assert.Equal(t, j.consumer().Delivered.Stream, j.consumer().Delivered.Consumer, "nothing was delivered twice")
		require.Eventually(t, func() bool {
			return j.scrape(j.http).sum("data_bridge_source_received_records_total", "kind=jetstream") == published
		}, patience, 100*time.Millisecond)
		j.scrape(j.http).hasAllOf("pausable_nats_jetstream")
		b.stop()
	})
}

// Crashes in mid flow lose nothing, and an end in mid flow repeats nothing.
func TestJetStreamSurvivesCrashes(t *testing.T) {
	jetEngines(t, func(t *testing.T, j *jetRig) {
		j.wait = "5s" // after which a crash is made up for
		stop := j.stream(marketdata.Candles, marketdata.Shape{Rate: 5000, Count: 40_000})
		var rows int64
		for kill := range 2 {
			b := j.start()
			b.until(fmt.Sprint("records are stored for the time ", kill+1), func(h harness.Health) bool { return h.Outputs["clickhouse"].Rows >= 2000 })
			b.kill()
			rows = j.tally(marketdata.Candles).Rows
		}
		b := j.start()
		stop()
		j.publish(marketdata.Candles, 1000)
		published := j.published(marketdata.Candles)
		n := j.awaitStored(marketdata.Candles, published)
		t.Logf("published %d, stored before the last kill %d, duplicated %d", published, rows, n.Duplicated())
		assert.Zero(t, n.Missing(published, 0))
		b.until("what the killed ones held has come again", func(harness.Health) bool { return j.consumer().NumAckPending == 0 })
		b.stop()
		assert.Zero(t, j.consumer().NumAckPending)
	})
}
