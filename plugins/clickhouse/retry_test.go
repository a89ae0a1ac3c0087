package clickhouse

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

func TestBackOffDoublesUpToItsMaximum(t *testing.T) {
	b := backoff{initial: 100 * time.Millisecond, max: 30 * time.Second}
	for n, want := range map[int]string{1: "100ms", 2: "200ms", 5: "1.6s", 9: "25.6s", 10: "30s", 1000: "30s"} {
		require.Equal(t, want, b.ceiling(n).String())
	}
}

func TestBackOffHasFullJitter(t *testing.T) {
	b := backoff{initial: 100 * time.Millisecond, max: 30 * time.Second}
	var below, above int
	for range 10_000 {
		d := b.wait(10)
		require.Positive(t, d)
		require.LessOrEqual(t, d, 30*time.Second)
		if d < 15*time.Second {
			below++
		} else {
			above++
		}
	}
	require.InDelta(t, below, above, 600)
}

func TestTroubleIsToldOnItsEdgesAndNowAndThen(t *testing.T) {
	var tr trouble
	now := time.Now()
	told := 0
	for i := range 1000 {
		if tr.worthTelling(server.Retry, now.Add(time.Duration(i)*100*time.Millisecond)) {
			told++
		}
	}
	require.Equal(t, 4, told, "at 0, 30, 60 and 90 s")
	require.True(t, tr.worthTelling(server.AccessFault, now.Add(100*time.Second)), "somebody has to act: told at once")
	require.False(t, tr.worthTelling(server.AccessFault, now.Add(101*time.Second)))
}
