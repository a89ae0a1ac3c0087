package nats

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// BenchmarkJetStream reads and acknowledges ticks of a stream on a server in
// this process: by this input with either policy, by the client's own iterator,
// and one message at a time, as the stock input does.
func BenchmarkJetStream(b *testing.B) {
	for _, policy := range []string{"explicit", "all"} {
		b.Run("input/ack_policy="+policy, func(b *testing.B) {
			s, js := jetServer(b)
			r := newJetRig(b, s.ClientURL(), js, "ack_policy: "+policy)
			publishTicks(b, js)
			b.ResetTimer()
			connect(b, r.in)
			for n := 0; n < b.N; {
				batch := r.read()
				n += len(batch.messages)
				batch.ack(b)
			}
			r.settled(uint64(b.N))
		})
	}
	b.Run("client/messages", func(b *testing.B) {
		benchConsumer(b, func(c jetstream.Consumer) {
			it, err := c.Messages(jetstream.PullMaxMessages(10000))
			require.NoError(b, err)
			defer it.Stop()
			for range b.N {
				m, err := it.Next()
				require.NoError(b, err)
				require.NoError(b, m.Ack())
			}
		})
	})
	b.Run("client/fetch_one", func(b *testing.B) {
		benchConsumer(b, func(c jetstream.Consumer) {
			for range b.N {
				batch, err := c.Fetch(1)
				require.NoError(b, err)
				for m := range batch.Messages() {
					require.NoError(b, m.Ack())
				}
			}
		})
	})
}

func benchConsumer(b *testing.B, read func(jetstream.Consumer)) {
	_, js := jetServer(b)
	publishTicks(b, js)
	c, err := js.CreateConsumer(b.Context(), "FEED", jetstream.ConsumerConfig{
		Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1,
	})
	require.NoError(b, err)
	b.ResetTimer()
	read(c)
	r := jetRig{t: b, js: js}
	r.settled(uint64(b.N))
}

// publishTicks stores b.N ticks of a realistic size.
func publishTicks(b *testing.B, js jetstream.JetStream) {
	tick := fmt.Appendf(nil, `{"symbol":"BTC-USD","time":"2026-01-31T12:00:00.123456Z","bid":%.2f,"ask":%.2f,"size":%d}`, 43210.5, 43210.75, 12)
	for range b.N {
		_, err := js.PublishAsync("feed.a", tick, jetstream.WithStallWait(patience))
		require.NoError(b, err)
	}
	<-js.PublishAsyncComplete()
}
