package backpressure

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// The way of a record through the buffer, with the gate open and watching and
// with the gate switched off. What the gate costs is the difference:
//
//	go test -bench Path -count 10 ./plugins/backpressure | benchstat -col /gate -
func BenchmarkPath(b *testing.B) {
	for _, arm := range []struct{ name, yaml string }{
		{"gate=off", "enabled: false"},
		{"gate=open", "enabled: true"},
	} {
		b.Run(arm.name, func(b *testing.B) { benchPath(b, newRig(b, arm.yaml)) })
	}
}

const benchBatch = 1000

func benchPath(b *testing.B, r *rig) {
	ctx := context.Background()
	defer r.Close(ctx)
	msgs := make(service.MessageBatch, benchBatch)
	origin := r.board.Input("ticks", status.KindNATS).Mark(ctx)
	for i := range msgs {
		msgs[i] = service.NewMessageWithContext(origin, []byte(`{"symbol":"BTC","price":1.5}`))
	}
	ack := func(context.Context, error) error { return nil }
	r.conf.count = benchBatch
	b.ReportAllocs()
	for b.Loop() {
		if err := r.WriteBatch(ctx, msgs, ack); err != nil {
			b.Fatal(err)
		}
		_, done, err := r.ReadBatch(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if err := done(ctx, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBatch), "ns/record")
}
