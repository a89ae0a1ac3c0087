package status

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// publishEvery is how often an input publishes its figures at most.
const publishEvery = 900 * time.Millisecond

// exporter publishes the figures of one component through the host. The newest
// generation of the component is the one that publishes; the counts go on.
type exporter[M any] struct {
	mu      sync.Mutex
	metrics *M // nil before the component has said where to
}

func (e *exporter[M]) set(m *M) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.metrics = m
}

// publish calls f with the metrics, if there are any, one call at a time.
func (e *exporter[M]) publish(f func(*M)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.metrics != nil {
		f(e.metrics)
	}
}

// inputMetrics are the series of an input, with the labels input and kind.
type inputMetrics struct {
	received, accepted, dropped, conflated, slow, lost *service.MetricCounter
	atStop                                             *service.MetricCounter
	buffered, lag, paused, connected                   *service.MetricGauge
	partitions, joined                                 *service.MetricGauge
	yielding                                           *service.MetricGauge
	yielded                                            *service.MetricCounter
}

// inputExport is how an input is published, and what of it has been.
type inputExport struct {
	exporter[inputMetrics]
	last                                                                       atomic.Int64 // when, in Unix nanoseconds
	doneReceived, doneAccepted, doneDropped, doneConflated, doneSlow, doneLost int64
	doneAtStop                                                                 int64
	doneYielded                                                                time.Duration
}

// Export publishes the figures of the input through m from now on.
func (in *Input) Export(m *service.Metrics) {
	counter := func(name string) *service.MetricCounter { return m.NewCounter(name, "input", "kind") }
	gauge := func(name string) *service.MetricGauge { return m.NewGauge(name, "input", "kind") }
	in.export.set(&inputMetrics{
		received:  counter("source_received"),
		accepted:  counter("source_accepted"),
		dropped:   counter("source_dropped"),
		conflated: counter("source_conflated"),
		slow:      counter("source_slow_consumer"),
		lost:      counter("source_lost"),
		atStop:    counter("source_lost_at_stop"),
		buffered:  gauge("source_buffered"),
		lag:       gauge("source_lag"),
		paused:    gauge("source_paused"),
		connected: gauge("source_connected"),

		yielding: gauge("source_yielding"),
		yielded:  counter("source_yielded_seconds"),

		partitions: gauge("source_partitions"),
		joined:     gauge("source_group_joined"),
	})
	in.Publish()
}

// Publish brings the metrics up to date. The buffer of the stream calls it once a
// second.
func (in *Input) Publish() {
	e := &in.export
	e.last.Store(time.Now().UnixNano())
	e.publish(func(m *inputMetrics) {
		in.count(m.received, &in.Received, &e.doneReceived)
		in.count(m.accepted, &in.Accepted, &e.doneAccepted)
		in.count(m.dropped, &in.Dropped, &e.doneDropped)
		in.count(m.conflated, &in.Conflated, &e.doneConflated)
		in.count(m.slow, &in.SlowConsumer, &e.doneSlow)
		in.count(m.lost, &in.Lost, &e.doneLost)
		in.count(m.atStop, &in.LostAtStop, &e.doneAtStop)
		in.gauge(m.buffered, in.Level.Load())
		in.gauge(m.paused, Flag(in.Paused()))
		in.gauge(m.connected, in.Link.gauge())
		in.publishYields(m)
		in.publishShare(m)
	})
}

func (in *Input) publishShare(m *inputMetrics) {
	share := in.Share()
	if lag := in.Lag(); lag != nil {
		in.gauge(m.lag, *lag)
	} else if share != nil && share.Partitions == 0 {
		in.gauge(m.lag, 0) // others have it
	}
	if share != nil {
		in.gauge(m.partitions, share.Partitions)
		in.gauge(m.joined, Flag(share.Group != GroupJoining))
	}
}

// PublishSometimes is Publish, about once a second at most: inputs call it with
// their batches, since a stream may have another buffer than ours.
func (in *Input) PublishSometimes() {
	now, last := time.Now().UnixNano(), in.export.last.Load()
	if now-last >= int64(publishEvery) && in.export.last.CompareAndSwap(last, now) {
		in.Publish()
	}
}

// count adds to a counter what has come since the last time.
func (in *Input) count(c *service.MetricCounter, figure *atomic.Int64, done *int64) {
	n := figure.Load()
	c.Incr(n-*done, in.Label, string(in.Kind))
	*done = n
}

func (in *Input) gauge(g *service.MetricGauge, v int64) { g.Set(v, in.Label, string(in.Kind)) }

// outputMetrics are the gauges of an output; it counts its events itself.
type outputMetrics struct {
	queue, oldest, connected, letters *service.MetricGauge
	rows, held, parked                *service.MetricGauge
}

// Export publishes the state of the output through m from now on: its link and
// the retry queue of each table. The names begin with the prefix.
func (o *Output) Export(m *service.Metrics, prefix string) {
	o.export.set(&outputMetrics{
		queue:     m.NewGauge(prefix+"_retry_queue", "table"),
		oldest:    m.NewGauge(prefix+"_retry_oldest_seconds", "table"),
		rows:      m.NewGauge(prefix+"_retry_rows", "table"),
		held:      m.NewGauge(prefix+"_held_rows", "table"),
		parked:    m.NewGauge(prefix + "_parked_rows"),
		connected: m.NewGauge(prefix + "_connected"),
		letters:   m.NewGauge(prefix + "_dead_letters_waiting"),
	})
	o.Publish()
}

// Publish brings the metrics up to date: on every change, and once a second by the
// buffer of the stream.
func (o *Output) Publish() {
	now := time.Now()
	o.export.publish(func(m *outputMetrics) {
		m.connected.Set(o.Link.gauge())
		waiting, _, _ := o.WaitingLetters()
		m.letters.Set(waiting)
		parked, _, _ := o.Parked()
		m.parked.Set(parked)
		for _, t := range o.Tables() {
			q, age := t.Queue(), time.Duration(0)
			if q.Batches > 0 {
				age = now.Sub(q.Since)
			}
			m.queue.Set(q.Batches, t.Name)
			m.rows.Set(q.Rows, t.Name)
			m.held.Set(t.Held.Load(), t.Name)
			m.oldest.SetFloat64(age.Seconds(), t.Name)
		}
	})
}

// Publish brings the metrics of all inputs and outputs up to date.
func (b *Board) Publish() {
	f := b.Figures()
	for _, in := range f.Inputs {
		in.Publish()
	}
	for _, out := range f.Outputs {
		out.Publish()
	}
}

// gauge is 0 while a server should be reached and is not: what was closed on purpose
// is no fault, and its series stays.
func (l *Link) gauge() int64 {
	s := l.State()
	return Flag(s.Connected || s.Closed)
}

// Flag is the value of a gauge that is 1 while something is so, else 0.
func Flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
