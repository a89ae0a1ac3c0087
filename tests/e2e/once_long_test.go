//go:build long

package e2e

import "testing"

// Two hundred kills at every step, and fifty on the real broker.
func TestLongExactlyOnce(t *testing.T) {
	t.Run("kfake", func(t *testing.T) { newOnceRig(t).killAgainAndAgain(steps, 25) })
	t.Run("apache", func(t *testing.T) { newApacheOnceRig(t).killAgainAndAgain(apacheSteps, 10) })
}
