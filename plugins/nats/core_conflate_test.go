package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

const conflating = "on_pause: conflate\n"

// publishPairs sends one message for each "subject content".
func (r *rig) publishPairs(pairs ...[2]string) {
	r.t.Helper()
	for _, p := range pairs {
		require.NoError(r.t, r.pub.Publish(p[0], []byte(p[1])))
	}
	require.NoError(r.t, r.pub.FlushTimeout(patience))
}

// awaitTakenIn waits until n messages have passed through the callbacks, or
// wait there.
func (r *rig) awaitTakenIn(n int64) {
	r.t.Helper()
	taken := func() int64 {
		f := r.in.hold.counts()
		return f.handed + f.dropped + f.conflated + f.held
	}
	eventually(r.t, func() bool { return taken() == n }, func() string { return fmt.Sprintf("%d of %d", taken(), n) })
}

// collected is how many messages are in the batch that is being filled.
func (r *rig) collected() int {
	h := r.in.hold
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.msgs)
}

func TestConflateKeepsTheNewestOfEachSubject(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating)
	r.publish("feed.a", 0, 3)
	assert.Equal(t, numbers(0, 3), r.readN(3))

	r.gate.Hold(gate.ReasonOperator)
	r.publishPairs([2]string{"feed.a", "a1"}, [2]string{"feed.b", "b1"}, [2]string{"feed.c", "c1"},
		[2]string{"feed.a", "a2"}, [2]string{"feed.b", "b2"}, [2]string{"feed.a", "a3"})
	r.awaitTakenIn(9)
	r.gate.Release(gate.ReasonOperator)
	r.publishPairs([2]string{"feed.c", "live"})
	assert.Equal(t, []string{"c1", "b2", "a3", "live"}, r.readN(4), "the kept ones first, in the order in which they came")

	r.balanced(10)
	assert.Equal(t, int64(3), r.figures.Conflated.Load())
	assert.Zero(t, r.figures.Dropped.Load(), "what a newer one took the place of is not lost")
	line := r.log.awaitLine(t, "▶️  NATS subscriber resumed")
	for _, want := range []string{"dropped=0", "conflated=3", "kept=3"} {
		assert.Contains(t, line, want)
	}
	assert.Empty(t, r.log.lines("max_keys"))
}

func TestConflateByAnExpression(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating+`
metadata: {venue: x}
conflate: {key: '${! json("s") }-${! @nats_subject }-${! @venue }-${! @Book | "none" }'}
`)
	r.gate.Hold(gate.ReasonOperator)
	r.publishPairs([2]string{"feed.a", `{"s":1,"n":1}`}, [2]string{"feed.a", `{"s":2,"n":2}`}, [2]string{"feed.b", `{"s":1,"n":3}`},
		[2]string{"feed.a", `{"s":1,"n":4}`}, [2]string{"feed.a", `no json`})
	for _, n := range []string{"5", "6"} {
		require.NoError(t, r.pub.PublishMsg(&nats.Msg{
			Subject: "feed.a", Data: []byte(`{"s":1,"n":` + n + `}`), Header: nats.Header{"Book": {"top"}, "venue": {"forged"}},
		}))
	}
	require.NoError(t, r.pub.Flush())
	r.awaitTakenIn(7)
	r.gate.Release(gate.ReasonOperator)
	assert.Equal(t, []string{`{"s":2,"n":2}`, `{"s":1,"n":3}`, `{"s":1,"n":4}`, `{"s":1,"n":6}`}, r.readN(4))
	r.balanced(7)
	assert.Equal(t, int64(2), r.figures.Conflated.Load())
	assert.Equal(t, int64(1), r.figures.Dropped.Load(), "a message without a key")
	assert.Len(t, r.log.lines("conflate.key cannot be told"), 1)
}

func TestConflateEvictsTheOldestKey(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating+"conflate: {max_keys: 3}")
	r.gate.Hold(gate.ReasonOperator)
	for i := range 5 {
		r.publish(fmt.Sprintf("feed.%d", i), i, i+1)
	}
	r.publish("feed.2", 22, 23)
	r.awaitTakenIn(6)
	r.gate.Release(gate.ReasonOperator)
	assert.Equal(t, []string{"3", "4", "22"}, r.readN(3))
	r.balanced(6)
	assert.Equal(t, int64(2), r.figures.Dropped.Load())
	assert.Equal(t, int64(1), r.figures.Conflated.Load())
	r.log.awaitLine(t, "more keys or bytes than conflate.max_keys or conflate.max_bytes")
}

func TestConflateIsBoundedInBytes(t *testing.T) {
	const limit = 20_000
	c := newConflation(conflateConfig{enabled: true, maxKeys: 1000, maxBytes: limit}, nil)
	put := func(key string, size int) (bool, int64) {
		superseded, evicted := c.put(key, &nats.Msg{Subject: key, Data: make([]byte, size)})
		require.LessOrEqual(t, c.bytes, limit)
		return superseded, evicted
	}
	for i := range 10 {
		_, evicted := put(fmt.Sprint(i), 1000)
		require.Zero(t, evicted)
	}
	_, evicted := put("x", 15_000)
	assert.Equal(t, int64(8), evicted)
	superseded, evicted := put("x", limit)
	assert.False(t, superseded)
	assert.Equal(t, int64(1), evicted, "one that is too large itself goes alone")
	assert.Equal(t, 3, c.len())
	superseded, evicted = put("x", 16_000)
	assert.True(t, superseded)
	assert.Equal(t, int64(0), evicted)
	assert.Len(t, c.take(nil, 10, 1<<20), 3)
	assert.Zero(t, c.bytes)
	assert.Zero(t, c.order.Len())
}

// A pause that begins before everything that the last one kept was handed over
// goes on with the rest; nothing comes out of order.
func TestASecondPauseFindsWhatTheFirstKept(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating+"batch: {count: 2, period: 1h}")
	r.publish("feed.held", 0, 1) // collected, not full: waits in the batch
	r.awaitTakenIn(1)
	r.gate.Hold(gate.ReasonOperator)
	for _, s := range []string{"a", "b", "c", "d"} {
		r.publishPairs([2]string{"feed." + s, s + "1"})
	}
	r.awaitTakenIn(5)
	r.gate.Release(gate.ReasonOperator)
	assert.Equal(t, []string{"0"}, contents(t, r.read()), "what was collected before the pause is older")
	assert.Equal(t, []string{"a1", "b1"}, contents(t, r.read()))
	r.publishPairs([2]string{"feed.a", "a2"}, [2]string{"feed.e", "e1"})

	r.gate.Hold(gate.ReasonOperator)
	r.publishPairs([2]string{"feed.c", "c2"})
	r.awaitTakenIn(8)
	r.gate.Release(gate.ReasonOperator)
	assert.Equal(t, []string{"d1", "a2", "e1", "c2"}, r.readN(4))
	r.balanced(8)
	assert.Equal(t, int64(1), r.figures.Conflated.Load())
}

// What is kept leaves in batches of the usual size, and what is live waits for
// it in the client's queue.
func TestWhatWasKeptDoesNotOverrunTheHold(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating+"batch: {count: 10, period: 1h}")
	const keys = 95
	r.gate.Hold(gate.ReasonOperator)
	for i := range keys {
		r.publish(fmt.Sprintf("feed.%d", i), i, i+1)
	}
	r.awaitTakenIn(keys)
	r.gate.Release(gate.ReasonOperator)
	r.publish("feed.live", keys, keys+15)
	eventually(t, func() bool { return r.figures.Received.Load() == keys+15 }, func() string { return "not received" })
	assert.Zero(t, r.collected())
	var got []string
	for len(got) < keys+10 {
		batch := contents(t, r.read())
		assert.LessOrEqual(t, len(batch), 10)
		got = append(got, batch...)
	}
	assert.Equal(t, numbers(0, keys+10), got)
	r.gate.Drain()
	assert.Equal(t, numbers(keys+10, keys+15), readToEnd(r))
	r.balanced(keys + 15)
}

func TestADrainWhilePausedDeliversWhatWasKept(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating+"batch: {count: 10, period: 1h}")
	const keys = 42
	r.gate.Hold(gate.ReasonOperator)
	for range 3 {
		for i := range keys {
			r.publish(fmt.Sprintf("feed.%d", i), i, i+1)
		}
	}
	r.awaitTakenIn(3 * keys)
	r.gate.Drain()
	assert.Equal(t, numbers(0, keys), readToEnd(r))
	r.balanced(3 * keys)
	assert.Zero(t, r.figures.Dropped.Load())
	assert.Equal(t, int64(2*keys), r.figures.Conflated.Load())
}

func TestCloseWhilePausedCountsWhatWasKept(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating)
	r.gate.Hold(gate.ReasonOperator)
	for i := range 20 {
		r.publish(fmt.Sprintf("feed.%d", i%10), i, i+1)
	}
	r.awaitTakenIn(20)
	require.NoError(t, r.in.Close(context.Background()))
	r.balanced(20)
	assert.Equal(t, int64(10), r.figures.Dropped.Load())
	assert.Equal(t, int64(10), r.figures.Conflated.Load())
	assert.Zero(t, r.in.hold.kept.len())
	r.log.awaitLine(t, "10 messages were still queued at shutdown")
}

// The connection may end during a pause: what was kept outlives it.
func TestWhatWasKeptSurvivesTheConnection(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating)
	r.gate.Hold(gate.ReasonOperator)
	r.publish("feed.a", 0, 5)
	r.awaitTakenIn(5)
	r.in.session.conn.Close()
	_, err := r.tryRead()
	require.ErrorIs(t, err, service.ErrNotConnected)
	connect(t, r.in)
	r.publish("feed.b", 5, 8)
	r.awaitTakenIn(8)
	r.gate.Release(gate.ReasonOperator)
	assert.Equal(t, []string{"4", "7"}, r.readN(2))
	r.balanced(8)
}

// Each session must end although nobody makes room while it does: the callbacks
// of three subscriptions wait for a place in a batch of one.
func TestAnEndingSessionDoesNotWaitForRoom(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "subjects: [feed.a, feed.b, feed.c]\nbatch: {count: 1, period: 1h}")
	for range 20 {
		for _, s := range []string{"feed.a", "feed.b", "feed.c"} {
			r.publish(s, 0, 10)
		}
		r.in.session.conn.Close()
		for err := error(nil); !errors.Is(err, service.ErrNotConnected); {
			if _, err = r.tryRead(); err != nil {
				require.ErrorIs(t, err, service.ErrNotConnected)
			}
		}
		connect(t, r.in)
		assert.LessOrEqual(t, r.collected(), 1)
	}
	r.gate.Drain()
	readToEnd(r)
	r.balanced(r.figures.Received.Load())
}

func TestOfferDoesNotWaitWhileTheSessionEnds(t *testing.T) {
	h := newHold(1, 1<<20, time.Hour)
	h.kept = newConflation(conflateConfig{enabled: true, maxKeys: 2, maxBytes: 1 << 20}, nil)
	msg := func(subject string) *nats.Msg { return &nats.Msg{Subject: subject} }
	h.pause()
	h.offer(msg("a"))
	h.resume()
	h.setEnding(true)
	h.offer(msg("b")) // behind a, which nobody takes
	assert.Equal(t, 2, h.kept.len())
	taken, _, err := h.look(context.Background())
	require.NoError(t, err)
	h.done(taken, true)
	taken, _, err = h.look(context.Background())
	require.NoError(t, err)
	h.done(taken, true)
	h.offer(msg("c"))
	h.offer(msg("d"))
	assert.Equal(t, holdFigures{handed: 2, held: 1, dropped: 1}, h.counts())
}

// The newest of each key is what a reader sees last, however pauses fall.
func TestTheLastMessageOfEachKeyIsNeverConflatedAway(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), conflating+"batch: {count: 50, period: 1ms}\npending_limits: {messages: 500000}")
	const keys, rounds = 100, 300
	publish := func(from, to int) {
		for n := from; n < to; n++ {
			for k := range keys {
				assert.NoError(t, r.pub.Publish(fmt.Sprintf("feed.%d", k), fmt.Append(nil, n)))
			}
		}
		assert.NoError(t, r.pub.FlushTimeout(patience))
	}
	r.gate.Hold(gate.ReasonOperator) // one pause that meets messages for certain
	publish(0, 2)
	r.awaitTakenIn(2 * keys)
	r.gate.Release(gate.ReasonOperator)
	published := make(chan struct{})
	go func() {
		defer close(published)
		publish(2, rounds)
	}()
	flapped := make(chan struct{})
	go func() {
		defer close(flapped)
		for !awaitMore(r, 500, published) {
			r.gate.Hold(gate.ReasonOperator)
			awaitMore(r, 500, published)
			r.gate.Release(gate.ReasonOperator)
		}
		r.gate.Drain()
	}()
	seen := map[string][]string{}
	for {
		batch, err := r.tryRead()
		if errors.Is(err, service.ErrEndOfInput) {
			break
		}
		require.NoError(t, err)
		for i, content := range contents(t, batch) {
			subject, _ := batch[i].MetaGet(metaSubject)
			seen[subject] = append(seen[subject], content)
		}
	}
	<-flapped
	require.Len(t, seen, keys)
	for subject, got := range seen {
		require.Equal(t, fmt.Sprint(rounds-1), got[len(got)-1], subject)
		require.True(t, slices.IsSortedFunc(got, byNumber), "%s is in order", subject)
	}
	assert.Positive(t, r.figures.Conflated.Load())
	r.balanced(keys * rounds)
}

// byNumber compares decimal numbers.
func byNumber(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
