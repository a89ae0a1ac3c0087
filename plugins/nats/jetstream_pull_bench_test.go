package nats

import (
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// What a reader may have on its way, and hands on at once: the defaults of the input.
const (
	pullMessages = 10_000
	pullBytes    = 32 << 20
	pullBatch    = 5000
)

// pulling is a way of nats.go to pull: it sends what comes to into, in batches, until
// the benchmark has enough. Full, empty or not, a batch is one that may be handed on.
type pulling func(b *testing.B, c jetstream.Consumer, into chan<- []jetstream.Msg)

var pullings = map[string]pulling{
	// Callbacks, with the most that may wait in the client: it asks for more while it
	// hands out what it has.
	"consume": func(b *testing.B, c jetstream.Consumer, into chan<- []jetstream.Msg) {
		var batch []jetstream.Msg
		n := 0
		cc, err := c.Consume(func(m jetstream.Msg) {
			batch = append(batch, m)
			if n++; len(batch) == pullBatch || n == b.N {
				into <- batch
				batch = nil
			}
		}, jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes))
		require.NoError(b, err)
		b.Cleanup(cc.Stop)
	},
	// One request after the other, each for a batch.
	"fetch": func(b *testing.B, c jetstream.Consumer, into chan<- []jetstream.Msg) {
		go func() {
			for n := 0; n < b.N; {
				got, err := c.Fetch(min(pullBatch, b.N-n), jetstream.FetchMaxBytes(pullBytes), jetstream.FetchMaxWait(pullExpiry))
				if err != nil {
					b.Error(err)
					return
				}
				batch := make([]jetstream.Msg, 0, pullBatch)
				for m := range got.Messages() {
					batch = append(batch, m)
				}
				n += len(batch)
				into <- batch
			}
		}()
	},
}

// BenchmarkPull compares the pull protocol of this package with those of nats.go: one
// stream on a server in this process, ticks of a realistic size, batches that are made
// into the host's messages and acknowledged. Metrics: CPU time of the process, of the
// server too, and requests for messages.
//
//	go test -run '^$' -bench Pull -benchtime 300000x -count 6 ./plugins/nats
func BenchmarkPull(b *testing.B) {
	for _, policy := range []string{"explicit", "all"} {
		b.Run("input/ack_policy="+policy, func(b *testing.B) {
			s, js := jetServer(b)
			r := newJetRig(b, s.ClientURL(), js, "ack_policy: "+policy)
			publishTicks(b, js)
			defer measurePull(b, s.ClientURL())()
			require.NoError(b, r.in.Connect(b.Context()))
			for n := 0; n < b.N; {
				batch := r.read()
				n += len(batch.messages)
				batch.ack(b)
			}
			r.settled(uint64(b.N))
		})
		for name, pull := range pullings {
			b.Run(name+"/ack_policy="+policy, func(b *testing.B) {
				s, js := jetServer(b)
				publishTicks(b, js)
				c, err := js.CreateConsumer(b.Context(), "FEED", jetstream.ConsumerConfig{
					Durable: "bridge", AckPolicy: ackPolicies[policy], MaxAckPending: 65536,
				})
				require.NoError(b, err)
				defer measurePull(b, s.ClientURL())()
				into := make(chan []jetstream.Msg)
				pull(b, c, into)
				for n := 0; n < b.N; {
					n += handOn(b, <-into, policy)
				}
				(&jetRig{t: b, js: js}).settled(uint64(b.N))
			})
		}
	}
}

// handOn does with a batch what the input does.
func handOn(b *testing.B, msgs []jetstream.Msg, policy string) int {
	b.Helper()
	batch := make(service.MessageBatch, len(msgs))
	for i, m := range msgs {
		batch[i] = service.NewMessage(m.Data())
	}
	if policy == "all" {
		if len(msgs) > 0 {
			require.NoError(b, msgs[len(msgs)-1].DoubleAck(b.Context()))
		}
		return len(batch)
	}
	for _, m := range msgs {
		require.NoError(b, m.Ack())
	}
	return len(batch)
}

// measurePull begins to measure; what it returns reports.
func measurePull(b *testing.B, url string) (report func()) {
	nc, err := nats.Connect(url)
	require.NoError(b, err)
	b.Cleanup(nc.Close)
	requests, err := nc.SubscribeSync("$JS.API.CONSUMER.MSG.NEXT.FEED.bridge")
	require.NoError(b, err)
	require.NoError(b, nc.Flush())
	before := cpu(b)
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
		require.NoError(b, nc.Flush())
		n, _, err := requests.Pending()
		require.NoError(b, err)
		b.ReportMetric(float64(n)/float64(b.N)*1e6, "requests/Mop")
	}
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
