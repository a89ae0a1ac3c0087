package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// feed publishes one stream of a rig, numbered on from call to call.
type feed struct {
	t    *testing.T
	gen  *marketdata.Generator
	sink marketdata.Sink
}

// feed is the rig's only publisher of the kind.
func (r *rig) feed(kind marketdata.Kind) *feed {
	r.t.Helper()
	if f := r.feeds[kind]; f != nil {
		return f
	}
	gen, err := marketdata.New(1, kind, r.id)
	require.NoError(r.t, err)
	f := &feed{t: r.t, gen: gen, sink: r.sink(kind)}
	r.feeds[kind] = f
	return f
}

func (r *rig) sink(kind marketdata.Kind) marketdata.Sink {
	r.t.Helper()
	if kind == marketdata.External {
		client, err := kgo.NewClient(kgo.SeedBrokers(r.kafka.Addr()))
		require.NoError(r.t, err)
		r.t.Cleanup(client.Close)
		return marketdata.KafkaSink(client, r.topic())
	}
	conn, err := r.nats.Connect()
	require.NoError(r.t, err)
	r.t.Cleanup(conn.Close)
	return marketdata.NATSSink(conn, r.subject(kind))
}

// publish sends n more records as fast as they are taken, and returns how many
// the feed has published in all.
func (r *rig) publish(kind marketdata.Kind, n int64) int64 {
	r.t.Helper()
	f := r.feed(kind)
	total, err := marketdata.Publish(within(r.t), f.sink, f.gen, marketdata.Shape{Count: n})
	require.NoError(r.t, err)
	require.EqualValues(r.t, f.gen.Seq(), total, "published %s", kind)
	return total
}

// published is how many records of the kind have been published in all.
func (r *rig) published(kind marketdata.Kind) int64 {
	r.t.Helper()
	return r.feed(kind).sink.Published()
}

// stream publishes in the given shape in the background. The function that it
// returns ends that, and returns how many the feed has published in all.
func (r *rig) stream(kind marketdata.Kind, shape marketdata.Shape) (stop func() int64) {
	r.t.Helper()
	f := r.feed(kind)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	done := make(chan struct{})
	var total int64
	var err error
	go func() {
		defer close(done)
		total, err = marketdata.Publish(ctx, f.sink, f.gen, shape)
	}()
	r.t.Cleanup(func() { cancel(); <-done })
	return func() int64 {
		r.t.Helper()
		cancel()
		<-done
		require.NoError(r.t, err)
		require.EqualValues(r.t, f.gen.Seq(), total, "published %s", kind)
		return total
	}
}
