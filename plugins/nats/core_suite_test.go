package nats

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service/integration"
)

const coreSuite = `
input:
  pausable_nats:
    urls: [$URL]
    subjects: [suite.$ID]
    on_pause: $ON_PAUSE
    record_metadata: [headers]
    batch: {count: $COUNT, period: $PERIOD}
    auto_replay_nacks: true

output:
  suite_nats:
    url: $URL
    subject: suite.$ID
`

// The host's own suite, as far as it is about inputs that keep nothing. Left
// out are the tests that core NATS cannot pass by its nature: what is sent
// before the input exists (the isolated ones) or while it is closed (at least
// once, checkpoints, lossy through reconnect). And those of outputs.
func TestCoreStreamSuite(t *testing.T) {
	t.Parallel()
	url := forSuite(startServer(t))
	config := func(onPause, count, period string) string {
		return strings.NewReplacer("$URL", url, "$ON_PAUSE", onPause, "$COUNT", count, "$PERIOD", period).Replace(coreSuite)
	}
	for _, onPause := range []string{onPauseDrop, onPauseConflate} {
		t.Run(onPause, func(t *testing.T) {
			integration.StreamTests(
				integration.StreamTestOpenClose(),
				integration.StreamTestMetadata(),
				integration.StreamTestSendBatch(10),
				integration.StreamTestSendBatches(20, 100, 4),
				integration.StreamTestStreamSequential(200),
				integration.StreamTestStreamParallel(500),
				integration.StreamTestStreamParallelLossy(500),
				integration.StreamTestStreamSaturatedUnacked(100),
			).Run(t, config(onPause, "1", "0s"))
		})
	}
	t.Run("batches", func(t *testing.T) {
		integration.StreamTests(
			integration.StreamTestReceiveBatchCount(25),
		).Run(t, config(onPauseDrop, "$INPUT_BATCH_COUNT", "1h"))
	})
}
