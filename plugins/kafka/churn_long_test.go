//go:build long

package kafka

import "testing"

// Thousands of rebalances.
func TestLongChurn(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) { newChurn(t, c, more).run(500) })
}
