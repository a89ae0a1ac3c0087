package robustness

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// smoke is what every change has to survive: faults that overlap, over three sources
// at a time.
const smoke = `+clickhouse.stall ~700ms bridge.kill ~500ms -clickhouse.stall !
	+wire.cut-stored ~500ms +kafka-link.cut ~500ms -wire.cut-stored +nats-link.half-open ~500ms -kafka-link.cut -nats-link.half-open !
	+store-link.cut-within ~500ms bridge.terminate -store-link.cut-within !
	+wire.too-many-parts ~300ms stream.consumer-gone +bridge.freeze ~500ms -bridge.freeze -wire.too-many-parts !`

func TestSmoke(t *testing.T) {
	script, err := faults.Parse(smoke)
	require.NoError(t, err)
	run(t, Options{
		Binary: bridge(t, "-race"), Seed: 1, Script: script,
		Setup: Setup{Name: "smoke", Engine: stack.KindChDB, Sources: []string{core, jet, kafka}, Slow: 3},
	})
}
