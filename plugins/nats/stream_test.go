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

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// sink is the consumer end of a stream.
type sink struct {
	mu  sync.Mutex
	got []string
}

func (s *sink) take(_ context.Context, batch service.MessageBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range batch {
		b, err := m.AsBytes()
		if err != nil {
			return err
		}
		table, _ := m.MetaGet("table")
		subject, _ := m.MetaGet("nats_subject")
		s.got = append(s.got, fmt.Sprintf("%s %s %s", table, subject, b))
	}
	return nil
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// buildStream makes a stream with the input of the YAML and a sink.
func buildStream(t *testing.T, inputYAML string) (*service.Stream, *sink) {
	t.Helper()
	b := service.NewStreamBuilder()
	require.NoError(t, b.AddInputYAML(inputYAML))
	require.NoError(t, b.SetLoggerYAML("level: none"))
	out := &sink{}
	require.NoError(t, b.AddBatchConsumerFunc(out.take))
	stream, err := b.Build()
	require.NoError(t, err)
	return stream, out
}

// runStream starts the stream; its end comes on the channel.
func runStream(stream *service.Stream) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(context.Background()) }()
	return ended
}

const streamYAML = `
label: ticks
pausable_nats:
  urls: [%q]
  subjects: [feed.>]
  metadata: {table: ticks}
  auto_replay_nacks: %t
`

func TestStreamPausesResumesAndDrains(t *testing.T) {
	t.Parallel()
	for _, replay := range []bool{false, true} {
		t.Run(fmt.Sprintf("auto_replay_nacks %t", replay), func(t *testing.T) { pauseResumeDrain(t, replay) })
	}
}

func pauseResumeDrain(t *testing.T, replay bool) {
	s := startServer(t)
	stream, out := buildStream(t, fmt.Sprintf(streamYAML, s.ClientURL(), replay))
	g := gate.Of(stream.Resources(), "")
	in := status.Of(stream.Resources(), "").Input("ticks", status.KindNATS)
	ended := runStream(stream)
	awaitSubscription(t, s)
	pub := &rig{t: t}
	pub.publisher(s)

	pub.publish("feed.a", 0, 3)
	awaitCount(t, out, 3)
	g.Hold(gate.ReasonOperator)
	pub.publish("feed.a", 3, 10)
	eventually(t, func() bool { return in.Dropped.Load() == 7 }, func() string { return fmt.Sprint(in.Dropped.Load()) })
	g.Release(gate.ReasonOperator)
	pub.publish("feed.a", 10, 5000)
	g.Drain()
	awaitEnd(t, ended) // by itself

	var want []string
	for _, n := range append(numbers(0, 3), numbers(10, 5000)...) {
		want = append(want, "ticks feed.a "+n)
	}
	assert.Equal(t, want, out.got)
	assert.Equal(t, int64(5000), in.Received.Load())
	assert.Equal(t, int64(7), in.Dropped.Load())
	assert.True(t, in.Link.State().Closed)
}

func TestStreamStopsWhilePaused(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	stream, out := buildStream(t, fmt.Sprintf(streamYAML, s.ClientURL(), false))
	g := gate.Of(stream.Resources(), "")
	in := status.Of(stream.Resources(), "").Input("ticks", status.KindNATS)
	ended := runStream(stream)
	awaitSubscription(t, s)
	pub := &rig{t: t}
	pub.publisher(s)
	pub.publish("feed.a", 0, 3)
	awaitCount(t, out, 3)
	g.Hold(gate.ReasonOperator)
	require.NoError(t, stream.StopWithin(patience))
	awaitEnd(t, ended)
	assert.True(t, in.Link.State().Closed)
	assert.False(t, g.State().Ending, "nobody is left")
}

func TestStreamWaitsForAServerThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	s := startServer(t, onPortOfItsOwn(t))
	url := s.ClientURL()
	samePort := onPortOf(s)
	stopServer(s)
	stream, out := buildStream(t, fmt.Sprintf(streamYAML, url, false))
	in := status.Of(stream.Resources(), "").Input("ticks", status.KindNATS)
	ended := runStream(stream)
	eventually(t, func() bool { return in.Link.State().Err != nil }, func() string { return "no attempt yet" })
	require.ErrorIs(t, in.Link.State().Err, nats.ErrNoServers)

	s = startServer(t, samePort)
	awaitSubscription(t, s)
	pub := &rig{t: t}
	pub.publisher(s)
	pub.publish("feed.a", 0, 3)
	awaitCount(t, out, 3)
	require.NoError(t, stream.StopWithin(patience))
	awaitEnd(t, ended)
}

func awaitEnd(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("the stream did not end")
	}
}

func awaitCount(t *testing.T, out *sink, n int) {
	t.Helper()
	eventually(t, func() bool { return out.count() == n }, func() string { return fmt.Sprint(out.count(), " arrived") })
}
