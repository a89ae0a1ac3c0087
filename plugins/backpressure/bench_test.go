package backpressure

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const benchBatch = 1000

// lane is a buffer through which a benchmark sends one batch at a time.
type lane struct {
	*rig
	msgs service.MessageBatch
}

func newLane(b testing.TB, yaml string) *lane {
	l := &lane{rig: newRig(b, yaml), msgs: make(service.MessageBatch, benchBatch)}
	b.Cleanup(func() { _ = l.Close(context.Background()) })
	origin := l.board.Input("ticks", status.KindNATS).Mark(context.Background())
	for i := range l.msgs {
		l.msgs[i] = service.NewMessageWithContext(origin, []byte(`{"symbol":"BTC","price":1.5}`))
	}
	l.conf.count = benchBatch
	return l
}

// pass takes one batch through: accepted, read, settled, acknowledged.
func (l *lane) pass(b testing.TB) {
	ctx := context.Background()
	if err := l.WriteBatch(ctx, l.msgs, func(context.Context, error) error { return nil }); err != nil {
		b.Fatal(err)
	}
	_, done, err := l.ReadBatch(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if err := done(ctx, nil); err != nil {
		b.Fatal(err)
	}
}

// The way of a record through the buffer.
func BenchmarkPath(b *testing.B) {
	for name, share := range map[string]bool{"copies": false, "originals": true} {
		b.Run(name, func(b *testing.B) {
			l := newLane(b, "")
			l.stream = streamOf(b, share)
			b.ReportAllocs()
			for b.Loop() {
				l.pass(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/record")
		})
	}
}

// What knowing the weight of a record costs, and what encoding a parsed one for
// that would.
func BenchmarkWeigh(b *testing.B) {
	body := []byte(`{"symbol":"BTC","exchange":"x","price":1.5,"size":2,"ts":1700000000000}`)
	raw, parsed := make(service.MessageBatch, benchBatch), make(service.MessageBatch, benchBatch)
	for i := range raw {
		raw[i], parsed[i] = service.NewMessage(body), service.NewMessage(body)
		if _, err := parsed[i].AsStructuredMut(); err != nil {
			b.Fatal(err)
		}
	}
	for name, batch := range map[string]service.MessageBatch{"raw": raw, "parsed": parsed} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, m := range batch {
					weigh(m)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/record")
		})
	}
	b.Run("encoded", func(b *testing.B) {
		for b.Loop() {
			for _, m := range parsed {
				if _, err := m.Copy().AsBytes(); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/record")
	})
}

// What the gate costs while it is open: the same path with the gate watching
// and with the gate switched off, in turns, so that a noisy machine disturbs
// both alike. overhead-% is what the median of one is above the other's.
func BenchmarkGateOverhead(b *testing.B) {
	lanes := [2]*lane{newLane(b, "enabled: false"), newLane(b, "enabled: true")}
	var times [2][]time.Duration
	for n := 0; b.Loop(); n++ {
		for k := range lanes {
			i := (n + k) % 2
			start := time.Now()
			lanes[i].pass(b)
			times[i] = append(times[i], time.Since(start))
		}
	}
	off, open := median(times[0]), median(times[1])
	b.ReportMetric(float64(off)/benchBatch, "off-ns/record")
	b.ReportMetric(float64(open)/benchBatch, "open-ns/record")
	b.ReportMetric(100*(float64(open)/float64(off)-1), "overhead-%")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
