//go:build long

package kafka

import "testing"

// Thousands of rebalances.
func TestLongChurn(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) { newChurn(t, c, more).run(500) })
	t.Run("exactly once", func(t *testing.T) {
		onEachProtocol(t, func(t *testing.T, c *cluster, more string) { newChurn(t, c, more+"\nexactly_once: true").run(100) })
	})
}
