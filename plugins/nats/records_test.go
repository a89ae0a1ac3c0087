package nats

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTemplatesAreBounded(t *testing.T) {
	r := newRecords(context.Background(), map[string]string{"table": "ticks"})
	for i := range 3*maxTemplates + 1 {
		subject := fmt.Sprintf("feed.%d", i)
		m := r.message(&nats.Msg{Subject: subject})
		got, _ := m.MetaGet(metaSubject)
		require.Equal(t, subject, got)
		require.LessOrEqual(t, len(r.templates), maxTemplates)
	}
}

// What one message changes must not show in another of the same subject, nor
// in the template.
func TestMessagesOfOneSubjectDoNotShareChanges(t *testing.T) {
	r := newRecords(context.Background(), map[string]string{"table": "ticks"})
	a := r.message(&nats.Msg{Subject: "feed.a", Data: []byte("a")})
	b := r.message(&nats.Msg{Subject: "feed.a", Data: []byte("b")})
	a.MetaSetMut("table", "other")
	a.SetBytes([]byte("changed"))
	c := r.message(&nats.Msg{Subject: "feed.a", Data: []byte("c")})
	for m, want := range map[*service.Message]string{b: "b", c: "c"} {
		content, err := m.AsBytes()
		require.NoError(t, err)
		assert.Equal(t, want, string(content))
		table, _ := m.MetaGet("table")
		assert.Equal(t, "ticks", table)
	}
}

func BenchmarkBatch(b *testing.B) {
	const count = 5000
	payload := make([]byte, 132)
	plain := make([]*nats.Msg, count)
	headers := make([]*nats.Msg, count)
	for i := range plain {
		subject := fmt.Sprintf("market.ticks.%d", i%500)
		plain[i] = &nats.Msg{Subject: subject, Data: payload}
		headers[i] = &nats.Msg{Subject: subject, Data: payload, Header: nats.Header{"Trace": {"x"}}}
	}
	static := map[string]string{"table": "ticks"}
	b.Run("templates", func(b *testing.B) {
		r := newRecords(context.Background(), static)
		benchMessages(b, count, func() { r.batch(plain) })
	})
	b.Run("templates and a header", func(b *testing.B) {
		r := newRecords(context.Background(), static)
		benchMessages(b, count, func() { r.batch(headers) })
	})
	b.Run("setting two keys on each", func(b *testing.B) {
		benchMessages(b, count, func() {
			out := make(service.MessageBatch, count)
			for i, m := range plain {
				out[i] = service.NewMessageWithContext(context.Background(), m.Data)
				out[i].MetaSetMut("table", "ticks")
				out[i].MetaSetMut(metaSubject, m.Subject)
			}
		})
	})
	b.Run("no metadata", func(b *testing.B) {
		benchMessages(b, count, func() {
			out := make(service.MessageBatch, count)
			for i, m := range plain {
				out[i] = service.NewMessageWithContext(context.Background(), m.Data)
			}
		})
	})
}

// BenchmarkInput measures the whole input against a real server in the same
// process: socket, parser, queue, hold, batch. The publisher's share is in it.
func BenchmarkInput(b *testing.B) {
	r := connected(b, startServer(b), "metadata: {table: ticks}")
	payload := make([]byte, 132)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			_ = r.pub.Publish("feed.a", payload)
		}
		_ = r.pub.Flush()
	}()
	for int(r.accepted.Load()+r.figures.SlowConsumer.Load()) < b.N {
		r.read()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(r.figures.SlowConsumer.Load()), "slow")
}

// BenchmarkHold measures offer, take and done with one callback goroutine.
func BenchmarkHold(b *testing.B) {
	h := newHold(5000, 16<<20, 0)
	m := &nats.Msg{}
	b.ReportAllocs()
	go func() {
		for range b.N {
			h.offer(m)
		}
	}()
	for n := 0; n < b.N; {
		msgs, err := h.take(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		n += len(msgs)
		h.done(msgs, true)
	}
}

// benchMessages reports per message what f costs for count of them.
func benchMessages(b *testing.B, count int, f func()) {
	b.ReportAllocs()
	allocs := testing.AllocsPerRun(10, f)
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/msg")
	b.ReportMetric(allocs/float64(count), "allocs/msg")
}
