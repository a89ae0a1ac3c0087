package nats

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// standBeyond makes the rig's consumer stand where a restored stream leaves one:
// behind everything that the stream has.
func (r *jetRig) standBeyond(sequence uint64) {
	r.t.Helper()
	_, err := r.js.CreateConsumer(r.t.Context(), "FEED", jetstream.ConsumerConfig{
		Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: -1, MaxAckPending: 65536, AckWait: 30 * time.Second,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: sequence + 1,
	})
	require.NoError(r.t, err)
}

func (r *jetRig) incidents(class string) (n int64) {
	for _, i := range status.Of(r.in.res, "").Incidents() {
		if i.Class == class {
			n += i.Count
		}
	}
	return n
}

func TestJetResumesAConsumerBeyondItsStream(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	r := newJetRig(t, s.ClientURL(), js, "")
	r.publish(0, 10)
	r.standBeyond(1000)
	connect(t, r.in)
	r.all(10)
	r.settled(10)
	r.log.awaitLine(t, "stood at sequence 1000, beyond the last one of stream")
	assert.EqualValues(t, 1, r.incidents(status.ClassReset))
}

// The same while it runs: what the watch finds, the puller mends.
func TestJetNoticesWhileIdleThatItsConsumerStandsBeyond(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "")
	r.publish(0, 10)
	r.all(10)
	r.settled(10)
	r.gate.Hold("operator") // else it would be the first to make the consumer anew
	r.untilIdle()
	r.deleteConsumer()
	r.standBeyond(1000)
	r.gate.Release("operator")
	r.publish(10, 20)
	r.all(20, numbers(0, 10)...)
	r.settled(20)
	r.log.awaitLine(t, "beyond the last one of stream")
}

// A consumer that has delivered begins again with what was stored since, and
// with what it had not settled.
func TestJetResumesWhereTheConsumerStopped(t *testing.T) {
	t.Parallel()
	_, js := jetServer(t)
	publishNumbers(t, js, "feed.a", 0, 10)
	stream, err := js.Stream(t.Context(), "FEED")
	require.NoError(t, err)
	m, err := stream.GetMsg(t.Context(), 4)
	require.NoError(t, err)
	later, much := m.Time.Add(time.Hour), m.Time.Add(-time.Hour)
	info := func(last *time.Time, floor uint64) *jetstream.ConsumerInfo {
		return &jetstream.ConsumerInfo{Delivered: jetstream.SequenceInfo{Last: last, Stream: 99}, AckFloor: jetstream.SequenceInfo{Stream: floor}}
	}
	assert.Zero(t, firstNew(t.Context(), stream, info(nil, 0)), "it never delivered: everything")
	assert.True(t, firstNew(t.Context(), stream, info(&later, 3)).Equal(m.Time), "the fourth is the first that is not settled")
	assert.Equal(t, much.Add(-clockMargin), firstNew(t.Context(), stream, info(&much, 3)), "what was stored since the last delivery")
	assert.Equal(t, later.Add(-clockMargin), firstNew(t.Context(), stream, info(&later, 50)), "all that it has is settled, or new")
}

func TestJetFailsOnAConsumerBeyondItsStreamWhereItIsTold(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	r := newJetRig(t, s.ClientURL(), js, "on_stream_reset: fail")
	r.publish(0, 10)
	r.standBeyond(15)
	err := r.in.Connect(t.Context())
	require.ErrorContains(t, err, `on_stream_reset: consumer "bridge" stands at sequence 15, beyond the last one of stream "FEED" (10)`)
	assert.False(t, r.figures.Link.State().Connected)
	assert.EqualValues(t, 15, r.info().Delivered.Stream, "nothing was touched")

	r.publish(10, 20) // the stream grows past it: what came before would be left out
	require.ErrorContains(t, r.in.Connect(t.Context()), "beyond the last one of stream")
	r.deleteConsumer()
	connect(t, r.in)
	r.all(20)
	r.settled(20)
}

func TestJetFailsOnAStreamThatIsMadeAnewWhereItIsTold(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "on_stream_reset: fail")
	r.publish(0, 10)
	r.all(10)
	require.NoError(t, r.js.DeleteStream(t.Context(), "FEED"))
	r.log.awaitLine(t, "JetStream delivers nothing, trying again until it does")
	makeStream(t, r.js, 1)
	eventually(t, func() bool {
		err := r.figures.Link.State().Err
		return contains(err, "was made anew at")
	}, func() string { return fmt.Sprint(r.figures.Link.State()) })
	_, err := r.js.Consumer(t.Context(), "FEED", "bridge")
	require.ErrorIs(t, err, jetstream.ErrConsumerNotFound)
}

func TestJetWaitsForASequenceThatIsStillToCome(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "deliver: by_start_sequence\nstart_sequence: 16")
	r.publish(0, 20)
	got, _ := r.readN(5, true)
	assert.Equal(t, numbers(15, 20), got)
	assert.Zero(t, r.incidents(status.ClassReset))
}

// What waits of a stream that is no more is handed over: nobody can deliver it
// again. What the pipeline then rejects is counted.
func TestJetHandsOverWhatWaitsOfAStreamThatIsNoMore(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"batch: {count: 10, period: 0s}")
		r.publish(0, 25)
		eventually(t, func() bool { return r.in.current().intake.waiting() == 25 }, func() string { return "not pulled" })
		require.NoError(t, r.js.DeleteStream(t.Context(), "FEED"))
		r.log.awaitLine(t, "JetStream delivers nothing, trying again until it does")
		makeStream(t, r.js, 1)
		r.publish(25, 30)
		eventually(t, func() bool { return r.in.current().intake.waiting() == 30 }, func() string { return r.log.String() })
		old := r.read()
		assert.Equal(t, numbers(0, 10), contents(t, old.messages))
		old.nack(t)
		got, _ := r.readN(20, true)
		assert.Equal(t, numbers(10, 30), got)
		assert.EqualValues(t, 10, r.in.current().intake.counts().discarded)
		assert.EqualValues(t, 10, r.incidents(status.ClassGivenUp))
		r.settled(5)
	})
}

// A replica that has had nothing makes the consumer anew where the others were.
func TestJetMakesAConsumerAnewWhereOthersStood(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "")
	s := r.in.current()
	r.publish(0, 100)
	r.all(100)
	r.settled(100)
	other := newJetRig(t, r.in.current().conn.ConnectedUrl(), r.js, "")
	other.gate.Hold("operator") // it knows nothing but what the server said
	connect(t, other.in)
	assert.EqualValues(t, 101, other.in.current().intake.resumeAt())
	assert.EqualValues(t, 101, s.intake.resumeAt())
}

// With others on the consumer only the server knows what is not settled.
func TestJetResumesAtTheFloorOfASharedConsumer(t *testing.T) {
	k := newIntake(intakeConfig{messages: 100, bytes: 1 << 20, count: 10}, false)
	k.restart(time.Time{}, 1, 0, 0)
	k.offer(&nats.Msg{}, delivery{count: 1, stream: 1, consumer: 1})
	assert.EqualValues(t, 1, k.resumeAt())
	_, runs, _, err := k.look(context.Background())
	require.NoError(t, err)
	k.settle(runs)
	assert.EqualValues(t, 2, k.resumeAt())
	k.offer(&nats.Msg{}, delivery{count: 1, stream: 5, consumer: 5}) // 2 to 4 went elsewhere
	k.stands(time.Time{}, 1)
	assert.EqualValues(t, 2, k.resumeAt())
}
