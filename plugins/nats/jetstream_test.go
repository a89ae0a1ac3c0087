package nats

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func onEachPolicy(t *testing.T, f func(t *testing.T, yaml string)) {
	for _, policy := range []string{"explicit", "all"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			f(t, "ack_policy: "+policy+"\n")
		})
	}
}

func TestJetDeliversAndAcknowledgesEverythingInOrder(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"batch: {count: 700}")
		const n = 20000
		r.publish(0, n)
		got, _ := r.readN(n, true)
		assert.Equal(t, numbers(0, n), got)
		r.settled(n)
		assert.Equal(t, int64(n), r.figures.Received.Load())
		assert.Zero(t, r.in.current().intake.counts().redelivered)
	})
}

func TestJetAcknowledgesInAnyOrder(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"batch: {count: 10, period: 1h}")
		r.publish(0, 30)
		_, b := r.readN(30, false)
		require.Len(t, b, 3)
		b[2].ack(t)
		b[1].ack(t)
		require.NoError(t, r.in.current().flush(t.Context()))
		assert.Zero(t, r.info().AckFloor.Stream, "nothing is acknowledged before what precedes it")
		b[0].ack(t)
		r.settled(30)
	})
}

func TestJetPauseAsksForNothingAndLosesNothing(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml)
		r.publish(0, 100)
		got, _ := r.readN(100, true)
		r.gate.Hold(gate.ReasonOperator)
		assert.True(t, r.figures.Paused())
		r.publish(100, 150) // the request that is open may bring these
		r.untilIdle()
		r.publish(150, 20000)
		for r.in.current().intake.waiting() > 0 {
			more, _ := r.readN(1, true)
			got = append(got, more...)
		}
		r.settled(uint64(len(got)))
		assert.EqualValues(t, 20000-len(got), r.info().NumPending, "the server keeps the rest")
		assert.Zero(t, r.info().NumWaiting)

		r.gate.Release(gate.ReasonOperator)
		more, _ := r.readN(20000-len(got), true)
		assert.Equal(t, numbers(0, 20000), append(got, more...))
		r.settled(20000)
		assert.Zero(t, r.in.current().intake.counts().redelivered)
		require.Len(t, r.log.lines("⏸️  JetStream subscriber paused"), 1)
		require.Len(t, r.log.lines("▶️  JetStream subscriber resumed"), 1)
	})
}

func TestJetConnectsPausedToAClosedGate(t *testing.T) {
	t.Parallel()
	s, js := jetServer(t)
	publishNumbers(t, js, "feed.a", 0, 10)
	r := newJetRig(t, s.ClientURL(), js, "")
	r.gate.Hold(gate.ReasonOperator)
	connect(t, r.in)
	require.NoError(t, r.in.current().flush(t.Context()))
	assert.Zero(t, r.info().Delivered.Consumer)
	r.gate.Release(gate.ReasonOperator)
	got, _ := r.readN(10, true)
	assert.Equal(t, numbers(0, 10), got)
}

func TestJetMetadataAndPositions(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "metadata: {table: candles}\nrecord_metadata: [nats_sequence_stream, nats_num_delivered, headers]\n")
	_, err := r.js.PublishMsg(t.Context(), &nats.Msg{
		Subject: "feed.b", Data: []byte("x"),
		Header: nats.Header{"Trace": {"first", "second"}, "table": {"secrets"}, "nats_stream": {"forged"}, "nats_num_pending": {"forged"}},
	})
	require.NoError(t, err)
	r.publish(0, 1)
	_, batches := r.readN(2, true)
	var got []map[string]any
	var finder position.Finder
	for _, b := range batches {
		for i, m := range b.messages {
			meta := map[string]any{}
			require.NoError(t, m.MetaWalkMut(func(k string, v any) error { meta[k] = v; return nil }))
			got = append(got, meta)
			assert.Same(t, r.figures, status.OriginOf(m.Context()))
			data, err := b.messages[i].AsBytes()
			require.NoError(t, err)
			source, offset, ok := finder.Find(m.Context(), data)
			assert.True(t, ok)
			assert.Equal(t, fmt.Sprint("jetstream/FEED ", len(got)), fmt.Sprint(source, " ", offset))
		}
	}
	assert.Equal(t, []map[string]any{
		{
			"table": "candles", "nats_subject": "feed.b", "nats_stream": "FEED", "nats_consumer": "bridge", "Trace": "first",
			"nats_sequence_stream": int64(1), "nats_num_delivered": int64(1),
		},
		{
			"table": "candles", "nats_subject": "feed.a", "nats_stream": "FEED", "nats_consumer": "bridge",
			"nats_sequence_stream": int64(2), "nats_num_delivered": int64(1),
		},
	}, got)
}

// What is not settled at the end comes again at once, not after ack_wait.
func TestJetGivesBackWhatIsUnsettledAtTheEnd(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		s, js := jetServer(t)
		yaml += "ack_wait: 1h\nbatch: {count: 10, period: 1h}"
		r := newJetRig(t, s.ClientURL(), js, yaml)
		connect(t, r.in)
		r.publish(0, 40)
		_, b := r.readN(20, false)
		b[0].ack(t)
		require.NoError(t, r.in.Close(t.Context()))
		require.NoError(t, b[1].answer(t.Context(), nil), "too late, and harmless")

		next := newJetRig(t, s.ClientURL(), js, yaml)
		connect(t, next.in)
		got, _ := next.readN(30, true)
		assert.ElementsMatch(t, numbers(10, 40), got)
		next.settled(40)
	})
}

// What nobody will read comes to another input before this one is closed, which may take
// as long as what it has handed over is not stored; that is acknowledged all the same.
func TestJetGivesBackAtOnceWhatNobodyWillRead(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		s, js := jetServer(t)
		yaml += "ack_wait: 1h\nbatch: {count: 10, period: 1h}"
		r := newJetRig(t, s.ClientURL(), js, yaml)
		connect(t, r.in)
		r.publish(0, 40)
		_, b := r.readN(10, false)
		eventually(t, func() bool { return r.in.current().intake.waiting() == 30 }, func() string { return "not pulled" })
		r.in.Stopped()

		next := newJetRig(t, s.ClientURL(), js, yaml)
		connect(t, next.in)
		got, _ := next.readN(30, true)
		assert.ElementsMatch(t, numbers(10, 40), got)
		b[0].ack(t)
		eventually(t, func() bool { return r.info().AckFloor.Stream >= 10 }, func() string { return "not acknowledged" })
		assert.Zero(t, r.in.current().intake.counts().nacked, "nothing was rejected")
	})
}

func TestJetDrainHandsOverWhatItHas(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "batch: {count: 10, period: 1h}")
	r.publish(0, 25)
	eventually(t, func() bool { return r.in.current().intake.waiting() == 25 }, func() string { return "not pulled" })
	r.gate.Drain()
	got, _ := r.readN(25, true)
	assert.Equal(t, numbers(0, 25), got)
	_, _, err := r.in.ReadBatch(t.Context())
	require.ErrorIs(t, err, service.ErrEndOfInput)
	r.settled(25)
}

func TestJetReadBatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := r.in.ReadBatch(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, r.gate.State().Ending, "an input that stops says so")
	assert.True(t, r.in.draining, "and asks for no more")
	assert.False(t, r.gate.State().Draining, "another input may follow")
}

func TestJetRejectedMessagesComeAgain(t *testing.T) {
	t.Parallel()
	onEachPolicy(t, func(t *testing.T, yaml string) {
		r := jetConnected(t, yaml+"batch: {count: 5, period: 1h}\nack_wait: 1h")
		r.publish(0, 15)
		_, b := r.readN(15, false)
		require.Len(t, b, 3)
		b[1].nack(t)
		b[0].ack(t)
		b[2].ack(t)
		got, _ := r.readN(5, true)
		assert.ElementsMatch(t, numbers(5, 10), got)
		r.settled(15)
		assert.Len(t, r.log.lines("rejected by the stream"), 1)
	})
}

func TestJetFiltersSubjects(t *testing.T) {
	t.Parallel()
	r := jetConnected(t, "subjects: [feed.x.>, feed.y]")
	for _, subject := range []string{"feed.x.1", "feed.z", "feed.y"} {
		publishNumbers(t, r.js, subject, 0, 1)
	}
	got, _ := r.readN(2, true)
	assert.Len(t, got, 2)
	assert.Equal(t, []string{"feed.x.>", "feed.y"}, r.info().Config.FilterSubjects)
	assert.Equal(t, -1, r.info().Config.MaxDeliver)
	assert.Equal(t, jetstream.AckExplicitPolicy, r.info().Config.AckPolicy)
}
