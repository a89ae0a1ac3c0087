package prometheus

import (
	"context"
	"errors"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// throughHost returns the means that the host gives a component to publish by, on
// their way to the exporter.
func throughHost(t *testing.T, r *rig) *service.Metrics {
	t.Helper()
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterMetricsExporter("prometheus", spec(),
		func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) { return r.exporter, nil }))
	var metrics *service.Metrics
	require.NoError(t, env.RegisterInput("probe", service.NewConfigSpec(),
		func(_ *service.ParsedConfig, res *service.Resources) (service.Input, error) {
			metrics = res.Metrics()
			return ended{}, nil
		}))
	b := env.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: none"))
	require.NoError(t, b.SetYAML("input: {label: ticks, probe: {}}\noutput: {drop: {}}\nmetrics: {prometheus: {}}"))
	s, err := b.Build()
	require.NoError(t, err)
	require.NoError(t, s.Run(t.Context()))
	require.NotNil(t, metrics)
	return metrics
}

// ended is an input that has nothing.
type ended struct{}

func (ended) Connect(context.Context) error { return nil }
func (ended) Close(context.Context) error   { return nil }
func (ended) Read(context.Context) (*service.Message, service.AckFunc, error) {
	return nil, nil, service.ErrEndOfInput
}

// The counts of an input go on when a reload makes it anew, and none counts twice.
func TestFiguresOfAnInputThroughTheHost(t *testing.T) {
	r := newRig(t, bare)
	m := throughHost(t, r)
	b := status.NewBoard("")
	in := b.Input("ticks", status.KindNATS)
	const labels = `{input="ticks",kind="nats",label="ticks",path="root.input"}`
	in.Received.Add(5)
	in.Export(m)
	in.Received.Add(2)
	in.Dropped.Add(3)
	in.Pausing().Set(true)
	b.Publish()
	in.Export(m) // the next generation
	in.Received.Add(1)
	in.Publish()
	in.PublishSometimes() // has just been done
	assert.Equal(t, []string{"data_bridge_source_received_records_total" + labels + " 8"}, r.scrape(t, "data_bridge_source_received"))
	assert.Equal(t, []string{"data_bridge_source_dropped_records_total" + labels + " 3"}, r.scrape(t, "data_bridge_source_dropped"))
	assert.Equal(t, []string{"data_bridge_source_paused" + labels + " 1"}, r.scrape(t, "data_bridge_source_paused"))
	assert.Empty(t, r.scrape(t, "data_bridge_source_lag"), "this kind knows none")

	connected := func() string { return r.scrape(t, "data_bridge_source_connected")[0] }
	assert.Equal(t, "data_bridge_source_connected"+labels+" 0", connected())
	in.Link.Up()
	in.Publish()
	assert.Equal(t, "data_bridge_source_connected"+labels+" 1", connected())
	in.Link.Down(errors.New("gone"))
	in.Publish()
	assert.Equal(t, "data_bridge_source_connected"+labels+" 0", connected())
	in.Link.Closed()
	in.Publish()
	assert.Equal(t, "data_bridge_source_connected"+labels+" 1", connected(), "on purpose")
}

func TestRetryQueueThroughTheHost(t *testing.T) {
	r := newRig(t, bare)
	out := status.NewBoard("").Output("clickhouse")
	out.Table("ticks").SetQueue(status.Queue{Batches: 3, Rows: 40, Since: time.Now().Add(-time.Hour)})
	out.Table("candles")
	out.Export(throughHost(t, r), "clickhouse")
	assert.Equal(t, []string{
		`data_bridge_clickhouse_retry_queue_batches{label="ticks",path="root.input",table="candles"} 0`,
		`data_bridge_clickhouse_retry_queue_batches{label="ticks",path="root.input",table="ticks"} 3`,
		`data_bridge_clickhouse_retry_queue_rows{label="ticks",path="root.input",table="candles"} 0`,
		`data_bridge_clickhouse_retry_queue_rows{label="ticks",path="root.input",table="ticks"} 40`,
	}, r.scrape(t, "data_bridge_clickhouse_retry_queue"))
	ages := r.scrape(t, "data_bridge_clickhouse_retry_oldest")
	assert.Equal(t, `data_bridge_clickhouse_retry_oldest_age_seconds{label="ticks",path="root.input",table="candles"} 0`, ages[0])
	assert.Regexp(t, `table="ticks"} 36\d\d\.\d+$`, ages[1], "with its fraction")
}
