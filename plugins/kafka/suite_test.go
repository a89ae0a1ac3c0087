package kafka

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/redpanda-data/benthos/v4/public/service/integration"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The host's own suite for inputs, but for the one that races with itself; see
// suite_norace_test.go.
func TestStreamSuite(t *testing.T) {
	runSuite(t, integration.StreamTests(
		integration.StreamTestOpenClose(),
		integration.StreamTestOpenCloseIsolated(),
		integration.StreamTestMetadata(),
		integration.StreamTestSendBatch(10),
		integration.StreamTestSendBatches(10, 20, 4),
		integration.StreamTestStreamSequential(200),
		integration.StreamTestStreamIsolated(200),
		integration.StreamTestCheckpointCapture(),
		integration.StreamTestStreamParallel(200),
		integration.StreamTestStreamSaturatedUnacked(200),
		integration.StreamTestStreamParallelLossy(200),
		integration.StreamTestStreamParallelLossyThroughReconnect(200),
	))
}

// runSuite runs without our buffer, so the input replays what a test rejects.
func runSuite(t *testing.T, tests integration.StreamTestList) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		t.Parallel() // it mostly waits
		tests.Run(t, suiteConfig, integration.StreamTestOptVarSet("VAR1", c.brokers[0]),
			integration.StreamTestOptPreTest(func(t testing.TB, ctx context.Context, vars *integration.StreamTestConfigVars) {
				resp, err := c.admin.CreateTopic(ctx, 1, 1, nil, "topic-"+vars.ID)
				require.NoError(t, err)
				require.NoError(t, resp.Err)
			}))
	})
}

const suiteConfig = `
input:
  pausable_kafka:
    seed_brokers: [$VAR1]
    topics: [topic-$ID]
    consumer_group: group-$ID
    commit_period: 100ms
    heartbeat_interval: 100ms
    record_metadata: [headers]
    auto_replay_nacks: true
    batch: {count: 1}
output:
  suite_kafka:
    seed_broker: $VAR1
    topic: topic-$ID
`

func init() {
	service.MustRegisterBatchOutput("suite_kafka",
		service.NewConfigSpec().Fields(service.NewStringField("seed_broker"), service.NewStringField("topic")),
		func(conf *service.ParsedConfig, _ *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			o := &suiteOutput{}
			o.broker, _ = conf.FieldString("seed_broker")
			o.topic, _ = conf.FieldString("topic")
			return o, service.BatchPolicy{}, 10, nil
		})
}

// suiteOutput writes messages to a topic, with their metadata as headers.
type suiteOutput struct {
	broker, topic string
	client        *kgo.Client
}

func (o *suiteOutput) Connect(ctx context.Context) (err error) {
	if o.client, err = kgo.NewClient(kgo.SeedBrokers(o.broker), kgo.DefaultProduceTopic(o.topic)); err != nil {
		return err
	}
	_, err = kadm.NewClient(o.client).ListTopics(ctx, o.topic)
	return err
}

func (o *suiteOutput) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	records := make([]*kgo.Record, len(batch))
	for i, m := range batch {
		value, err := m.AsBytes()
		if err != nil {
			return err
		}
		records[i] = &kgo.Record{Value: value}
		if err := m.MetaWalk(func(k, v string) error {
			records[i].Headers = append(records[i].Headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
			return nil
		}); err != nil {
			return err
		}
	}
	return o.client.ProduceSync(ctx, records...).FirstErr()
}

func (o *suiteOutput) Close(context.Context) error {
	if o.client != nil {
		o.client.Close()
	}
	return nil
}
