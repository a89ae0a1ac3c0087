package prometheus

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rig is an exporter and its log.
type rig struct {
	*exporter
	log bytes.Buffer
}

func newRig(t *testing.T, yaml string) *rig {
	t.Helper()
	p, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	conf, err := parseConfig(p)
	require.NoError(t, err)
	r := &rig{}
	r.exporter = newExporter(conf, Build{Version: "v1"}, service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(&r.log, nil))))
	return r
}

// bare leaves out what depends on the machine.
const bare = "add_process_metrics: false\nadd_go_metrics: false"

// scrape returns the lines of a scrape that begin so, without help and type.
func (r *rig) scrape(t *testing.T, prefix string) []string {
	t.Helper()
	w := httptest.NewRecorder()
	r.HandlerFunc()(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	body, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestNamesAndUnits(t *testing.T) {
	r := newRig(t, bare)
	count := r.NewCounterCtor("backpressure_paused_seconds", "label", "path", "reason")("", "root.buffer", "level")
	count.Incr(2)
	count.(interface{ IncrFloat64(float64) }).IncrFloat64(0.5)
	count.Incr(-7) // would panic
	assert.Equal(t, []string{`data_bridge_backpressure_paused_seconds_total{label="",path="root.buffer",reason="level"} 2.5`},
		r.scrape(t, "data_bridge_backpressure_paused"))

	r.NewGaugeCtor("source_lag", "input", "kind")("external", "kafka").Set(12)
	assert.Equal(t, []string{`data_bridge_source_lag_records{input="external",kind="kafka"} 12`}, r.scrape(t, "data_bridge_source"))

	r.NewTimerCtor("clickhouse_insert_ns", "table")("ticks").Timing(70e6)
	have := r.scrape(t, "data_bridge_clickhouse_insert_seconds")
	assert.Contains(t, have, `data_bridge_clickhouse_insert_seconds_bucket{table="ticks",le="0.05"} 0`)
	assert.Contains(t, have, `data_bridge_clickhouse_insert_seconds_bucket{table="ticks",le="0.1"} 1`)
	assert.Contains(t, have, `data_bridge_clickhouse_insert_seconds_sum{table="ticks"} 0.07`)

	r.NewTimerCtor("clickhouse_batch_rows", "table")("ticks").Timing(10000)
	have = r.scrape(t, "data_bridge_clickhouse_insert_rows")
	assert.Contains(t, have, `data_bridge_clickhouse_insert_rows_bucket{table="ticks",le="5000"} 0`)
	assert.Contains(t, have, `data_bridge_clickhouse_insert_rows_bucket{table="ticks",le="10000"} 1`)
	assert.Contains(t, have, `data_bridge_clickhouse_insert_rows_sum{table="ticks"} 10000`)

	assert.Equal(t, []string{`data_bridge_build_info{date="",go_version="` + runtime.Version() + `",version="v1"} 1`}, r.scrape(t, "data_bridge_build"))
	assert.Empty(t, r.log.String())
}

// What the catalogue does not know is exported too.
func TestUnknownMetrics(t *testing.T) {
	r := newRig(t, bare+"\nhistogram_buckets: [0.01, 1]")
	r.NewCounterCtor("trades.by-venue", "venue")("XETR").Incr(3)
	r.NewCounterCtor("ready_total")().Incr(1)
	r.NewGaugeCtor("queue.size")().Set(4)
	r.NewTimerCtor("lookup_ns")().Timing(20e6)
	r.NewTimerCtor("lookup")().Timing(2e9)
	assert.Equal(t, []string{`data_bridge_trades_by_venue_total{venue="XETR"} 3`}, r.scrape(t, "data_bridge_trades"))
	assert.Equal(t, []string{`data_bridge_ready_total 1`}, r.scrape(t, "data_bridge_ready"))
	assert.Equal(t, []string{`data_bridge_queue_size 4`}, r.scrape(t, "data_bridge_queue"))
	assert.Equal(t, []string{
		`data_bridge_lookup_seconds_bucket{le="0.01"} 0`, `data_bridge_lookup_seconds_bucket{le="1"} 1`, `data_bridge_lookup_seconds_bucket{le="+Inf"} 2`,
		`data_bridge_lookup_seconds_sum 2.02`, `data_bridge_lookup_seconds_count 2`,
	}, r.scrape(t, "data_bridge_lookup"))
}

// Components of one metric may label it differently, as resources and streams do,
// and in another order; nobody's figures are lost, and nothing panics.
func TestLabelsThatDisagree(t *testing.T) {
	r := newRig(t, bare)
	r.NewCounterCtor("input_received", "label", "path")("a", "p").Incr(1)
	r.NewCounterCtor("input_received", "path", "label")("p", "a").Incr(1)
	r.NewCounterCtor("input_received", "label", "path", "stream")("a", "p", "s").Incr(5)
	r.NewCounterCtor("input_received", "label", "label", "path")("b", "ignored", "p").Incr(7)
	r.NewCounterCtor("input_received", "label", "path")("c").Incr(8)
	r.NewCounterCtor("input_received", "la-bel", "9", "")("d\xff", "x", "y").Incr(9)
	r.NewCounterCtor("input_received")("too", "many").Incr(10)
	assert.ElementsMatch(t, []string{
		`data_bridge_input_received_messages_total{label="a",path="p"} 2`,
		`data_bridge_input_received_messages_total{label="a",path="p",stream="s"} 5`,
		`data_bridge_input_received_messages_total{label="b",path="p"} 7`,
		`data_bridge_input_received_messages_total{label="c",path=""} 8`,
		"data_bridge_input_received_messages_total{la_bel=\"d\uFFFD\",label_9=\"x\"} 9",
		`data_bridge_input_received_messages_total 10`,
	}, r.scrape(t, "data_bridge_input"))
	assert.Empty(t, r.log.String())
}

// A name can be of one kind only: the later one is refused, once and in words.
func TestKindsThatDisagree(t *testing.T) {
	r := newRig(t, bare)
	r.NewGaugeCtor("depth_seconds")().Set(1)
	for range 3 {
		r.NewTimerCtor("depth_ns")().Timing(1)
	}
	r.NewGaugeCtor("depth_total")().Set(1)
	r.NewCounterCtor("depth")().Incr(1)
	assert.Equal(t, []string{"data_bridge_depth_seconds 1", "data_bridge_depth_total 1"}, r.scrape(t, "data_bridge_depth"))
	assert.Equal(t, 2, strings.Count(r.log.String(), "is not exported"), r.log.String())
	assert.Contains(t, r.log.String(), "The metric data_bridge_depth_seconds is not exported: the name is taken by a gauge")
}

func TestSeveralExportersDoNotMeet(t *testing.T) {
	a, b := newRig(t, ""), newRig(t, "")
	a.NewCounterCtor("clickhouse_rows")().Incr(1)
	assert.NotEmpty(t, a.scrape(t, "data_bridge_clickhouse"))
	assert.Empty(t, b.scrape(t, "data_bridge_clickhouse"))
	assert.NotEmpty(t, b.scrape(t, "process_resident_memory_bytes"))
	assert.NotEmpty(t, b.scrape(t, "go_goroutines"))
}

func TestBadBuckets(t *testing.T) {
	p, err := spec().ParseYAML("histogram_buckets: [1, 1]", nil)
	require.NoError(t, err)
	_, err = parseConfig(p)
	assert.EqualError(t, err, "histogram_buckets must rise: each one above the one before ([1 1])")
}

// Every series of the catalogue has a name of its own, by Prometheus' conventions.
func TestCatalogueKeepsTheConventions(t *testing.T) {
	r := newRig(t, bare)
	names, hosts := map[string]bool{}, map[string]bool{}
	for _, s := range Catalogue() {
		assert.False(t, names[s.FullName()], s.FullName())
		assert.False(t, hosts[s.Host], s.Host)
		names[s.FullName()], hosts[s.Host] = true, true
		values := make([]string, len(s.Labels))
		switch s.Kind {
		case KindCounter:
			r.NewCounterCtor(s.Host, s.Labels...)(values...).Incr(1)
		case KindGauge:
			r.NewGaugeCtor(s.Host, s.Labels...)(values...).Set(1)
		case KindHistogram:
			r.NewTimerCtor(s.Host, s.Labels...)(values...).Timing(1)
		}
	}
	problems, err := testutil.GatherAndLint(r.registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
	count, err := testutil.GatherAndCount(r.registry)
	require.NoError(t, err)
	assert.Equal(t, len(Catalogue())+1, count, "and the build")
}
