package stack

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestKafkaProduceAndConsumeInAGroup(t *testing.T) {
	k := Shared.Kafka(t)
	ctx := within(t, patience)
	topic := unique("round-trip")
	require.NoError(t, k.CreateTopic(ctx, topic, 3))
	produce(ctx, t, k, topic, 100)
	assert.Len(t, consume(ctx, t, k, topic, "g-"+topic, 100), 100)
}

func TestKafkaRestartKeepsDataAndOffsets(t *testing.T) {
	k, err := StartKafkaWith(t.Context(), KafkaOptions{Brief: true})
	require.NoError(t, err)
	closing(t, k)
	keepsDataAndOffsets(t, k)
}

func TestKfakeRestartKeepsDataAndOffsets(t *testing.T) {
	t.Setenv(EnvKafka, KafkaFake)
	k, err := StartKafka(t.Context())
	require.NoError(t, err)
	closing(t, k)
	require.NotEmpty(t, k.Fake())
	keepsDataAndOffsets(t, k)
}

func keepsDataAndOffsets(t *testing.T, k *Kafka) {
	ctx := within(t, patience)
	require.NoError(t, k.CreateTopic(ctx, "kept", 1))
	produce(ctx, t, k, "kept", 10)
	require.Len(t, consume(ctx, t, k, "kept", "g", 10), 10)

	require.NoError(t, k.Restart(ctx))
	produce(ctx, t, k, "kept", 5)
	assert.Len(t, consume(ctx, t, k, "kept", "g", 5), 5, "the group continues behind what it committed")

	require.NoError(t, k.Kill())
	require.NoError(t, k.Start(ctx))
	assert.Len(t, consume(ctx, t, k, "kept", "another", 15), 15)
}

func TestKafkaStall(t *testing.T) {
	k := Shared.Kafka(t)
	if k.Fake() != "" {
		t.Skipf("kfake cannot be stalled; it runs because %s", k.Fake())
	}
	require.NoError(t, k.Stall())
	require.Error(t, pingKafka(within(t, 500*time.Millisecond), k.Addr()))
	require.NoError(t, k.Continue())
	require.NoError(t, pingKafka(within(t, patience), k.Addr()))
}

func TestKafkaUnknownChoice(t *testing.T) {
	t.Setenv(EnvKafka, "redpanda")
	_, err := StartKafka(t.Context())
	require.ErrorContains(t, err, `"redpanda" is neither real nor kfake`)
}

func produce(ctx context.Context, t *testing.T, k *Kafka, topic string, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers()...))
	require.NoError(t, err)
	defer client.Close()
	for i := range n {
		record := &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(i))}
		require.NoError(t, client.ProduceSync(ctx, record).FirstErr())
	}
}

// consume reads n records as a member of the group and commits them.
func consume(ctx context.Context, t *testing.T, k *Kafka, topic, group string, n int) (values []string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers()...), kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(group), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	for len(values) < n {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err0())
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	require.NoError(t, client.CommitUncommittedOffsets(ctx))
	return values
}
