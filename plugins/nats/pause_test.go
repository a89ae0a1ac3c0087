package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

func TestPauseDropsAndCountsExactly(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	r.publish("feed.a", 0, 100)
	assert.Equal(t, numbers(0, 100), r.readN(100))

	r.gate.Hold(gate.ReasonOperator)
	assert.True(t, r.figures.Paused())
	r.publish("feed.a", 100, 1100)
	r.balanced(1100)
	assert.Equal(t, int64(1000), r.figures.Dropped.Load())

	r.gate.Release(gate.ReasonOperator)
	assert.False(t, r.figures.Paused())
	r.publish("feed.a", 1100, 1200)
	assert.Equal(t, numbers(1100, 1200), r.readN(100), "the first message after the resume is a fresh one")
	r.balanced(1200)

	paused := r.log.lines("⏸️  NATS subscriber paused")
	resumed := r.log.lines("▶️  NATS subscriber resumed")
	require.Len(t, paused, 1)
	require.Len(t, resumed, 1)
	assert.Contains(t, paused[0], "level=INFO")
	assert.Contains(t, paused[0], "input=")
	assert.Contains(t, resumed[0], "level=INFO")
	assert.Contains(t, resumed[0], "dropped=1000")
}

func TestEachResumeSaysWhatItsOwnPauseDropped(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "")
	total := 0
	for _, n := range []int{3, 0, 5} {
		r.gate.Hold(gate.ReasonOperator)
		r.publish("feed.a", 0, n)
		total += n
		r.balanced(int64(total))
		r.gate.Release(gate.ReasonOperator)
	}
	resumed := r.log.lines("resumed")
	require.Len(t, resumed, 3)
	for i, want := range []string{"dropped=3", "dropped=0", "dropped=5"} {
		assert.Contains(t, resumed[i], want)
	}
}

func TestConnectsPausedToAClosedGate(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := newRig(t, s, "")
	r.publisher(s)
	r.gate.Hold(gate.ReasonOperator)
	connect(t, r.in)
	assert.True(t, r.figures.Paused())
	r.publish("feed.a", 0, 10)
	r.balanced(10)
	assert.Equal(t, int64(10), r.figures.Dropped.Load())
}

// Joining after the subscription would let messages in through a closed gate.
func TestPausesBeforeItSubscribes(t *testing.T) {
	t.Parallel()
	r := newRig(t, startServer(t), "")
	r.gate.Hold(gate.ReasonOperator)
	subscribed := true
	r.log.onWrite = func(line string) {
		if strings.Contains(line, "paused") {
			subscribed = r.in.session != nil
		}
	}
	connect(t, r.in)
	assert.False(t, subscribed)
}

func TestHeldMessagesAreDeliveredDuringAPause(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}")
	r.publish("feed.a", 0, 10)
	eventually(t, func() bool { return r.in.hold.counts().held == 10 }, func() string { return "not held" })
	r.gate.Hold(gate.ReasonOperator)
	assert.Equal(t, numbers(0, 10), r.readN(10))

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, _, err := r.in.ReadBatch(ctx)
		done <- err
	}()
	r.publish("feed.a", 10, 20)
	r.balanced(20)
	select {
	case err := <-done:
		t.Fatalf("ReadBatch returned while paused: %v", err)
	default:
	}
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

// A callback that waits for room when the pause begins must not wait through
// it: nothing behind it would be discarded.
func TestPauseReleasesWaitingCallbacks(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1h}")
	r.publish("feed.a", 0, 100)
	eventually(t, func() bool { return r.figures.Received.Load() == 100 && r.in.hold.counts().held == 10 },
		func() string { return fmt.Sprint(r.in.hold.counts()) })
	r.gate.Hold(gate.ReasonOperator)
	eventually(t, func() bool { return r.figures.Dropped.Load() == 90 },
		func() string { return fmt.Sprint(r.figures.Dropped.Load()) })
	r.gate.Release(gate.ReasonOperator)
	assert.Equal(t, numbers(0, 10), r.readN(10))
	r.balanced(100)
}

func TestBooksBalanceThroughManyPausesUnderFullBlast(t *testing.T) {
	t.Parallel()
	for _, onPause := range []string{"on_pause: drop", "on_pause: conflate", "on_pause: conflate\nconflate: {key: '${! content() }', max_keys: 300}"} {
		t.Run(onPause, func(t *testing.T) { booksUnderFullBlast(t, onPause) })
	}
}

func booksUnderFullBlast(t *testing.T, onPause string) {
	r := connected(t, startServer(t), "subjects: [feed.a, feed.b]\npending_limits: {messages: 8192}\nbatch: {count: 1000}\n"+onPause)
	const each = 50_000
	var work sync.WaitGroup
	for _, subject := range []string{"feed.a", "feed.b"} {
		work.Go(func() { r.publish(subject, 0, each) })
	}
	published := make(chan struct{})
	go func() { work.Wait(); close(published) }()

	flapped := make(chan int)
	go func() {
		edges := 0
		for {
			r.gate.Hold(gate.ReasonOperator)
			awaitMore(r, 1000, published)
			r.gate.Release(gate.ReasonOperator)
			edges++
			if awaitMore(r, 1000, published) {
				flapped <- edges
				return
			}
		}
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		readToEnd(r)
	}()

	edges := <-flapped
	<-published
	r.gate.Drain()
	<-read
	r.balanced(2 * each)
	assert.Greater(t, edges, 3, "several pauses happened")
	assert.Positive(t, r.figures.Dropped.Load()+r.figures.Conflated.Load())
	assert.Positive(t, r.accepted.Load())
	assert.Len(t, r.log.lines("resumed"), edges)
}

// awaitMore waits until n more messages have come, and reports whether the
// publishers are done, which ends the wait too.
func awaitMore(r *rig, n int64, published <-chan struct{}) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for target := r.figures.Received.Load() + n; r.figures.Received.Load() < target; {
		select {
		case <-published:
			return true
		case <-tick.C:
			r.in.tally.publish()
		}
	}
	return false
}

// readToEnd reads until the input says that it has ended.
func readToEnd(r *rig) (got []string) {
	for {
		batch, err := r.tryRead()
		if errors.Is(err, service.ErrEndOfInput) {
			return got
		}
		if !assert.NoError(r.t, err) {
			return got
		}
		got = append(got, contents(r.t, batch)...)
	}
}

func TestSaysOnceThatNothingWillPauseIt(t *testing.T) {
	t.Parallel()
	const line = "the input never pauses"
	s := startServer(t)
	r := connected(t, s, "")
	require.Len(t, r.log.lines(line), 1)
	assert.Contains(t, r.log.lines(line)[0], "level=INFO")
	r.in.session.conn.Close()
	_, err := r.tryRead()
	require.ErrorIs(t, err, service.ErrNotConnected)
	connect(t, r.in)
	assert.Len(t, r.log.lines(line), 1)

	governed := newRig(t, s, "")
	governed.gate.Claim()
	connect(t, governed.in)
	assert.Empty(t, governed.log.lines(line))
}
