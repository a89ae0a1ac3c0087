package clickhouse

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// An output that failed, and to which nobody sends anything any more, finds out by
// itself that the server is back.
func TestTheLinkComesBackWithoutTraffic(t *testing.T) {
	srv := startServer(t, stack.KindLegacy, stack.ClickHouseOptions{})
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	table := newTable(t, srv, "id UInt32")
	yaml := strings.Replace(yamlFor(t, srv, table, ""), "max_interval: 200ms", "max_interval: 200ms, max_retries: 1", 1)
	out := open(t, yaml)
	require.NoError(t, srv.Kill())
	require.Error(t, out.WriteBatch(t.Context(), records(ids(0, 10)...)))
	require.False(t, out.board.Link.State().Connected)
	require.NoError(t, srv.Start(t.Context()))
	require.Eventually(t, func() bool { return out.board.Link.State().Connected }, long, 5*time.Millisecond)
}

// signs is a recovery of servers that answer or do not.
type signs struct {
	*recovery
	link  status.Link
	alive atomic.Bool
	asked atomic.Int64
}

func newSigns() *signs {
	s := &signs{}
	s.recovery = &recovery{
		up: func() bool { return s.link.State().Connected }, last: func() error { return s.link.State().Err },
		found: s.link.Up, ask: func(context.Context) error {
			s.asked.Add(1)
			if s.alive.Load() {
				return nil
			}
			return errors.New("nobody there")
		},
	}
	return s
}

// Signs of life are asked for only while no batch is with the output and the link is
// down, and never after the end.
func TestSignsOfLifeAreAskedForWhileNothingIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, stop := context.WithCancel(t.Context())
		s := newSigns()
		s.link.Up()
		s.enter()
		s.leave(running)
		time.Sleep(time.Hour)
		require.Zero(t, s.asked.Load(), "the link is up")

		s.enter()
		s.link.Down(errors.New("connection refused"))
		time.Sleep(time.Hour)
		require.Zero(t, s.asked.Load(), "a batch is there")
		s.leave(running)
		time.Sleep(time.Hour)
		require.InDelta(t, time.Hour/longestSign, s.asked.Load(), 5)
		require.False(t, s.link.State().Connected)

		s.alive.Store(true)
		time.Sleep(longestSign)
		require.True(t, s.link.State().Connected)
		asked := s.asked.Load()
		time.Sleep(time.Hour)
		require.Equal(t, asked, s.asked.Load(), "there is nothing to find out")

		s.enter()
		s.link.Down(errors.New("connection refused"))
		s.leave(running)
		stop()
		s.wait()
		require.Equal(t, asked, s.asked.Load())
		s.enter()
		s.leave(running)
		s.wait()
	})
}

// A server that answers, but takes nothing, is not called well by a sign of life as
// long as now and then something is sent to it.
func TestAServerThatRefusesIsNotWellBecauseItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, stop := context.WithCancel(t.Context())
		s := newSigns()
		s.alive.Store(true)
		for range 5 {
			s.enter()
			s.link.Down(&server.Exception{Code: 252})
			s.leave(running)
			time.Sleep(quiet / 2)
			require.False(t, s.link.State().Connected)
		}
		time.Sleep(quiet)
		require.True(t, s.link.State().Connected)
		stop()
		s.wait()
	})
}
