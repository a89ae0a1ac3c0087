package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// scrape is one answer of /metrics.
type scrape struct {
	t        *testing.T
	families map[string]*dto.MetricFamily
}

func (r *rig) scrape(address string) scrape {
	r.t.Helper()
	body := []byte(fetch(r.t, address+"/metrics"))
	problems, err := promlint.New(bytes.NewReader(body)).Lint()
	require.NoError(r.t, err)
	assert.Empty(r.t, problems)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(r.t, err)
	return scrape{r.t, families}
}

// fetch returns what is served there; every code will do.
func fetch(t *testing.T, page string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, "http://"+page, nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

// sum adds up the values of a series that have all of the labels, given as
// name=value; of a histogram it is the number of observations.
func (s scrape) sum(name string, labels ...string) float64 {
	s.t.Helper()
	f := s.families[name]
	require.NotNil(s.t, f, "no %s", name)
	total, found := 0.0, false
	for _, m := range f.GetMetric() {
		have := map[string]bool{}
		for _, l := range m.GetLabel() {
			have[l.GetName()+"="+l.GetValue()] = true
		}
		matches := true
		for _, l := range labels {
			matches = matches && have[l]
		}
		if matches {
			found = true
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	require.True(s.t, found, "no %s with %v", name, labels)
	return total
}

// documented are the series of docs/metrics.md under headings that name the
// component.
func documented(t *testing.T, component string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/metrics.md"))
	require.NoError(t, err)
	row := regexp.MustCompile("^\\| `(data_bridge_\\w+)`")
	inside := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "## ") {
			inside = strings.Contains(line, "`"+component+"`")
		}
		if m := row.FindStringSubmatch(line); m != nil && inside {
			names = append(names, m[1])
		}
	}
	require.NotEmpty(t, names)
	return names
}

func (s scrape) hasAllOf(component string) {
	s.t.Helper()
	for _, name := range documented(s.t, component) {
		assert.Contains(s.t, s.families, name)
	}
}

// Every documented series is there, by Prometheus' conventions, and says what
// /health says: after a pause, drops, a failed table and a dead letter.
func TestMetricsAgreeWithHealth(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address := freeAddress(t)
	status := freeAddress(t)
	b := r.start(env{"HTTP_ADDRESS": address, "STATUS_ADDRESS": status}).ready()
	r.publish(marketdata.External, 1000)
	r.produceBad(t)
	r.awaitStored(marketdata.External, 1000)
	r.stall()
	r.publish(marketdata.Ticks, 41_000)
	b.await(logPause)
	r.publish(marketdata.Ticks, 3000)
	b.until("ticks are dropped", func(h harness.Health) bool { return unsettled(h.Inputs["ticks"]) == 0 && h.Inputs["ticks"].Dropped > 0 })
	require.Eventually(t, func() bool {
		s := r.scrape(address)
		return s.sum("data_bridge_backpressure_paused_seconds_total", "reason=level") > 1
	}, patience, 100*time.Millisecond, "it grows while the pause lasts")
	s := r.scrape(address)
	assert.InDelta(t, 1, s.sum("data_bridge_backpressure_active"), 0)
	assert.InDelta(t, 1, s.sum("data_bridge_source_paused", "input=ticks"), 0)
	assert.Greater(t, s.sum("data_bridge_backpressure_oldest_record_age_seconds"), 1.0)
	assert.Greater(t, s.sum("data_bridge_backpressure_level_records"), 40_000.0)

	r.unstall()
	b.await(logResume)
	h := b.until("all is settled", func(h harness.Health) bool { return h.Metrics.Backpressure.Level == 0 })
	var now scrape
	require.Eventually(t, func() bool {
		now = r.scrape(address)
		return now.sum("data_bridge_backpressure_level_records") == 0 && now.sum("data_bridge_source_lag_records", "input=external") == 0
	}, patience, 100*time.Millisecond, "published once a second")
	for _, component := range []string{"backpressure", "pausable_nats", "pausable_kafka", "clickhouse"} {
		now.hasAllOf(component)
	}
	now.agreesWith(h)
	historyAgrees(t, fetch(t, status+"/pauses"), h)
	b.stop()
	b.inOrder(logFlushing, "📅 Daily summary", logStopped)
}

// historyAgrees checks the history of the one pause.
func historyAgrees(t *testing.T, body string, h harness.Health) {
	t.Helper()
	var history struct {
		Pauses []struct {
			Reason     string
			Input, End *string
			PeakLevel  int64 `json:"peak_level"`
			Seconds    float64
			Dropped    map[string]int64
		}
		Total struct {
			Count, Dropped int64
			Paused         float64 `json:"paused_seconds"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &history))
	require.Len(t, history.Pauses, 1, body)
	p := history.Pauses[0]
	assert.Equal(t, "level", p.Reason)
	assert.Nil(t, p.Input)
	assert.NotNil(t, p.End)
	assert.Greater(t, p.Seconds, 1.0)
	assert.Greater(t, p.PeakLevel, int64(40_000))
	assert.LessOrEqual(t, p.PeakLevel, int64(50_000))
	assert.Equal(t, map[string]int64{"ticks": h.Inputs["ticks"].Dropped}, p.Dropped, "all drops are of this pause")
	assert.EqualValues(t, 1, history.Total.Count)
	assert.Equal(t, h.Inputs["ticks"].Dropped, history.Total.Dropped)
	assert.InDelta(t, p.Seconds, history.Total.Paused, 0.001)
}

// produceBad publishes an external record that fits no table.
func (r *rig) produceBad(t *testing.T) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	record := &kgo.Record{Topic: r.topic(), Value: []byte(`{"stream":"` + r.id + `","seq":"one"}`)}
	require.NoError(t, client.ProduceSync(within(t), record).FirstErr())
}

func (s scrape) agreesWith(h harness.Health) {
	s.t.Helper()
	is := func(want int64, name string, labels ...string) {
		s.t.Helper()
		assert.InDelta(s.t, float64(want), s.sum(name, labels...), 0, "%s %v", name, labels)
	}
	for label, in := range h.Inputs {
		labels := []string{"input=" + label, "kind=" + in.Kind, "label=" + label}
		is(in.Received, "data_bridge_source_received_records_total", labels...)
		is(in.Accepted, "data_bridge_source_accepted_records_total", labels...)
		is(in.Dropped, "data_bridge_source_dropped_records_total", labels...)
		is(in.Conflated, "data_bridge_source_conflated_records_total", labels...)
		is(in.SlowConsumer, "data_bridge_source_slow_consumer_records_total", labels...)
		is(in.RecordsLost, "data_bridge_source_lost_records_total", labels...)
		is(0, "data_bridge_source_buffered_records", labels...)
		is(0, "data_bridge_source_paused", labels...)
		is(1, "data_bridge_source_connected", labels...)
	}
	assert.Positive(s.t, h.Inputs["ticks"].Dropped)
	out := h.Outputs["clickhouse"]
	is(out.Rows, "data_bridge_clickhouse_inserted_rows_total")
	is(out.Batches, "data_bridge_clickhouse_inserts_total")
	is(out.Batches, "data_bridge_clickhouse_insert_rows")
	is(out.Batches, "data_bridge_clickhouse_insert_seconds")
	is(out.Retries, "data_bridge_clickhouse_retries_total")
	is(1, "data_bridge_clickhouse_dead_letters_total", "table=external")
	is(out.DeadLetters, "data_bridge_clickhouse_dead_letters_total")
	is(0, "data_bridge_clickhouse_retry_queue_batches")
	is(1, "data_bridge_clickhouse_connected", "label=clickhouse")
	is(1, "data_bridge_backpressure_pauses_total", "reason=level")
	is(1, "data_bridge_backpressure_pause_seconds", "reason=level")
	is(0, "data_bridge_backpressure_pauses_total", "reason=operator")
	is(50_000, "data_bridge_backpressure_limit_records")
	is(40_000, "data_bridge_backpressure_pause_threshold_records")
	is(20_000, "data_bridge_backpressure_resume_threshold_records")
	is(0, "data_bridge_backpressure_active")
	is(1, "data_bridge_build_info")
	assert.InDelta(s.t, float64(time.Now().Unix()), s.sum("data_bridge_backpressure_heartbeat_timestamp_seconds"), 60)
	assert.Positive(s.t, s.sum("process_resident_memory_bytes"))
}
