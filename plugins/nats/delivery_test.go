package nats

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestDeliversEverythingInOrder(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	const n = 20000
	r.publish("feed.a", 0, n)
	assert.Equal(t, numbers(0, n), r.readN(n))
	r.balanced(n)
	assert.Zero(t, r.figures.Dropped.Load())
	assert.Zero(t, r.figures.SlowConsumer.Load())
}

func TestBatchIsHandedOverWhenFull(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}")
	r.publish("feed.a", 0, 25)
	assert.Equal(t, numbers(0, 10), contents(t, r.read()))
	assert.Equal(t, numbers(10, 20), contents(t, r.read()))
	r.publish("feed.a", 25, 30)
	assert.Equal(t, numbers(20, 30), contents(t, r.read()), "the rest waits for the batch to be full")
}

func TestBatchIsHandedOverWhenItsPeriodIsOver(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 1000000, period: 1ms}\npending_limits: {messages: 1000000}")
	r.publish("feed.a", 0, 3)
	assert.Equal(t, numbers(0, 3), r.readN(3))
}

func TestReadBatchWaitsForTheFirstMessage(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 0s}")
	got := make(chan service.MessageBatch)
	go func() {
		batch, _ := r.tryRead()
		got <- batch
	}()
	r.publish("feed.a", 7, 8)
	assert.Equal(t, []string{"7"}, contents(t, <-got))
}

func TestQueueGroupSharesWithoutDuplicates(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a := connected(t, s, "queue: bridge")
	b := connected(t, s, "queue: bridge")
	const n = 2000
	a.publish("feed.a", 0, n)
	eventually(t, func() bool { return a.figures.Received.Load()+b.figures.Received.Load() == n },
		func() string { return fmt.Sprint(a.figures.Received.Load(), " + ", b.figures.Received.Load()) })

	shares := []int{int(a.figures.Received.Load()), int(b.figures.Received.Load())}
	assert.NotContains(t, shares, 0, "both take part")
	assert.ElementsMatch(t, numbers(0, n), append(a.readN(shares[0]), b.readN(shares[1])...))
}

func TestSubjectsAndWildcards(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "subjects: [feed.*.eurusd, news.>]")
	for _, subject := range []string{"feed.x.eurusd", "feed.x.usdjpy", "news.a.b", "other", "feed.y.eurusd"} {
		r.publish(subject, 0, 1)
	}
	var subjects []string
	for len(subjects) < 3 {
		for _, m := range r.read() {
			v, _ := m.MetaGet("nats_subject")
			subjects = append(subjects, v)
		}
	}
	assert.ElementsMatch(t, []string{"feed.x.eurusd", "feed.y.eurusd", "news.a.b"}, subjects)
	r.balanced(3)
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "metadata: {table: ticks, venue: x}\nrecord_metadata: [nats_reply_subject, headers]")
	require.NoError(t, r.pub.PublishMsg(&nats.Msg{
		Subject: "feed.a", Reply: "inbox", Data: []byte("with headers"),
		Header: nats.Header{"Trace": {"first", "second"}, "table": {"secrets"}, "nats_subject": {"forged"}},
	}))
	r.publish("feed.b", 0, 1)

	var got []map[string]any
	for len(got) < 2 {
		for _, m := range r.read() {
			meta := map[string]any{}
			require.NoError(t, m.MetaWalkMut(func(k string, v any) error { meta[k] = v; return nil }))
			got = append(got, meta)
			assert.Same(t, r.figures, status.OriginOf(m.Context()), "the batch's context names its origin")
		}
	}
	assert.Equal(t, map[string]any{
		"table": "ticks", "venue": "x", "nats_subject": "feed.a", "nats_reply_subject": "inbox", "Trace": "first",
	}, got[0], "no header overwrites what the configuration set")
	assert.Equal(t, map[string]any{"table": "ticks", "venue": "x", "nats_subject": "feed.b"}, got[1])
}

// Data of earlier messages must not change when later ones arrive: the input
// hands over the slices of nats.go without copying.
func TestDataIsNotOverwritten(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	big := make([]byte, 100_000) // larger than the client's read buffer: takes its other path
	for i := range big {
		big[i] = byte('a' + i%26)
	}
	require.NoError(t, r.pub.Publish("feed.a", big))
	const n = 20000
	r.publish("feed.a", 0, n)
	assert.Equal(t, append([]string{string(big)}, numbers(0, n)...), r.readN(n+1))
}

func TestSlowConsumerIsCounted(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}\npending_limits: {messages: 10}")
	const n = 1000
	began := time.Now()
	r.publish("feed.a", 0, n)
	eventually(t, func() bool { return r.figures.Received.Load() == n && r.figures.SlowConsumer.Load() > 0 },
		func() string { return fmt.Sprint(r.figures.Received.Load(), r.figures.SlowConsumer.Load()) })
	r.gate.Drain()
	readToEnd(r)
	r.balanced(n)
	assert.Zero(t, r.figures.Dropped.Load())
	saidOnceInAWhile(t, r.log.lines("NATS slow consumer"), began)
	assert.GreaterOrEqual(t, r.accepted.Load(), int64(10))
}

// saidOnceInAWhile expects lines that come every five seconds at most, and not for each
// message: how many that are is up to how long the test has taken.
func saidOnceInAWhile(t *testing.T, lines []string, began time.Time) {
	t.Helper()
	assert.NotEmpty(t, lines)
	assert.LessOrEqual(t, len(lines), 1+int(time.Since(began)/(5*time.Second)))
}

func TestPendingBytesAreLimitedToo(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 1, period: 1h}\npending_limits: {bytes: 10000}")
	big := make([]byte, 4000)
	for range 10 {
		require.NoError(t, r.pub.Publish("feed.a", big))
	}
	eventually(t, func() bool { return r.figures.Received.Load() == 10 && r.figures.SlowConsumer.Load() >= 6 },
		func() string { return fmt.Sprint(r.figures.Received.Load(), r.figures.SlowConsumer.Load()) })
}

// An input that is not read keeps one batch at most; the rest is in the queue
// of nats.go.
func TestHoldIsBounded(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}")
	r.publish("feed.a", 0, 500)
	eventually(t, func() bool { return r.figures.Received.Load() == 500 && r.in.hold.counts().held == 10 },
		func() string { return fmt.Sprint(r.in.hold.counts()) })
	assert.Equal(t, numbers(0, 500), r.readN(500), "and nothing is lost for it")
}

func TestNackedMessagesAreCountedAsLost(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 5, period: 1h}")
	began := time.Now()
	r.publish("feed.a", 0, 10)
	for range 2 {
		_, ack, err := r.in.ReadBatch(context.Background())
		require.NoError(t, err)
		require.NoError(t, ack(context.Background(), assert.AnError))
	}
	assert.Equal(t, int64(10), r.in.nacked.Load())
	saidOnceInAWhile(t, r.log.lines("rejected by the stream"), began)
	require.NoError(t, r.in.Close(context.Background()))
	assert.Contains(t, r.log.String(), "10 messages were rejected by the stream and are lost")
}

func TestConcurrentSubscriptionsShareTheHold(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "subjects: [feed.a, feed.b, feed.c]\nbatch: {count: 64, period: 1ms}")
	const each = 5000
	var wg sync.WaitGroup
	for _, subject := range []string{"feed.a", "feed.b", "feed.c"} {
		wg.Go(func() { r.publish(subject, 0, each) })
	}
	next := map[string]int{}
	for n := 0; n < 3*each; {
		batch := r.read()
		n += len(batch)
		assert.LessOrEqual(t, len(batch), 64)
		for i, content := range contents(t, batch) {
			subject, _ := batch[i].MetaGet("nats_subject")
			require.Equal(t, fmt.Sprint(next[subject]), content, "each subject is in order")
			next[subject]++
		}
	}
	wg.Wait()
	r.balanced(3 * each)
}

func TestTakeReturnsNothingOnACancelledContext(t *testing.T) {
	h := newHold(10, 1<<20, time.Hour)
	for range 10 {
		h.offer(&nats.Msg{})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	msgs, err := h.take(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, msgs)
	assert.Equal(t, int64(10), h.counts().held)
}
