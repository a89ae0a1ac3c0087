// Package prometheus is the metrics exporter of the data-bridge binary: what
// components publish through the host, in Prometheus' names and units, at
// /metrics of the host's own HTTP address. The catalogue says what each series is;
// metrics that are not in it are named by convention.
//
// It is linked by the binary and not by plugins/all, since a Redpanda Connect build
// brings an exporter of this name with it.
package prometheus

import (
	"context"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// exporter implements service.MetricsExporter. It owns its registry, so that
// several of them do not meet.
type exporter struct {
	log      *service.Logger
	registry *prometheus.Registry
	buckets  []float64 // of timers that have none of their own

	mu       sync.Mutex
	families map[string]*family // by full name
	refused  map[string]bool    // what a line was logged about
}

var _ service.MetricsExporter = (*exporter)(nil)

func newExporter(conf config, build Build, log *service.Logger) *exporter {
	e := &exporter{
		log: log, registry: prometheus.NewRegistry(), buckets: conf.buckets,
		families: map[string]*family{}, refused: map[string]bool{},
	}
	e.registry.MustRegister(build.collectors(conf)...)
	return e
}

// NewCounterCtor implements service.MetricsExporter.
func (e *exporter) NewCounterCtor(name string, keys ...string) service.MetricsExporterCounterCtor {
	f, labels := e.family(name, KindCounter), labelsOf(keys)
	if f == nil {
		return func(...string) service.MetricsExporterCounter { return nothing{} }
	}
	v := vector(f, labels, counters)
	return func(values ...string) service.MetricsExporterCounter {
		return counter{f.series, v.WithLabelValues(labels.values(values)...)}
	}
}

// NewTimerCtor implements service.MetricsExporter.
func (e *exporter) NewTimerCtor(name string, keys ...string) service.MetricsExporterTimerCtor {
	f, labels := e.family(name, KindHistogram), labelsOf(keys)
	if f == nil {
		return func(...string) service.MetricsExporterTimer { return nothing{} }
	}
	v := vector(f, labels, histograms)
	return func(values ...string) service.MetricsExporterTimer {
		return timer{f.series, v.WithLabelValues(labels.values(values)...)}
	}
}

// NewGaugeCtor implements service.MetricsExporter.
func (e *exporter) NewGaugeCtor(name string, keys ...string) service.MetricsExporterGaugeCtor {
	f, labels := e.family(name, KindGauge), labelsOf(keys)
	if f == nil {
		return func(...string) service.MetricsExporterGauge { return nothing{} }
	}
	v := vector(f, labels, gauges)
	return func(values ...string) service.MetricsExporterGauge {
		return gauge{f.series, v.WithLabelValues(labels.values(values)...)}
	}
}

// family returns the family of a metric, making it on first use; nil, with a line
// in the log, when its name is taken by one of another kind.
func (e *exporter) family(host string, kind Kind) *family {
	s := find(host, kind, e.buckets)
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.families[s.FullName()]
	if f == nil {
		f = &family{series: s, collectors: map[string]prometheus.Collector{}}
		if err := e.registry.Register(f); err != nil {
			e.refuse(s, err.Error())
			return nil
		}
		e.families[s.FullName()] = f
	}
	if f.series.Kind != kind {
		e.refuse(s, "the name is taken by a "+string(f.series.Kind))
		return nil
	}
	return f
}

func (e *exporter) refuse(s Series, why string) {
	if key := s.FullName() + string(s.Kind); !e.refused[key] {
		e.refused[key] = true
		e.log.With("metric", s.Host, "kind", string(s.Kind)).Warnf("The metric %s is not exported: %s", s.FullName(), why)
	}
}

// HandlerFunc answers GET /metrics and, as the host has it, GET /stats.
func (e *exporter) HandlerFunc() http.HandlerFunc {
	return promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{
		ErrorLog:      e,
		ErrorHandling: promhttp.ContinueOnError, // what is right is shown
	}).ServeHTTP
}

// Println implements promhttp.Logger.
func (e *exporter) Println(v ...any) {
	e.log.With("cause", v).Error("Not all metrics could be gathered")
}

// Close implements service.MetricsExporter.
func (e *exporter) Close(context.Context) error { return nil }

type counter struct {
	Series
	metric prometheus.Counter
}

func (c counter) Incr(n int64) { c.IncrFloat64(float64(n)) }

// IncrFloat64 is looked for by the host. A counter never falls: what would make it
// fall is left out.
func (c counter) IncrFloat64(n float64) {
	if n > 0 {
		c.metric.Add(c.scale(n))
	}
}

type gauge struct {
	Series
	metric prometheus.Gauge
}

func (g gauge) Set(v int64)          { g.SetFloat64(float64(v)) }
func (g gauge) SetFloat64(v float64) { g.metric.Set(g.scale(v)) }

type timer struct {
	Series
	metric prometheus.Observer
}

func (t timer) Timing(v int64) { t.metric.Observe(t.scale(float64(v))) }

// nothing is what a metric becomes that is not exported.
type nothing struct{}

func (nothing) Incr(int64)          {}
func (nothing) IncrFloat64(float64) {}
func (nothing) Timing(int64)        {}
func (nothing) Set(int64)           {}
func (nothing) SetFloat64(float64)  {}
