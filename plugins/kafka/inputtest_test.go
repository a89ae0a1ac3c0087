package kafka

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/inputtest"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestKafkaKeepsTheContractOfInputs(t *testing.T) {
	for name, fake := range map[string]bool{"kfake": true, "apache": false} {
		t.Run(name, func(t *testing.T) { keepsTheContract(t, fake, false) })
	}
	t.Run("kfake/exactly_once", func(t *testing.T) { keepsTheContract(t, true, true) })
}

func keepsTheContract(t *testing.T, fake, exactlyOnce bool) {
	t.Parallel() // they mostly wait
	inputtest.Run(t, inputtest.Row{
		Kind: status.KindKafka, Spec: inputSpec(), New: newFromConfig,
		Cannot: map[inputtest.Ability]string{
			inputtest.Redelivers: "a group has one position in each partition: a rejected record holds it back, and comes again to the next reader",
		},
		Start: func(t *testing.T) inputtest.Server { return startContract(t, fake, exactlyOnce) },
		Light: fake,
	})
}

// contractServer is a broker for the suite. Readers reach it through its link, the
// publisher passes that by.
type contractServer struct {
	kafka   *stack.Kafka
	client  *kgo.Client
	admin   *kadm.Client
	once    bool // readers deliver exactly once
	sources atomic.Int64
}

func startContract(t *testing.T, fake, exactlyOnce bool) *contractServer {
	t.Helper()
	k, err := stack.StartKafkaWith(t.Context(), stack.KafkaOptions{Fake: fake, Linked: true, ACLs: true, Brief: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	if why := k.Fake(); why != "" && !fake {
		t.Skip("NOT RUN on Apache Kafka:", why)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers()...), kgo.MetadataMinAge(10*time.Millisecond), kgo.ProducerLinger(0), kgo.Dialer(k.DialDirectly),
		kgo.ProducerBatchCompression(kgo.NoCompression())) // else a slow link would not be slow
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return &contractServer{kafka: k, client: cl, admin: kadm.NewClient(cl), once: exactlyOnce}
}

func (s *contractServer) Source(t *testing.T) inputtest.Source {
	t.Helper()
	c := &contractTopic{s, fmt.Sprintf("t%d", s.sources.Add(1))}
	c.create(t)
	c.acls(t, kadm.NewACLs().Allow("User:ANONYMOUS").AllowHosts().Topics(c.topic).Operations(kadm.OpAll))
	return c
}

func (s *contractServer) Link() inputtest.Link { return s.kafka.Link() }
func (s *contractServer) Stop(t *testing.T)    { require.NoError(t, s.kafka.Kill()) }
func (s *contractServer) Start(t *testing.T)   { require.NoError(t, s.kafka.Start(t.Context())) }

type contractTopic struct {
	*contractServer
	topic string
}

func (c *contractTopic) create(t *testing.T) {
	t.Helper()
	resp, err := c.admin.CreateTopic(t.Context(), 1, 1, nil, c.topic)
	require.NoError(t, err)
	require.NoError(t, resp.Err)
	eventually(t, "the topic has its leader", func() bool {
		l, err := c.admin.ListTopics(t.Context(), c.topic)
		return err == nil && l[c.topic].Err == nil && len(l[c.topic].Partitions) == 1 &&
			l[c.topic].Partitions[0].Err == nil && l[c.topic].Partitions[0].Leader >= 0
	})
}

func (c *contractTopic) Config(reader string) string {
	return fmt.Sprintf(`
seed_brokers: [%q]
topics: [%s]
consumer_group: %s
commit_period: 100ms
heartbeat_interval: 100ms
session_timeout: 45s
topic_lag_refresh_period: 100ms
fetch_max_wait: 250ms
exactly_once: %t
batch: {count: 10%s}
`, c.kafka.Addr(), c.topic, c.group(reader), c.once, map[bool]string{true: ", period: 1ms"}[c.once])
}

func (c *contractTopic) Publish(t *testing.T, records [][]byte) {
	t.Helper()
	produced := make([]*kgo.Record, len(records))
	for i, r := range records {
		produced[i] = &kgo.Record{Topic: c.topic, Value: r}
	}
	require.NoError(t, c.client.ProduceSync(t.Context(), produced...).FirstErr())
}

func (c *contractTopic) Ready(string) bool             { return true }
func (c *contractTopic) Quiet(*testing.T, string) bool { return true }

func (c *contractTopic) Settled(t *testing.T, reader string) bool {
	t.Helper()
	committed, err := c.admin.FetchOffsets(t.Context(), c.group(reader))
	require.NoError(t, err)
	ends, err := c.admin.ListEndOffsets(t.Context(), c.topic)
	require.NoError(t, err)
	at, _ := committed.Lookup(c.topic, 0)
	end, _ := ends.Lookup(c.topic, 0)
	return at.At == end.Offset
}

func (c *contractTopic) group(reader string) string { return c.topic + "-" + reader }

func (c *contractTopic) acls(t *testing.T, b *kadm.ACLBuilder) {
	t.Helper()
	results, err := c.admin.CreateACLs(t.Context(), b)
	require.NoError(t, err)
	for _, r := range results {
		require.NoError(t, r.Err)
	}
}

// denial takes the right to read from everybody; writing is not touched.
func (c *contractTopic) denial() *kadm.ACLBuilder {
	return kadm.NewACLs().Deny("User:ANONYMOUS").DenyHosts().Topics(c.topic).Operations(kadm.OpRead)
}

func (c *contractTopic) Revoke(t *testing.T) {
	c.acls(t, c.denial().ResourcePatternType(kadm.ACLPatternLiteral))
}

func (c *contractTopic) Grant(t *testing.T) {
	t.Helper()
	results, err := c.admin.DeleteACLs(t.Context(), c.denial().ResourcePatternType(kadm.ACLPatternLiteral))
	require.NoError(t, err)
	deleted := 0
	for _, r := range results {
		require.NoError(t, r.Err)
		deleted += len(r.Deleted)
	}
	require.Equal(t, 1, deleted)
}

func (c *contractTopic) Remake(t *testing.T) {
	t.Helper()
	resp, err := c.admin.DeleteTopic(t.Context(), c.topic)
	require.NoError(t, err)
	require.NoError(t, resp.Err)
	eventually(t, "it is gone", func() bool {
		l, err := c.admin.ListTopics(t.Context(), c.topic)
		return err == nil && errors.Is(l[c.topic].Err, kerr.UnknownTopicOrPartition)
	})
	c.client.PurgeTopicsFromClient(c.topic)
	c.create(t)
}
