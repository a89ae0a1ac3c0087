package nats

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// members waits until so many clients are subscribed to feed.a.
func members(t testing.TB, s *server.Server, n int) {
	t.Helper()
	total := 0
	eventually(t, func() bool {
		found, err := s.Subsz(&server.SubszOptions{Subscriptions: true, Account: "$G", Test: "feed.a"})
		require.NoError(t, err)
		total = found.Total
		return total == n
	}, func() string { return fmt.Sprint(total, " members") })
}

const leaving = "queue: bridge\non_pause: leave\n"

// A paused member's share goes to the others, and nothing is dropped; after the
// resume it has a share again.
func TestAPausedMemberLeavesItsShareToTheOthers(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := connected(t, s, leaving), connected(t, s, leaving)
	members(t, s, 2)
	a.gate.Hold(gate.ReasonOperator)
	assert.True(t, a.figures.Paused())
	members(t, s, 1)
	a.publish("feed.a", 0, 200)
	assert.Equal(t, numbers(0, 200), b.readN(200))
	b.balanced(200)

	a.in.session.conn.Close() // a member that connects while it is paused stays away
	_, err := a.tryRead()
	require.Error(t, err)
	connect(t, a.in)
	require.NoError(t, a.in.session.flush(t.Context()))
	members(t, s, 1)

	a.gate.Release(gate.ReasonOperator)
	assert.False(t, a.figures.Paused())
	members(t, s, 2)
	b.publish("feed.a", 200, 400)
	eventually(t, func() bool { return a.figures.Received.Load()+b.figures.Received.Load() == 400 }, func() string { return "not received" })
	assert.Positive(t, a.figures.Received.Load())
	a.readN(int(a.figures.Received.Load()))
	a.balanced(a.figures.Received.Load())
	assert.Zero(t, a.figures.Dropped.Load())
}

// What was on its way when the pause began is delivered, in order.
func TestLeavingLosesNothingThatWasOnItsWay(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := connected(t, s, leaving+"batch: {count: 10, period: 1ms}")
	for round := range 20 {
		r.publish("feed.a", 100*round, 100*round+50)
		r.gate.Hold(gate.ReasonOperator)
		r.gate.Release(gate.ReasonOperator) // what was queued before comes before what is published now
		require.NoError(t, r.in.session.flush(t.Context()))
		r.publish("feed.a", 100*round+50, 100*round+100)
		r.gate.Hold(gate.ReasonOperator)
		assert.Equal(t, numbers(100*round, 100*round+100), r.readN(100))
		r.gate.Release(gate.ReasonOperator)
		require.NoError(t, r.in.session.flush(t.Context()), "the server has the new subscription")
	}
	r.balanced(2000)
	r.gate.Hold(gate.ReasonOperator)
	r.gate.Drain()
	assert.Empty(t, readToEnd(r))
}
