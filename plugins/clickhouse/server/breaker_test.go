package server

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errGone = errors.New("lost")

// lose makes one call that fails and returns how long the breaker is open.
func lose(t *testing.T, b *breaker) time.Duration {
	t.Helper()
	p, admitted := b.enter(time.Now())
	require.True(t, admitted)
	b.leave(p, lost, errGone, time.Now())
	return time.Until(b.due)
}

func TestABreakerOpensForLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		for _, seconds := range []float64{1, 2, 4, 8, 16, 30, 30} {
			pause := time.Duration(seconds * float64(time.Second))
			open := lose(t, &b)
			require.LessOrEqual(t, open, pause)
			require.GreaterOrEqual(t, open, pause*4/5)
			_, admitted := b.enter(time.Now().Add(open - 1))
			require.False(t, admitted)
			time.Sleep(open) // virtual
		}
		p, admitted := b.enter(time.Now())
		require.True(t, admitted)
		e := b.leave(p, alive, nil, time.Now())
		require.True(t, e.closed)
		require.Greater(t, e.lasted, time.Minute)
		require.LessOrEqual(t, lose(t, &b), firstPause, "it starts from the beginning")
	})
}

func TestABreakerLetsOneProbeThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		time.Sleep(lose(t, &b))
		p, admitted := b.enter(time.Now())
		require.True(t, admitted)
		require.NotNil(t, p)
		_, admitted = b.enter(time.Now())
		require.False(t, admitted, "a probe is under way")
		_, running := b.force(time.Now())
		require.Same(t, p, running)
		b.leave(p, undecided, nil, time.Now())
		p, admitted = b.enter(time.Now())
		require.True(t, admitted, "a probe that was given up decides nothing")
		b.leave(p, alive, nil, time.Now())
		p, admitted = b.enter(time.Now())
		require.True(t, admitted)
		require.Nil(t, p, "closed")
	})
}

// A call that is forced through before its time does not make the breaker stay
// open for longer: it says nothing of how long the trouble lasts.
func TestAnEarlyProbeDoesNotDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		open := lose(t, &b)
		for range 10 {
			p, running := b.force(time.Now())
			require.Nil(t, running)
			b.leave(p, lost, errGone, time.Now())
		}
		require.Equal(t, open, time.Until(b.due))
	})
}

func TestEdgesAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		var opened, closed int
		count := func(e edge) {
			if e.opened {
				opened++
			}
			if e.closed {
				closed++
			}
		}
		for range 3 { // three calls that were under way when the replica went
			_, admitted := b.enter(time.Now())
			require.True(t, admitted)
		}
		for range 3 {
			count(b.leave(nil, lost, errGone, time.Now()))
		}
		for range 5 {
			time.Sleep(longestPause)
			p, _ := b.enter(time.Now())
			count(b.leave(p, lost, errGone, time.Now()))
		}
		time.Sleep(longestPause)
		p, _ := b.enter(time.Now())
		count(b.leave(p, alive, nil, time.Now()))
		count(b.leave(nil, alive, nil, time.Now()))
		require.Equal(t, 1, opened)
		require.Equal(t, 1, closed)
	})
}
