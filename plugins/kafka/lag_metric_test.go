package kafka

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// gauges is a metrics exporter that keeps what gauges are set to.
type gauges struct {
	mu     sync.Mutex
	values map[string]int64
}

type gauge struct {
	all *gauges
	key string
}

func (g gauge) Set(v int64) {
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	g.all.values[g.key] = v
}
func (gauge) SetFloat64(float64)  {}
func (gauge) Incr(int64)          {}
func (gauge) IncrFloat64(float64) {}
func (gauge) Timing(int64)        {}

func (g *gauges) Close(context.Context) error { return nil }
func (g *gauges) NewCounterCtor(string, ...string) service.MetricsExporterCounterCtor {
	return func(...string) service.MetricsExporterCounter { return gauge{} }
}

func (g *gauges) NewTimerCtor(string, ...string) service.MetricsExporterTimerCtor {
	return func(...string) service.MetricsExporterTimer { return gauge{} }
}

func (g *gauges) NewGaugeCtor(name string, keys ...string) service.MetricsExporterGaugeCtor {
	return func(values ...string) service.MetricsExporterGauge {
		labels := []string{name}
		for i, k := range keys {
			if k == "topic" || k == "partition" {
				labels = append(labels, k+"="+values[i])
			}
		}
		return gauge{g, strings.Join(labels, " ")}
	}
}

func (g *gauges) is(key string, want int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, ok := g.values[key]
	return ok && v == want
}

func TestLagIsAGaugeOfEachPartition(t *testing.T) {
	c := newCluster(t, fakeBrokers(t))
	topic := c.topic(2)
	c.produce(topic, 0, 0, 7)
	all := &gauges{values: map[string]int64{}}
	env := service.NewEnvironment()
	require.NoError(t, env.RegisterMetricsExporter("gauges", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) { return all, nil }))
	b := env.NewStreamBuilder()
	require.NoError(t, b.SetLoggerYAML("level: none"))
	require.NoError(t, b.SetMetricsYAML("gauges: {}"))
	require.NoError(t, b.AddInputYAML("pausable_kafka:\n  "+
		strings.ReplaceAll(strings.TrimSpace(c.config(topic, quickLag)), "\n", "\n  ")))
	release := make(chan struct{})
	require.NoError(t, b.AddBatchConsumerFunc(func(context.Context, service.MessageBatch) error { <-release; return nil }))
	stream, err := b.Build()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()

	first, second := "kafka_lag topic="+topic+" partition=0", "kafka_lag topic="+topic+" partition=1"
	eventually(t, "the lag is told", func() bool { return all.is(first, 7) && all.is(second, 0) })
	c.produce(topic, 1, 0, 3)
	eventually(t, "the lag grows", func() bool { return all.is(first, 7) && all.is(second, 3) })
	close(release)
	eventually(t, "the lag goes", func() bool { return all.is(first, 0) && all.is(second, 0) })
	require.NoError(t, stream.StopWithin(20*time.Second))
	require.NoError(t, <-ended)
}
