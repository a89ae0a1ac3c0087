package kafka

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/plugins/position"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestDeliversEveryPartitionInOrder(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(5)
		for p := range int32(5) {
			c.produce(topic, p, 0, 700)
		}
		k := c.consume(topic, false, "batch: {count: 64}")
		eventually(t, "all is delivered", func() bool { return k.total() == 5*700 })
		for p := range 5 {
			require.Equal(t, upTo(0, 700), k.got(p), "partition %d", p)
		}
		for _, b := range k.batches {
			require.LessOrEqual(t, len(b), 64)
		}
		require.EqualValues(t, 5*700, k.in.stats.Received.Load())
		require.True(t, k.in.stats.Link.State().Connected)
	})
}

func TestCommitsUpToTheFirstUnsettledRecord(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 50)
		k := c.consume(topic, true, "batch: {count: 10}")
		eventually(t, "all is delivered", func() bool { return k.total() == 50 })

		acks := k.heldAcks()
		require.GreaterOrEqual(t, len(acks), 5)
		gap := len(k.batches[0]) + len(k.batches[1])
		for i := len(acks) - 1; i >= 0; i-- { // the last first, all but the third
			if i != 2 {
				require.NoError(t, acks[i](context.Background(), nil))
			}
		}
		eventually(t, "the settled prefix is committed", func() bool { return c.committed(c.group(), topic, 0) == int64(gap) })
		k.close()
		require.EqualValues(t, gap, c.committed(c.group(), topic, 0))

		again := c.consume(topic, false, "")
		eventually(t, "the rest is delivered again", func() bool { return again.total() == 50-gap })
		require.Equal(t, upTo(gap, 50), again.got(0))
	})
}

func TestCommitsNothingThatIsNotAcknowledged(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 20)
		k := c.consume(topic, true, "batch: {count: 10}")
		eventually(t, "all is delivered", func() bool { return k.total() == 20 })
		k.close()
		require.Zero(t, c.committed(c.group(), topic, 0), "where it starts")
	})
}

func TestRejectedRecordsHoldTheCommitBack(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 20)
		k := c.consume(topic, true, "batch: {count: 10}")
		eventually(t, "all is delivered", func() bool { return k.total() == 20 })
		for i, ack := range k.heldAcks() {
			var err error
			if i == 0 {
				err = errors.New("no")
			}
			require.NoError(t, ack(context.Background(), err))
			require.NoError(t, ack(context.Background(), nil), "a second answer changes nothing")
		}
		k.close()
		require.Zero(t, c.committed(c.group(), topic, 0), "where it starts")
	})
}

func TestCloseCommitsTheLastSettledRecord(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) { testCloseCommits(t, c, "") })
}

func TestStaticMemberCommitsOnCloseToo(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) { testCloseCommits(t, c, "instance_id: one") })
}

func testCloseCommits(t *testing.T, c *cluster, more string) {
	t.Helper()
	topic := c.topic(2)
	c.produce(topic, 0, 0, 30)
	c.produce(topic, 1, 0, 7)
	k := c.consume(topic, true, "commit_period: 1h\n"+more)
	eventually(t, "all is delivered", func() bool { return k.total() == 37 })
	k.stop()
	<-k.done
	done, cancel := context.WithCancel(context.Background())
	cancel() // the host's context of acknowledgements may have ended
	for _, ack := range k.heldAcks() {
		require.NoError(t, ack(done, nil))
	}
	k.close()
	require.EqualValues(t, 30, c.committed(c.group(), topic, 0))
	require.EqualValues(t, 7, c.committed(c.group(), topic, 1))
	require.True(t, k.in.stats.Link.State().Closed)
}

// How another member stands that reports under the same label, such as one that takes
// the place of this one, is nothing to how this one ends.
func TestCloseCommitsWhileItsSuccessorJoins(t *testing.T) {
	c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(1)))
	topic := c.topic(1)
	c.produce(topic, 0, 0, 30)
	k := c.consume(topic, true, "commit_period: 1h")
	eventually(t, "all is delivered", func() bool { return k.total() == 30 })
	k.stop()
	<-k.done
	k.ackAll()
	successor := k.in.stats.SetShare(status.GroupJoining, 0)
	k.close()
	require.EqualValues(t, 30, c.committed(c.group(), topic, 0))
	require.Same(t, successor, k.in.stats.Share(), "what it says of itself stands")
}

// For a moment of every rebalance the brokers take no commits. A member that ends then
// makes its last one after it.
func TestCloseCommitsInMidRebalance(t *testing.T) {
	for name, more := range map[string]string{"at least once": "", "exactly once": once(5, 10*time.Millisecond)} {
		t.Run(name, func(t *testing.T) {
			fake, c := startFake(t)
			topic := c.topic(1)
			c.produce(topic, 0, 0, 30)
			k := c.consume(topic, true, "commit_period: 1h\n"+more)
			eventually(t, "all is delivered", func() bool { return k.total() == 30 })
			k.stop()
			<-k.done
			k.ackAll()
			k.in.session.Load().share(status.GroupRebalancing)
			refusals := 3
			fake.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
				fake.KeepControl()
				refusals--
				return refusal(req.(*kmsg.OffsetCommitRequest), kerr.RebalanceInProgress), nil, refusals >= 0
			})
			k.close()
			require.EqualValues(t, 30, c.committed(c.group(), topic, 0))
		})
	}
}

func TestStartOffsetLatestSkipsWhatIsThere(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		k := c.consume(topic, false, "start_offset: latest")
		// The end is looked up when fetching starts, of which there is no sign from outside.
		next := 10
		eventually(t, "something new is delivered", func() bool {
			c.produce(topic, 0, next, next+1)
			next++
			return k.total() > 0
		})
		require.GreaterOrEqual(t, k.got(0)[0], 10)
	})
}

// What comes while nobody is there is read later, from a partition too of which nothing was
// read before.
func TestStartOffsetLatestIsTheEndOfTheFirstStart(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 10)
		next := 10
		for _, once := range []string{"exactly_once: false", "exactly_once: true"} {
			c.prefix += "-other" // group
			conf := c.config(topic, "start_offset: latest\ncommit_period: 1h\n"+once+"\n"+more)
			first := c.consumer(conf)
			first.gate.Hold(gate.ReasonOperator)
			first.start()
			eventually(t, "it is committed where they start", func() bool {
				return c.committed(c.group(), topic, 0) == int64(next) && c.committed(c.group(), topic, 1) == int64(next-10)
			})
			first.close()
			c.produce(topic, 0, next, next+5)
			c.produce(topic, 1, next-10, next-5)
			second := c.consumer(conf)
			second.start()
			eventually(t, "what came meanwhile is delivered", func() bool { return second.total() == 10 })
			second.close()
			require.Equal(t, []int{next, next + 1, next + 2, next + 3, next + 4}, second.got(0))
			next += 5
		}
	})
}

// The commit that says where a partition starts may be refused: what is polled first says it
// again, before it is handed out.
func TestARefusedStartIsSaidAgain(t *testing.T) {
	fake, c := startFake(t)
	refuse := true
	var refused atomic.Int64
	fake.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if !refuse {
			return nil, nil, false
		}
		refuse = false
		defer refused.Add(1)
		return refusal(req.(*kmsg.OffsetCommitRequest), kerr.RebalanceInProgress), nil, true
	})
	topic := c.topic(1)
	c.produce(topic, 0, 0, 10)
	k := c.consume(topic, true, "start_offset: latest\ncommit_period: 1h")
	eventually(t, "its start is refused", func() bool { return refused.Load() == 1 })
	c.produce(topic, 0, 10, 11)
	eventually(t, "something new is delivered", func() bool { return k.total() == 1 })
	require.EqualValues(t, 10, c.committed(c.group(), topic, 0), "before anything is settled")
}

func TestMetadata(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		r := &kgo.Record{
			Topic: topic, Key: []byte("EURUSD"), Value: []byte("1"),
			Headers: []kgo.RecordHeader{{Key: "venue", Value: []byte("x")}, {Key: "table", Value: []byte("forged")}},
		}
		require.NoError(t, c.client.ProduceSync(t.Context(), r, &kgo.Record{Topic: topic}).FirstErr())
		k := c.consume(topic, false, `
metadata: {table: external}
record_metadata: [kafka_offset, kafka_key, kafka_timestamp_ms, kafka_timestamp_unix, headers]`)
		eventually(t, "both are delivered", func() bool { return k.total() == 2 })

		var all service.MessageBatch
		for _, b := range k.batches {
			all = append(all, b...)
		}
		got := map[string]any{}
		require.NoError(t, all[0].MetaWalkMut(func(key string, v any) error { got[key] = v; return nil }))
		require.Equal(t, map[string]any{
			"table": "external", "venue": "x", "kafka_topic": topic, "kafka_partition": 0, "kafka_offset": 0,
			"kafka_key": "EURUSD", "kafka_timestamp_ms": r.Timestamp.UnixMilli(), "kafka_timestamp_unix": r.Timestamp.Unix(),
		}, got)
		require.Same(t, k.in.stats, status.OriginOf(all[0].Context()))

		tombstone, err := all[1].AsBytes()
		require.NoError(t, err)
		require.Empty(t, tombstone)
	})
}

func TestRecordMetadataIsOffByDefault(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 1)
		k := c.consume(topic, false, "")
		eventually(t, "it is delivered", func() bool { return k.total() == 1 })
		var keys []string
		require.NoError(t, k.batches[0][0].MetaWalkMut(func(key string, _ any) error { keys = append(keys, key); return nil }))
		require.ElementsMatch(t, []string{"kafka_topic", "kafka_partition"}, keys)
	})
}

func TestRegexpTopics(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		c.create(c.prefix+"-market-a", 1)
		c.create(c.prefix+"-other", 1)
		c.produce(c.prefix+"-market-a", 0, 0, 3)
		c.produce(c.prefix+"-other", 0, 0, 3)
		k := c.consume(c.prefix[1:]+"-market-[a-z]$", false, more+"\nregexp_topics: true\nmetadata_max_age: 200ms")
		eventually(t, "the first topic is delivered", func() bool { return k.total() == 3 })
		c.create(c.prefix+"-market-b", 1) // found by the next look-up
		c.produce(c.prefix+"-market-b", 0, 3, 6)
		eventually(t, "the second topic is delivered", func() bool { return k.total() == 6 })
		require.Equal(t, upTo(0, 6), k.got(0))
	})
}

func TestRecordsKnowTheirPosition(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 40)
		c.produce(topic, 1, 0, 40)
		k := c.consume(topic, true, "batch: {count: 16}")
		eventually(t, "all is delivered", func() bool { return k.total() == 80 })
		offsets := map[string][]int64{}
		k.mu.Lock()
		defer k.mu.Unlock()
		var finder position.Finder
		for _, batch := range k.batches {
			for _, m := range batch {
				data, err := m.AsBytes()
				require.NoError(t, err)
				source, offset, ok := finder.Find(m.Context(), data)
				require.True(t, ok)
				offsets[source] = append(offsets[source], offset)
			}
		}
		var want []int64
		for i := range int64(40) {
			want = append(want, i)
		}
		require.Equal(t, map[string][]int64{"kafka/" + topic + "/0": want, "kafka/" + topic + "/1": want}, offsets)
	})
}
