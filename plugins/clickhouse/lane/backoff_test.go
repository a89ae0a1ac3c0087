package lane

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackOffDoublesUpToItsMaximum(t *testing.T) {
	b := Backoff{Initial: 100 * time.Millisecond, Max: 30 * time.Second}
	for n, want := range map[int]string{1: "100ms", 2: "200ms", 5: "1.6s", 9: "25.6s", 10: "30s", 1000: "30s"} {
		require.Equal(t, want, b.ceiling(n).String())
	}
}

func TestBackOffHasFullJitter(t *testing.T) {
	b := Backoff{Initial: 100 * time.Millisecond, Max: 30 * time.Second}
	var below, above int
	for range 10_000 {
		d := b.Wait(10)
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
