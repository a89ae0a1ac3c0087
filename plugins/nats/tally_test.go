package nats

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// session is a session of the rig's configuration without the input around it,
// so that nothing looks at its counters before the test does.
func (r *rig) session(books *tally) *session {
	conf := r.in.conf
	conn, err := conf.connection.dial(r.t.Context(), "test", r.in.log, &r.figures.Link, hooks{})
	require.NoError(r.t, err)
	s, err := conf.open(conn, r.in.hold.offer, false)
	require.NoError(r.t, err)
	require.NoError(r.t, s.verify(context.Background()))
	books.begin(s)
	return s
}

func (r *rig) books() *tally {
	return newTally(r.in.hold, r.figures, r.in.log)
}

const tiny = "batch: {count: 10, period: 0s}\npending_limits: {messages: 10}"

// nats.go no longer tells the drops of a subscription that has ended: what a
// drained session received and nobody has must have been those.
func TestTallyFindsTheDropsThatNobodyWasToldOf(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	r := newRig(t, server, tiny)
	r.publisher(server)
	books := r.books()
	s := r.session(books)
	const n = 1000
	r.publish("feed.a", 0, n)
	eventually(t, func() bool { return s.received() == n }, func() string { return fmt.Sprint(s.received()) })

	s.drain()
	var handed int64
	for open := true; open; {
		select {
		case <-s.done:
			open = false
		default:
			handed += takeNow(r.in.hold)
		}
	}
	assert.Zero(t, books.end(s, true))
	assert.Equal(t, n-handed-r.in.hold.counts().held, r.figures.SlowConsumer.Load())
	assert.Zero(t, r.figures.Dropped.Load())
	assert.Equal(t, int64(n), r.figures.Received.Load())
	s.close()
	assert.Zero(t, books.end(s, false), "a session ends once")
	assert.Zero(t, r.figures.Dropped.Load())
}

// takeNow takes and hands over what is there, without waiting.
func takeNow(h *hold) int64 {
	msgs, _, err := h.look(context.Background())
	if err != nil || len(msgs) == 0 {
		return 0
	}
	n := int64(len(msgs))
	h.done(msgs, true)
	return n
}

func TestTallyAddsUpOverSessions(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	r := newRig(t, server, tiny)
	r.publisher(server)
	books := r.books()
	for i := range 3 {
		s := r.session(books)
		r.publish("feed.a", 0, 5)
		eventually(t, func() bool { return r.in.hold.counts().held == 5 }, func() string { return "not held" })
		assert.Equal(t, int64(5), takeNow(r.in.hold))
		s.close()
		assert.Zero(t, books.end(s, false))
		assert.Equal(t, int64(5*(i+1)), r.figures.Received.Load())
	}
}
