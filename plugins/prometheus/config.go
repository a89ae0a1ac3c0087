package prometheus

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	exporterName  = "prometheus"
	fieldBuckets  = "histogram_buckets"
	fieldProcess  = "add_process_metrics"
	fieldRuntime  = "add_go_metrics"
	bucketsSorted = "histogram_buckets must rise: each one above the one before"
)

// config is the user's configuration of the exporter.
type config struct {
	buckets          []float64
	process, runtime bool
}

// Build says which binary it is, for the series data_bridge_build_info.
type Build struct{ Version, Date string }

// MustRegister makes the exporter known to the host, for the binary of that build.
func MustRegister(build Build) {
	service.MustRegisterMetricsExporter(exporterName, spec(),
		func(p *service.ParsedConfig, log *service.Logger) (service.MetricsExporter, error) {
			conf, err := parseConfig(p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", exporterName, err)
			}
			e := newExporter(conf, build, log)
			latest.Store(e)
			return e, nil
		})
}

// latest is the exporter of the process that the host built last; it builds one.
var latest atomic.Pointer[exporter]

// Handler answers with the metrics of the process, for a listener of one's own; with
// 404 where the config exports them by other means.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := latest.Load()
		if e == nil {
			http.NotFound(w, r)
			return
		}
		e.HandlerFunc()(w, r)
	})
}

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Summary("Serves the metrics of all components in Prometheus' format.").
		Description("At `/metrics` of the HTTP address of the process (`http.address`), and of the status listener (`status_server.address`). Every series, its labels and its meaning are listed in [metrics.md](metrics.md); "+
			"metrics of components that are not in that list are exported as well, under names made by the same conventions.").
		Fields(
			service.NewFloatListField(fieldBuckets).
				Description("The upper bounds of the buckets, in seconds, of timers that have none of their own: those of the host, such as `output_latency_ns`.").
				Default(slices.Collect(func(yield func(any) bool) {
					for _, b := range timeBuckets {
						if !yield(b) {
							return
						}
					}
				})).Example([]any{0.001, 0.01, 0.1, 1, 10}).Advanced(),
			service.NewBoolField(fieldProcess).
				Description("Whether to add the series of the process: memory, processor time, open files.").
				Default(true).Advanced(),
			service.NewBoolField(fieldRuntime).
				Description("Whether to add the series of the Go runtime: goroutines, heap, garbage collection.").
				Default(true).Advanced(),
		)
}

func parseConfig(p *service.ParsedConfig) (c config, err error) {
	if c.buckets, err = p.FieldFloatList(fieldBuckets); err != nil {
		return c, err
	}
	for i, b := range c.buckets[min(1, len(c.buckets)):] {
		if b <= c.buckets[i] {
			return c, fmt.Errorf("%w (%v)", errors.New(bucketsSorted), c.buckets)
		}
	}
	if c.process, err = p.FieldBool(fieldProcess); err != nil {
		return c, err
	}
	c.runtime, err = p.FieldBool(fieldRuntime)
	return c, err
}

// collectors are what the registry holds beside the components' metrics.
func (b Build) collectors(conf config) []prometheus.Collector {
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "build_info", Help: "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": b.Version, "date": b.Date, "go_version": runtime.Version()},
	}, func() float64 { return 1 })
	all := []prometheus.Collector{info}
	if conf.process {
		all = append(all, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	if conf.runtime {
		all = append(all, collectors.NewGoCollector())
	}
	return all
}
