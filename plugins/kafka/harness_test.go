package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/reading"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// onEachBroker runs a test on kfake and, where it can be had, on Apache Kafka, beside
// other tests.
func onEachBroker(t *testing.T, test func(*testing.T, *cluster)) {
	t.Helper()
	t.Parallel()
	t.Run("kfake", func(t *testing.T) { test(t, newCluster(t, fakeBrokers(t, kfake.NumBrokers(3)))) })
	t.Run("apache", func(t *testing.T) {
		k := stack.Shared.Kafka(t)
		if why := k.Fake(); why != "" {
			t.Skip("NOT RUN on Apache Kafka:", why)
		}
		test(t, newCluster(t, k.Brokers()))
	})
}

// protocols are the ways in which a group shares its partitions out, and the
// YAML that chooses them.
var protocols = map[string]string{
	"cooperative": "",
	"eager":       "group_balancers: [range]",
	"consumer":    "group_protocol: consumer",
}

// onEachProtocol runs a test under every protocol, on kfake and, where it can be
// had, on Apache Kafka. It runs them side by side: they wait more than they work.
func onEachProtocol(t *testing.T, test func(t *testing.T, c *cluster, more string)) {
	t.Helper()
	t.Parallel()
	for name, more := range protocols {
		t.Run(name+"/kfake", func(t *testing.T) {
			t.Parallel()
			test(t, newCluster(t, fakeBrokers(t, kfake.NumBrokers(3), quickHeartbeats)), more)
		})
	}
	onApacheProtocols(t, test)
}

// onEachApacheProtocol is onEachProtocol without kfake.
func onEachApacheProtocol(t *testing.T, test func(t *testing.T, c *cluster, more string)) {
	t.Helper()
	t.Parallel()
	onApacheProtocols(t, test)
}

func onApacheProtocols(t *testing.T, test func(t *testing.T, c *cluster, more string)) {
	t.Helper()
	for name, more := range protocols {
		t.Run(name+"/apache", func(t *testing.T) {
			k := newestKafka(t)
			t.Parallel()
			test(t, newCluster(t, k.Brokers()), more)
		})
	}
}

// quickHeartbeats is for the consumer protocol, where the broker sets the pace.
var quickHeartbeats = kfake.BrokerConfigs(map[string]string{"group.consumer.heartbeat.interval.ms": "100"})

// newestKafka is the newest Apache Kafka, which knows the consumer protocol.
func newestKafka(t *testing.T) *stack.Kafka {
	t.Helper()
	k := stack.Shared.KafkaNext(t)
	if why := k.Fake(); why != "" {
		t.Skip("NOT RUN on Apache Kafka:", why)
	}
	return k
}

func fakeBrokers(t *testing.T, opts ...kfake.Opt) []string {
	t.Helper()
	c, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

// cluster is what a test does to a broker from outside.
type cluster struct {
	t       *testing.T
	brokers []string
	client  *kgo.Client
	admin   *kadm.Client
	prefix  string
	beat    string // heartbeat_interval of the members, 100ms if empty
}

// startFake starts a broker for this test alone, whose answers it may change.
func startFake(t *testing.T) (*kfake.Cluster, *cluster) {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	return fake, newCluster(t, fake.ListenAddrs())
}

func newCluster(t *testing.T, brokers []string, opts ...kgo.Opt) *cluster {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	prefix := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()), time.Now().UnixNano())
	return &cluster{t: t, brokers: brokers, client: cl, admin: kadm.NewClient(cl), prefix: prefix}
}

// topic creates a topic with a name of its own.
func (c *cluster) topic(partitions int32) string {
	c.t.Helper()
	name := fmt.Sprintf("%s-t", c.prefix)
	c.create(name, partitions)
	return name
}

func (c *cluster) create(name string, partitions int32) {
	c.t.Helper()
	resp, err := c.admin.CreateTopic(c.t.Context(), partitions, 1, nil, name)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Err)
	eventually(c.t, "the topic has its leaders", func() bool {
		l, err := c.admin.ListTopics(c.t.Context(), name)
		if err != nil || len(l[name].Partitions) != int(partitions) {
			return false
		}
		return l[name].Partitions.Numbers() != nil && l[name].Err == nil && !slices.ContainsFunc(l[name].Partitions.Sorted(),
			func(p kadm.PartitionDetail) bool { return p.Err != nil || p.Leader < 0 })
	})
}

// produce sends the values from..to-1 to a partition, as decimal text.
func (c *cluster) produce(topic string, partition int32, from, to int) {
	c.t.Helper()
	var records []*kgo.Record
	for i := from; i < to; i++ {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, i)})
	}
	require.NoError(c.t, c.client.ProduceSync(c.t.Context(), records...).FirstErr())
}

// transaction begins one, of a producer of its own.
func (c *cluster) transaction() *kgo.Client {
	c.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionalID(c.prefix+"-x"), kgo.TransactionTimeout(time.Minute))
	require.NoError(c.t, err)
	c.t.Cleanup(cl.Close)
	require.NoError(c.t, cl.BeginTransaction())
	return cl
}

// produceWith sends the values from..to-1 to partition 0 by a client of its own.
func (c *cluster) produceWith(cl *kgo.Client, topic string, from, to int) {
	c.t.Helper()
	var records []*kgo.Record
	for i := from; i < to; i++ {
		records = append(records, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)})
	}
	require.NoError(c.t, cl.ProduceSync(c.t.Context(), records...).FirstErr())
}

// committed is the group's offset of a partition, -1 for none.
func (c *cluster) committed(group, topic string, partition int32) int64 {
	c.t.Helper()
	offsets, err := c.admin.FetchOffsets(c.t.Context(), group)
	if isAny(err, kerr.GroupIDNotFound, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator) {
		return -1 // nobody has joined yet
	}
	require.NoError(c.t, err)
	if o, ok := offsets.Lookup(topic, partition); ok {
		return o.At
	}
	return -1
}

// spec is the input's, which takes a while to make under the race detector.
var spec = sync.OnceValue(inputSpec)

func parseInput(t *testing.T, yaml string) (*input, *service.Resources, error) {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	res := service.MockResources()
	in, err := newFromConfig(conf, res)
	if err != nil {
		return nil, nil, err
	}
	return bare(in), res, nil
}

// bare is the input that the host reads from.
func bare(in service.BatchInput) *input { return in.(*reading.Reader).Input().(*input) }

// config is the YAML of an input with timings fit for tests.
func (c *cluster) config(topic, more string) string {
	return fmt.Sprintf(`
seed_brokers: ["%s"]
topics: ["%s"]
consumer_group: "%s-g"
commit_period: 100ms
heartbeat_interval: %s
session_timeout: 45s
%s
`, strings.Join(c.brokers, ","), topic, c.prefix, cmp.Or(c.beat, "100ms"), more)
}

func (c *cluster) group() string { return c.prefix + "-g" }

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			require.FailNow(t, "never happened: "+what)
		}
		<-tick.C
	}
}

// stays fails when cond becomes false within a moment.
func stays(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 60 {
		require.True(t, cond(), "no longer: "+what)
		<-tick.C
	}
}

// upTo is from..to-1.
func upTo(from, to int) (out []int) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}
