package prometheus

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// family is all metrics of one name. Components may label them differently, as
// resources and streams do; a vector has one set of labels, so there is one for
// each set.
type family struct {
	series Series

	mu         sync.Mutex
	collectors map[string]prometheus.Collector // by set of labels
}

// vector returns the family's vector for a set of labels, making it on first use.
func vector[V prometheus.Collector](f *family, labels labelSet, build func(Series, []string) V) V {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.collectors[labels.key()]; ok {
		return v.(V) //nolint:forcetypeassert // a family is of one kind
	}
	v := build(f.series, labels.names)
	f.collectors[labels.key()] = v
	return v
}

// Describe implements prometheus.Collector. It says nothing, which tells the
// registry that labels are not known in advance.
func (f *family) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (f *family) Collect(out chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.collectors {
		c.Collect(out)
	}
}

func counters(s Series, labels []string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: s.FullName(), Help: s.Help}, labels)
}

func gauges(s Series, labels []string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: s.FullName(), Help: s.Help}, labels)
}

func histograms(s Series, labels []string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: s.FullName(), Help: s.Help, Buckets: s.Buckets}, labels)
}

// scale turns a value of the host into one of the series.
func (s Series) scale(v float64) float64 {
	if s.Scale == 0 {
		return v
	}
	return v * s.Scale
}
