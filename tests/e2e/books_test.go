package e2e

import (
	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// labels of config/bridge.yaml's inputs.
var labels = map[marketdata.Kind]string{
	marketdata.Ticks:    "ticks",
	marketdata.Candles:  "ch_candles",
	marketdata.External: "external",
}

// awaitBooks waits until all that was published is accepted or dropped, and all
// that was accepted is stored.
func (r *rig) awaitBooks(b *bridge) harness.Health {
	r.t.Helper()
	return b.until("all that was published is stored or counted", func(h harness.Health) bool {
		for kind, label := range labels {
			if in := h.Inputs[label]; in.Received < r.published(kind) || unsettled(in) != 0 {
				return false
			}
		}
		return h.Metrics.Backpressure.Level == 0
	})
}

// checkBooks compares what a bridge that received everything says with what
// ClickHouse holds: nothing is missing that is not counted, and nothing is twice.
func (r *rig) checkBooks(h harness.Health) {
	r.t.Helper()
	for kind, label := range labels {
		in, n, published := h.Inputs[label], r.tally(kind), r.published(kind)
		r.t.Logf("%s: published %d, received %d, stored %d, dropped %d, conflated %d, slow consumer %d, duplicated %d",
			kind, published, in.Received, n.Rows, in.Dropped, in.Conflated, in.SlowConsumer, n.Duplicated())
		assert.Equal(r.t, published, in.Received, "received %s", kind)
		assert.Equal(r.t, in.Received, n.Rows+in.Discarded(), "%s: received = inserted + discarded", kind)
		assert.Zero(r.t, n.Missing(published, in.Discarded()), "missing %s", kind)
		assert.Zero(r.t, n.Duplicated(), "duplicated %s", kind)
	}
}
