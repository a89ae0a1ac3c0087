package nats

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

func TestDrainIsLossless(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 700, period: 1h}")
	const n = 50_000
	r.publish("feed.a", 0, n)
	r.gate.Drain() // nothing has been read yet: most is in queues, some still on the wire
	assert.Equal(t, numbers(0, n), readToEnd(r))
	r.balanced(n)
	assert.Zero(t, r.figures.Dropped.Load())
	require.NoError(t, r.in.Close(context.Background()))
	assert.Empty(t, r.log.lines("still queued at shutdown"))
	assert.Empty(t, r.log.lines("connection lost"), "closing is no fault")
	assert.True(t, r.figures.Link.State().Closed)
}

func TestDrainOfAnIdleInputEndsIt(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	done := make(chan error)
	go func() {
		_, err := r.tryRead()
		done <- err
	}()
	r.gate.Drain()
	require.ErrorIs(t, <-done, service.ErrEndOfInput)
}

func TestDrainWhilePausedResumesFirst(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	r.gate.Hold(gate.ReasonOperator)
	r.publish("feed.a", 0, 10)
	r.balanced(10)
	r.gate.Drain()
	assert.Empty(t, readToEnd(r))
	assert.False(t, r.figures.Paused())
	r.log.awaitLine(t, "▶️  NATS subscriber resumed")
}

func TestDrainCountsTheSlowConsumerDropsOfItsLastMoment(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}\npending_limits: {messages: 10}")
	const n = 5000
	r.publish("feed.a", 0, n)
	r.gate.Drain()
	readToEnd(r)
	r.balanced(n)
	assert.Zero(t, r.figures.Dropped.Load(), "a drain loses nothing but what the limits cost")
	assert.Positive(t, r.figures.SlowConsumer.Load())
}

func TestConnectWhileDrainingEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := newRig(t, s, "")
	r.publisher(s)
	// Another input keeps the gate from forgetting that it drains.
	other := r.gate.Join(nobody{})
	defer other.Leave()
	r.gate.Drain()
	connect(t, r.in)
	r.publish("feed.a", 0, 10)
	assert.Empty(t, readToEnd(r))
	r.balanced(0)
}

// The gate may say drain after the input has joined and before it subscribes.
func TestDrainBetweenJoinAndSubscribe(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := newRig(t, s, "")
	r.publisher(s)
	r.in.Drain()
	_, err := r.tryRead()
	require.ErrorIs(t, err, service.ErrEndOfInput)
	connect(t, r.in)
	r.publish("feed.a", 0, 10)
	require.NoError(t, r.in.session.flush(context.Background()))
	assert.Empty(t, readToEnd(r))
	require.NoError(t, r.in.Close(context.Background()))
	r.balanced(0)
}

type nobody struct{}

func (nobody) Pause()  {}
func (nobody) Resume() {}
func (nobody) Drain()  {}

func TestCloseCountsWhatIsStillQueued(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}")
	const n = 1000
	r.publish("feed.a", 0, n)
	r.readN(10)
	eventually(t, func() bool { return r.figures.Received.Load() == n }, func() string { return "not received" })
	require.NoError(t, r.in.Close(context.Background()))
	assert.Equal(t, int64(n-10), r.figures.Dropped.Load())
	r.balanced(n)
	lines := r.log.lines("990 messages were still queued at shutdown")
	require.Len(t, lines, 1)
	assert.Contains(t, lines[0], "level=WARN")
	assert.True(t, r.figures.Link.State().Closed)
	require.NoError(t, r.in.Close(context.Background()), "closing twice is closing once")
	assert.Equal(t, int64(n-10), r.figures.Dropped.Load())
}

func TestTheEndOfADrainThatNobodyReads(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*coreInput){
		"closed":  func(*coreInput) {},
		"stopped": (*coreInput).Stopped,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			for range 10 { // the drain may notice first, or the end
				r := connected(t, s, "batch: {count: 10, period: 1h}")
				const n = 1000
				r.publish("feed.a", 0, n)
				r.gate.Drain()
				eventually(t, func() bool { return r.figures.Received.Load() == n }, func() string { return "not received" })
				end(r.in)
				require.NoError(t, r.in.Close(context.Background()))
				r.balanced(n)
				require.Equal(t, int64(n), r.figures.Dropped.Load())
				require.Equal(t, int64(n), r.figures.LostAtStop.Load())
			}
		})
	}
}

func TestSoftStopDrainsTheInput(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}")
	r.publish("feed.a", 0, 25)
	eventually(t, func() bool { return r.figures.Received.Load() == 25 }, func() string { return "not received" })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	batch, _, err := r.in.ReadBatch(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, batch, "the host would discard it")
	assert.True(t, r.in.hold.isDraining(), "the server is asked to send no more")
	assert.False(t, r.gate.State().Draining, "another input may follow")
	require.NoError(t, r.in.Close(context.Background()))
	r.balanced(25)
	assert.Equal(t, int64(25), r.figures.Dropped.Load())
}

func TestSoftStopInterruptsAWaitingRead(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, _, err := r.in.ReadBatch(ctx)
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(patience):
		t.Fatal("ReadBatch did not return")
	}
	assert.True(t, r.gate.State().Ending)
}

func TestMembershipEndsWithClose(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	require.NoError(t, r.in.Close(context.Background()))
	r.gate.Hold(gate.ReasonOperator)
	assert.False(t, r.figures.Paused(), "a closed input hears of nothing")
	assert.Empty(t, r.log.lines("paused"))
	_, err := r.tryRead()
	require.ErrorIs(t, err, service.ErrEndOfInput, fmt.Sprint(r.figures.Link.State()))
}
