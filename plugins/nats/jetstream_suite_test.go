package nats

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service/integration"
	"github.com/stretchr/testify/require"
)

const jetSuite = `
input:
  pausable_nats_jetstream:
    urls: [$URL]
    stream: $ID
    durable: bridge
    record_metadata: [headers]
    batch: {count: 1, period: 0s}
    ack_policy: $POLICY

output:
  suite_nats:
    url: $URL
    subject: suite.$ID
    jetstream: true
`

// The host's own suite for inputs. What a test rejects is delivered again by
// the server, so nothing replays it here. Left out is the test of checkpoints:
// it is about sources that keep one position, not about acknowledgements one by
// one. So is the one of at-least-once delivery, which races with itself.
func TestJetStreamSuite(t *testing.T) {
	t.Parallel()
	s := startServer(t, withJetStream(t.TempDir()))
	js := jetClient(t, s.ClientURL())
	for _, policy := range []string{"explicit", "all"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel() // it mostly waits
			integration.StreamTests(
				integration.StreamTestOpenClose(),
				integration.StreamTestOpenCloseIsolated(),
				integration.StreamTestMetadata(),
				integration.StreamTestSendBatch(10),
				integration.StreamTestSendBatches(10, 20, 4),
				integration.StreamTestStreamSequential(200),
				integration.StreamTestStreamIsolated(200),
				integration.StreamTestStreamParallel(200),
				integration.StreamTestStreamSaturatedUnacked(200),
				integration.StreamTestStreamParallelLossy(200),
				integration.StreamTestStreamParallelLossyThroughReconnect(200),
			).Run(t, strings.NewReplacer("$URL", s.ClientURL(), "$POLICY", policy).Replace(jetSuite),
				integration.StreamTestOptPreTest(func(t testing.TB, ctx context.Context, vars *integration.StreamTestConfigVars) {
					_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: vars.ID, Subjects: []string{"suite." + vars.ID}, Storage: jetstream.MemoryStorage})
					require.NoError(t, err)
				}))
		})
	}
}
