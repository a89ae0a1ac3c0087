package nats

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const jetStreamYAML = `
label: ch_candles
pausable_nats_jetstream:
  urls: [%q]
  stream: FEED
  durable: bridge
  metadata: {table: candles}
`

func TestJetStreamFromYAML(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	stream, out := buildStream(t, fmt.Sprintf(jetStreamYAML, s.ClientURL()))
	g := gate.Of(stream.Resources(), "")
	in := status.Of(stream.Resources(), "").Input("ch_candles", status.KindJetStream)
	ended := runStream(stream)
	publishNumbers(t, js, "feed.a", 0, 3)
	awaitCount(t, out, 3)
	assert.True(t, in.Link.State().Connected)

	g.Hold(gate.ReasonOperator)
	assert.True(t, in.Paused())
	g.Release(gate.ReasonOperator)
	publishNumbers(t, js, "feed.a", 3, 5000)
	awaitCount(t, out, 5000)
	g.Hold(gate.ReasonOperator)
	require.NoError(t, stream.StopWithin(patience))
	awaitEnd(t, ended)

	var want []string
	for _, n := range numbers(0, 5000) {
		want = append(want, "candles feed.a "+n)
	}
	assert.Equal(t, want, out.got)
	assert.Equal(t, int64(5000), in.Received.Load())
	assert.True(t, in.Link.State().Closed)
	c, err := js.Consumer(t.Context(), "FEED", "bridge")
	require.NoError(t, err)
	assert.Zero(t, c.CachedInfo().NumAckPending)
	assert.EqualValues(t, 5000, c.CachedInfo().AckFloor.Stream)
}

func TestJetConnectionTest(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	for _, policy := range []jetstream.AckPolicy{jetstream.AckNonePolicy, jetstream.AckAllPolicy} {
		_, err := js.CreateConsumer(t.Context(), "FEED", jetstream.ConsumerConfig{Durable: strings.ToLower(strings.TrimPrefix(policy.String(), "Ack")), AckPolicy: policy})
		require.NoError(t, err)
	}
	_, err := js.CreatePushConsumer(t.Context(), "FEED", jetstream.ConsumerConfig{Durable: "pushes", DeliverSubject: "there", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	for name, c := range map[string]struct{ yaml, want string }{
		"a consumer to make":   {"", ""},
		"no such stream":       {"stream: OTHER", `stream: the stream "OTHER" does not exist`},
		"nothing to bind to":   {"bind: true", `durable: the consumer "bridge" of stream "FEED" does not exist`},
		"one that pushes":      {"durable: pushes", `consumer "pushes" of stream "FEED" pushes its messages`},
		"one that takes none":  {"durable: none", "takes no acknowledgements"},
		"another's ack policy": {"durable: all", "exists with the policy"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newJetRig(t, s.ClientURL(), js, c.yaml)
			results := r.in.ConnectionTest(t.Context())
			require.Len(t, results, 1)
			if c.want == "" {
				require.NoError(t, results[0].Err)
			} else {
				require.ErrorContains(t, results[0].Err, c.want)
			}
			_, err := js.Consumer(t.Context(), "FEED", "bridge")
			require.ErrorIs(t, err, jetstream.ErrConsumerNotFound, "a test makes nothing")
		})
	}
}

type watcher struct{}

func (watcher) Paused()               {}
func (watcher) Resumed(time.Duration) {}
func (watcher) Held(string)           {}
func (watcher) Released(string)       {}
func (watcher) Ending(bool)           {}
func (watcher) Yielding()             {}
func (watcher) Draining(bool)         {}
func (watcher) Flush()                {}

func TestJetSaysThatAnAckLimitDefeatsTheGate(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "max_ack_pending: 10000\nack_wait: 100ms")
	c := r.gate.Controller(gate.Limits{Max: 20000, Pause: 10000, Resume: 100}, true, watcher{})
	c.Attach()
	defer c.Detach(0)
	line := r.log.awaitLine(t, "max_ack_pending (10000)")
	assert.Contains(t, line, `max_ack_pending (10000) of consumer \"bridge\" is not above pause_threshold (10000): the server stops delivering before the gate can pause`)
}

func TestJetSaysThatAnAckLimitIsBelowWhatIsHeld(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "max_ack_pending: 12000\nack_wait: 100ms")
	c := r.gate.Controller(gate.Limits{Max: 12000, Pause: 10000, Resume: 100}, true, watcher{})
	c.Attach()
	defer c.Detach(0)
	line := r.log.awaitLine(t, "max_ack_pending (12000)")
	assert.Contains(t, line, `is below max_buffer_size + pending_limits.messages (12000 + `)
}

func TestAnAckLimitIsComparedWithWhatOneReplicaHolds(t *testing.T) {
	t.Parallel()
	for limit, fault := range map[int]string{
		-1: "", 40_000: "not above pause_threshold", 40_001: "below max_buffer_size", 50_999: "below max_buffer_size", 51_000: "",
	} {
		got := pendingFault("bridge", limit, 40_000, 50_000, 1000)
		assert.Contains(t, got, fault)
		assert.Equal(t, fault == "", got == "", limit)
	}
}

func TestJetWarnsOfAConsumerThatLeavesMessagesLying(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	_, err := js.CreateConsumer(t.Context(), "FEED", jetstream.ConsumerConfig{Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 4})
	require.NoError(t, err)
	r := newJetRig(t, s.ClientURL(), js, "bind: true")
	connect(t, r.in)
	r.log.awaitLine(t, "gives a message up after 4 deliveries")

	made := newJetRig(t, s.ClientURL(), js, "")
	connect(t, made.in)
	assert.Equal(t, -1, made.info().Config.MaxDeliver, "one that is ours is put right")
}

// A message that is larger than all that may wait comes through all the same.
func TestJetBytesAreBounded(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "batch: {count: 10, period: 0s}\npending_limits: {messages: 100, bytes: 10000}")
	for i := range 40 {
		size := 3000
		if i%10 == 5 {
			size = 50000
		}
		_, err := r.js.Publish(t.Context(), "feed.a", make([]byte, size))
		require.NoError(t, err)
	}
	for n := 0; n < 40; {
		b := r.read()
		n += len(b.messages)
		bytes := 0
		for _, m := range b.messages {
			data, err := m.AsBytes()
			require.NoError(t, err)
			bytes += len(data)
		}
		assert.True(t, bytes <= 10000 || len(b.messages) == 1, "%d messages of %d bytes", len(b.messages), bytes)
		b.ack(t)
	}
	r.settled(40)
}
