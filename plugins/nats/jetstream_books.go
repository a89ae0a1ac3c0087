package nats

import (
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// jetBooks publish the figures of an intake as metrics. They are safe for
// concurrent use.
type jetBooks struct {
	redelivered, repeated, nacked, discarded, terminated, stalls *service.MetricCounter

	mu        sync.Mutex
	published intakeFigures // of the present session
}

func newJetBooks(m *service.Metrics) *jetBooks {
	return &jetBooks{
		redelivered: m.NewCounter("jetstream_redelivered"),
		repeated:    m.NewCounter("jetstream_repeated"),
		nacked:      m.NewCounter("jetstream_nacked"),
		discarded:   m.NewCounter("jetstream_discarded"),
		terminated:  m.NewCounter("jetstream_terminated"),
		stalls:      m.NewCounter("jetstream_stalls"),
	}
}

// show makes the metrics known before there is anything to count.
func (b *jetBooks) show() {
	for _, c := range []*service.MetricCounter{b.redelivered, b.repeated, b.nacked, b.discarded, b.terminated, b.stalls} {
		c.Incr(0)
	}
}

// publish brings the metrics up to date and returns how many messages were
// received since the last time: those are the board's to publish.
func (b *jetBooks) publish(now intakeFigures) (received int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.published
	b.published = now
	incr(b.redelivered, now.redelivered-last.redelivered)
	incr(b.repeated, now.repeated-last.repeated)
	incr(b.nacked, now.nacked-last.nacked)
	incr(b.discarded, now.discarded-last.discarded)
	incr(b.terminated, now.terminated-last.terminated)
	incr(b.stalls, now.stalls-last.stalls)
	return now.received - last.received
}

// incr spares the metric what costs and changes nothing.
func incr(c *service.MetricCounter, n int64) {
	if n != 0 {
		c.Incr(n)
	}
}

// end says that the next figures are those of a new session.
func (b *jetBooks) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.published = intakeFigures{}
}
