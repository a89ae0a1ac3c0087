package nats

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func proxyTo(t *testing.T, s *server.Server) *stack.FaultProxy {
	t.Helper()
	proxy, err := stack.Proxy(strings.TrimPrefix(s.ClientURL(), "nats://"))
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	return proxy
}

// On a link that brings a few hundred kilobytes a second everything comes, once,
// and nothing counts as a stall: neither what many messages take, nor what a
// single one does that needs longer than a request is open.
func TestJetOnASlowLinkNothingComesTwice(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	proxy := proxyTo(t, s)
	r := newJetRig(t, "nats://"+proxy.Addr(), js, "ack_wait: 1m\nbatch: {count: 10}")
	const each, small = 20_000, 80
	for range small {
		_, err := js.Publish(t.Context(), "feed.a", make([]byte, each))
		require.NoError(t, err)
	}
	_, err := js.Publish(t.Context(), "feed.a", make([]byte, 900_000))
	require.NoError(t, err)
	require.NoError(t, proxy.Downlink(200_000))
	connect(t, r.in)
	for n := 0; n < small+1; {
		b := r.read()
		n += len(b.messages)
		b.ack(t)
	}
	k := r.in.current().intake.counts()
	assert.Zero(t, k.redelivered)
	assert.Zero(t, k.repeated)
	assert.Zero(t, k.stalls)
	assert.Empty(t, r.log.lines("connection lost"))
}

func TestJetDefaultsFitWhatAServerKeepsForAClient(t *testing.T) {
	c, err := jetSpec().ParseYAML(goodJet, nil)
	require.NoError(t, err)
	conf, err := parseJet(c)
	require.NoError(t, err)
	assert.LessOrEqual(t, conf.pendingBytes, server.MAX_PENDING_SIZE/2)
}

// The next message is larger than what is left of the room: it is asked for when
// there is more of it, and not again and again.
func TestJetAsksOnceForWhatThereIsNoRoomFor(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	for _, size := range []int{3000, 3000, 9000} {
		_, err := js.Publish(t.Context(), "feed.a", make([]byte, size))
		require.NoError(t, err)
	}
	var asked atomic.Int64
	_, err := js.Conn().Subscribe("$JS.API.CONSUMER.MSG.NEXT.>", func(*nats.Msg) { asked.Add(1) })
	require.NoError(t, err)
	require.NoError(t, js.Conn().Flush())
	r := newJetRig(t, s.ClientURL(), js, "batch: {count: 100, period: 1h}\npending_limits: {messages: 100, bytes: 14000}")
	connect(t, r.in)
	eventually(t, func() bool { return r.in.current().intake.waiting() == 2 && !r.in.current().intake.requesting() }, func() string { return "not pulled" })
	for range 20 { // each takes its time, in which thousands of requests would go
		require.NoError(t, r.in.current().flush(t.Context()))
	}
	assert.LessOrEqual(t, asked.Load(), int64(10))
	r.gate.Drain()
	assert.Len(t, r.read().messages, 2)
}

// A stream that deletes what is settled would delete what is given up.
func TestJetGivesNothingUpThatTheServerWouldDelete(t *testing.T) {
	t.Parallel()
	for _, retention := range []jetstream.RetentionPolicy{jetstream.WorkQueuePolicy, jetstream.InterestPolicy} {
		t.Run(retention.String(), func(t *testing.T) {
			onEachPolicy(t, func(t *testing.T, yaml string) {
				if retention == jetstream.WorkQueuePolicy && strings.Contains(yaml, "all") {
					return // the server has no such consumers
				}
				s := startServer(t, withJetStream(t.TempDir()))
				js := jetClient(t, s.ClientURL())
				_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "FEED", Subjects: []string{"feed.>"}, Retention: retention})
				require.NoError(t, err)
				r := newJetRig(t, s.ClientURL(), js, yaml+"max_deliveries: 1\nbatch: {count: 1}")
				connect(t, r.in)
				r.publish(0, 1)
				for range 3 {
					r.read().nack(t)
				}
				r.read().ack(t)
				assert.Zero(t, r.in.current().intake.counts().terminated)
				r.log.awaitLine(t, "max_deliveries is not obeyed")
			})
		})
	}
}

// One batch that is never settled, and the server stops: that is said.
func TestJetSaysThatMaxAckPendingHoldsEverythingUp(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"max_ack_pending: 100\npending_limits: {messages: 100}\nbatch: {count: 10}")
		r.publish(0, 300)
		stuck := r.read()
		for n := len(stuck.messages); n < 100; {
			b := r.read()
			n += len(b.messages)
			if strings.Contains(yaml, "all") {
				b.ack(t)
			}
		}
		line := r.log.awaitLine(t, "100 messages are not acknowledged, as many as consumer")
		assert.Contains(t, line, "first_unsettled=1")
		assert.Equal(t, strings.Contains(yaml, "all"), strings.Contains(line, "every message waits for the oldest"))
		eventually(t, func() bool { return r.incidents(status.ClassStalled) == 1 }, func() string { return "no incident" })
	})
}

// For a moment every busy consumer has as many messages out as it may: one look alone
// says nothing.
func TestJetSaysNothingOfAConsumerThatIsFullForAMoment(t *testing.T) {
	r := jetConnected(t, "max_ack_pending: 100\npending_limits: {messages: 100}\nbatch: {count: 10}")
	s := r.in.current()
	info := &jetstream.ConsumerInfo{Config: jetstream.ConsumerConfig{MaxAckPending: 100}, NumAckPending: 100, NumPending: 44}
	var w watch
	s.sayFull(info, &w)
	assert.False(t, w.full)
	assert.Zero(t, r.incidents(status.ClassStalled))
	w.looked = true
	s.sayFull(info, &w)
	assert.True(t, w.full)
	assert.EqualValues(t, 1, r.incidents(status.ClassStalled))
	assert.Contains(t, r.log.awaitLine(t, "as many as consumer"), "first_unsettled=1")
}

// Somebody makes the server less patient with a consumer whose messages are held:
// the sign of life follows.
func TestJetKeepsUpWithAnAckWaitThatIsLowered(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	conf := jetstream.ConsumerConfig{Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour}
	_, err := js.CreateConsumer(t.Context(), "FEED", conf)
	require.NoError(t, err)
	r := newJetRig(t, s.ClientURL(), js, "bind: true\nbatch: {count: 100}") // one that is ours would be put right
	connect(t, r.in)
	r.publish(0, 100)
	_, held := r.readN(100, false)
	conf.AckWait = 6 * time.Second
	_, err = r.js.UpdateConsumer(t.Context(), "FEED", conf)
	require.NoError(t, err)
	start := r.ticks()
	eventually(t, func() bool { return r.ticks()-start >= 4*ticksPerWait }, func() string { return "the keeper goes on as before" })
	assert.LessOrEqual(t, r.in.current().intake.counts().repeated, int64(200))
	for _, b := range held {
		b.ack(t)
	}
	r.settled(100)
}

func TestJetRefusesAConsumerThatDeliversHeadersOnly(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	_, err := js.CreateConsumer(t.Context(), "FEED", jetstream.ConsumerConfig{Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy, HeadersOnly: true})
	require.NoError(t, err)
	for _, yaml := range []string{"bind: true", "bind: false"} {
		require.ErrorContains(t, newJetRig(t, s.ClientURL(), js, yaml).in.Connect(t.Context()),
			`durable: consumer "bridge" of stream "FEED" delivers headers without the messages (headers_only)`)
	}
}

func TestJetLeavesAConsumerAloneThatIsAsItShouldBe(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{"", "subjects: [feed.a]", "subjects: [feed.a, feed.b]"} {
		s, js := jetServer(t)
		var changes atomic.Int64
		_, err := js.Conn().Subscribe("$JS.API.CONSUMER.*.FEED.>", func(m *nats.Msg) {
			if strings.Contains(m.Subject, "CREATE") {
				changes.Add(1)
			}
		})
		require.NoError(t, err)
		require.NoError(t, js.Conn().Flush())
		for range 3 {
			r := newJetRig(t, s.ClientURL(), js, yaml)
			connect(t, r.in)
		}
		require.NoError(t, js.Conn().Flush())
		assert.EqualValues(t, 1, changes.Load(), yaml)
		r := newJetRig(t, s.ClientURL(), js, yaml+"\nack_wait: 7s")
		connect(t, r.in)
		require.NoError(t, js.Conn().Flush())
		assert.EqualValues(t, 2, changes.Load(), yaml)
	}
}

// What a server holds of a consumer is known, also while nothing is asked for.
func TestJetLag(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "batch: {count: 10}")
	r.gate.Hold("operator")
	r.untilIdle()
	r.publish(0, 50)
	lag := func(n int64) func() bool {
		return func() bool { l := r.figures.Lag(); return l != nil && *l == n }
	}
	state := func() string { return fmt.Sprint(r.figures.Lag()) }
	eventually(t, lag(50), state)
	r.gate.Release("operator")
	_, held := r.readN(50, false)
	eventually(t, lag(50), state)
	for _, b := range held {
		b.ack(t)
	}
	eventually(t, lag(0), state)
	require.NoError(t, r.in.Close(t.Context()))
	require.Nil(t, r.figures.Lag(), "nobody looks any more")
}

// A lag that cannot be looked up is not known: what it was is no answer.
func TestJetLagIsNotKnownWithoutAConsumer(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "batch: {count: 10}")
	known := func() bool { return r.figures.Lag() != nil }
	eventually(t, known, nil)
	require.NoError(t, r.js.DeleteStream(t.Context(), r.in.conf.stream))
	eventually(t, func() bool { return !known() }, nil)
}
