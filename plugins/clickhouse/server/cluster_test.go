package server

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// park is a cluster whose replicas fail as the test says, without servers.
type park struct {
	*Cluster
	mu    sync.Mutex
	fails map[string]error
	calls map[string]int
}

func newPark(balance string, addresses ...string) *park {
	return &park{
		Cluster: NewCluster(&Config{Balance: balance}, addresses, Watcher{}),
		fails:   map[string]error{},
		calls:   map[string]int{},
	}
}

func (p *park) run(t *testing.T) error {
	t.Helper()
	return p.Do(t.Context(), func(_ context.Context, s Server) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls[s.Address()]++
		return p.fails[s.Address()]
	})
}

var errRefused = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

func TestInOrderPrefersTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark(InOrder, "a:1", "b:1")
		require.NoError(t, p.run(t))
		p.fails["a:1"] = errRefused
		for range 50 {
			require.NoError(t, p.run(t), "the next one takes over at once")
		}
		require.Equal(t, map[string]int{"a:1": 2, "b:1": 50}, p.calls, "a lost replica costs one attempt")
		time.Sleep(firstPause)
		for range 50 {
			require.NoError(t, p.run(t))
		}
		require.Equal(t, map[string]int{"a:1": 3, "b:1": 100}, p.calls, "and one more when it is due")
		delete(p.fails, "a:1")
		time.Sleep(2 * firstPause)
		require.NoError(t, p.run(t))
		require.NoError(t, p.run(t))
		require.Equal(t, map[string]int{"a:1": 5, "b:1": 100}, p.calls, "it is back")
	})
}

func TestChoices(t *testing.T) {
	for balance, check := range map[string]func(t *testing.T, calls map[string]int){
		RoundRobin: func(t *testing.T, calls map[string]int) {
			require.Equal(t, map[string]int{"a:1": 100, "b:1": 100, "c:1": 100}, calls)
		},
		Random: func(t *testing.T, calls map[string]int) {
			require.Len(t, calls, 3)
			for address, n := range calls { // a fair choice misses this by 7 standard deviations
				require.InDelta(t, 100, n, 60, address)
			}
		},
	} {
		t.Run(balance, func(t *testing.T) {
			p := newPark(balance, "a:1", "b:1", "c:1")
			for range 300 {
				require.NoError(t, p.run(t))
			}
			check(t, p.calls)
		})
	}
}

// What may have been stored is for the caller to repeat; the breaker sees to
// it that this goes elsewhere.
func TestAnUnknownOutcomeIsReturned(t *testing.T) {
	for name, fault := range map[string]error{
		"connection lost": io.ErrUnexpectedEOF,
		"time-out":        context.DeadlineExceeded,
		"read only":       &Exception{Code: 242},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPark(InOrder, "a:1", "b:1")
				p.fails["a:1"] = fault
				require.ErrorIs(t, p.run(t), fault)
				require.Equal(t, map[string]int{"a:1": 1}, p.calls)
				require.NoError(t, p.run(t))
				require.Equal(t, map[string]int{"a:1": 1, "b:1": 1}, p.calls)
			})
		})
	}
}

// An error that any replica would give leaves the breaker closed.
func TestARowsFaultIsNotTheReplicas(t *testing.T) {
	for _, fault := range []error{&Exception{Code: 53}, &Exception{Code: 252}, ErrSchemaChanged} {
		p := newPark(InOrder, "a:1", "b:1")
		p.fails["a:1"] = fault
		for range 3 {
			require.ErrorIs(t, p.run(t), fault)
		}
		require.Equal(t, map[string]int{"a:1": 3}, p.calls)
	}
}

// With all breakers open something is tried nevertheless, so that a replica
// that comes back is found.
func TestOneIsAlwaysTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark(InOrder, "a:1", "b:1")
		p.fails["a:1"], p.fails["b:1"] = errRefused, errRefused
		err := p.run(t)
		var both Refusals
		require.ErrorAs(t, err, &both)
		require.Len(t, both, 2)
		require.Equal(t, Retry, Classify(err))
		for range 10 {
			require.ErrorIs(t, p.run(t), errRefused)
		}
		require.Equal(t, 12, p.calls["a:1"]+p.calls["b:1"], "one attempt for each call")
		delete(p.fails, "b:1")
		for range 2 { // they take turns
			err = p.run(t)
		}
		require.NoError(t, err)
	})
}

// Writers that come while a lost server is being tried wait for that, and do
// not try it themselves.
func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark(InOrder, "a:1")
		p.fails["a:1"] = errRefused
		require.ErrorIs(t, p.run(t), errRefused)
		calls := 0
		release := make(chan struct{})
		slow := func(context.Context, Server) error {
			calls++
			<-release
			return errRefused
		}
		var writers sync.WaitGroup
		for range 5 {
			writers.Go(func() { require.ErrorIs(t, p.Do(t.Context(), slow), errRefused) })
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, p.Do(ctx, slow), context.Canceled, "waiting ends with the caller's context")
		require.Equal(t, 1, calls)
		close(release)
		writers.Wait()
		require.Equal(t, 1, calls)
	})
}

// A caller that gives up says nothing about the replica.
func TestACancelledCallDecidesNothing(t *testing.T) {
	p := newPark(InOrder, "a:1", "b:1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.Do(ctx, func(ctx context.Context, _ Server) error { return ctx.Err() }), context.Canceled)
	require.NoError(t, p.run(t))
	require.Equal(t, map[string]int{"a:1": 1}, p.calls)
}
