//go:build long

package e2e

import (
	"testing"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestAMillionCostNoFreshData(t *testing.T) {
	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		t.Run(kind, func(t *testing.T) { backlogBesideTicks(t, newRig(t, kind), 1_000_000, 10_000) })
	}
}
