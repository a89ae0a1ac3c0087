package kafka

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// once is exactly_once with chunks of so many records.
func once(count int, period time.Duration) string {
	return fmt.Sprintf("exactly_once: true\nbatch: {count: %d, period: %s}", count, period)
}

// extent is where a chunk begins and ends.
type extent struct {
	source      string
	first, last int64
}

// extentOf returns the extent of a batch, which must be a sealed one.
func extentOf(t *testing.T, batch service.MessageBatch) (e extent) {
	t.Helper()
	seal := position.SealOf(batch[0].Context())
	require.NotNil(t, seal)
	var finder position.Finder
	for i, m := range batch {
		require.Same(t, seal, position.SealOf(m.Context()), "a batch is one chunk")
		source, offset, ok := finder.Find(m.Context(), nil)
		require.True(t, ok)
		if i == 0 {
			e = extent{source: source, first: offset}
		}
		require.Equal(t, e.source, source)
		e.last = offset
	}
	return e
}

// chunks are the extents of what was delivered, in order.
func (k *consumer) chunks() (out []extent) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, b := range k.batches {
		out = append(out, extentOf(k.t, b))
	}
	return out
}

// announced is the metadata of the group's commit of partition 0.
func (c *cluster) announced(topic string) kadm.OffsetResponse {
	c.t.Helper()
	offsets, err := c.admin.FetchOffsets(c.t.Context(), c.group())
	require.NoError(c.t, err)
	o, _ := offsets.Lookup(topic, 0)
	return o
}

// A chunk is closed by count or by the clock, and its end is in the group's
// commit by the time that it is delivered.
func TestChunksAreAnnouncedBeforeTheyAreDelivered(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 25)
		k := c.consume(topic, true, more+"\n"+once(10, time.Millisecond*200))
		eventually(t, "all is delivered", func() bool { return k.total() == 25 })
		source := "kafka/" + topic + "/0"
		require.Equal(t, []extent{{source, 0, 9}, {source, 10, 19}, {source, 20, 24}}, k.chunks())
		said := c.announced(topic)
		require.EqualValues(t, 0, said.At)
		require.Equal(t, "data-bridge/1 +10 +10 +5", said.Metadata)

		k.ackAll()
		eventually(t, "the commit follows", func() bool { return c.announced(topic).At == 25 })
		require.Empty(t, c.announced(topic).Metadata)
		require.Equal(t, upTo(0, 25), k.got(0))
	})
}

// What was announced is formed again, whatever the size of chunks is now, and
// whether it was settled out of order or not at all.
func TestAnnouncedChunksAreFormedAgain(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 30)
		k := c.consume(topic, true, more+"\n"+once(7, time.Millisecond*200))
		eventually(t, "all is delivered", func() bool { return k.total() == 30 })
		before := k.chunks()
		acks := k.heldAcks()
		require.Len(t, acks, 5)
		for _, i := range []int{0, 2} { // a hole at 1
			require.NoError(t, acks[i](context.Background(), nil))
		}
		k.close()
		c.produce(topic, 0, 30, 45)

		again := c.consume(topic, false, more+"\n"+once(100, time.Millisecond*200))
		eventually(t, "the rest is delivered", func() bool { return again.total() == 45-7 })
		got := again.chunks()
		require.Equal(t, before[1:], got[:4])
		require.Equal(t, extent{before[0].source, 30, 44}, got[4])
		eventually(t, "all is committed", func() bool { return c.announced(topic).At == 45 })
	})
}

// While a hundred chunks of a partition wait, the next one grows; it is closed
// when there is room.
func TestChunksGrowWhileManyAreAhead(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		k := c.consume(topic, true, once(1000, time.Millisecond))
		for i := range mostAhead {
			c.produce(topic, 0, i, i+1)
			eventually(t, "it is delivered", func() bool { return k.total() == i+1 })
		}
		for i := mostAhead; i < mostAhead+20; i++ {
			c.produce(topic, 0, i, i+1)
		}
		stays(t, "no more is delivered", func() bool { return k.total() == mostAhead })
		require.Less(t, len(c.announced(topic).Metadata), 4096)
		k.ackAll()
		eventually(t, "the rest is delivered", func() bool { return k.total() == mostAhead+20 })
		require.Equal(t, upTo(0, mostAhead+20), k.got(0))
		require.Less(t, len(k.chunks()), mostAhead+20)
	})
}

// More than a chunk of every partition is not held ahead of what is settled.
func TestNothingIsPolledWhileNoChunkMayBeClosed(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, mostAhead*2+200)
		k := c.consume(topic, true, once(2, time.Hour))
		eventually(t, "as many as may are delivered", func() bool { return k.total() == mostAhead*2 })
		stays(t, "no more is delivered", func() bool { return k.total() == mostAhead*2 })
		k.ackAll()
		eventually(t, "the rest is delivered", func() bool { return k.total() == mostAhead*2+200 })
		require.Equal(t, upTo(0, mostAhead*2+200), k.got(0))
	})
}

// What a poll is told that has ended meanwhile, the next one is told.
func TestAPollThatIsOverLeavesTheWordToTheNext(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // of two that are ready, either may be chosen
		p := &oncePoller{poller: &poller{assignment: newAssignment(nil)}}
		signal(p.assignment.freed)
		p.endWhenFreed(over, cancel)
		require.Len(t, p.assignment.freed, 1)
	}
}

// While commits fail nothing is delivered, and /health says why.
func TestNothingIsDeliveredUnannounced(t *testing.T) {
	fake, c := startFake(t)
	var refuse atomic.Bool
	refuse.Store(true)
	fake.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		return refusal(req.(*kmsg.OffsetCommitRequest), kerr.OffsetMetadataTooLarge), nil, refuse.Load()
	})
	topic := c.topic(1)
	c.produce(topic, 0, 0, 10)
	k := c.consume(topic, false, once(100, 10*time.Millisecond))
	eventually(t, "the link is down", func() bool { return !k.in.stats.Link.State().Connected && k.in.stats.Link.State().Err != nil })
	require.ErrorContains(t, k.in.stats.Link.State().Err, "announcing the chunks of exactly_once")
	require.Zero(t, k.total())
	refuse.Store(false)
	eventually(t, "it is delivered", func() bool { return k.total() == 10 })
	eventually(t, "the link is up", func() bool { return k.in.stats.Link.State().Connected })
}

// refusal is what a broker answers that takes nothing of a commit.
func refusal(req *kmsg.OffsetCommitRequest, why *kerr.Error) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, why.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// The log was made anew behind the input's back: it goes on, and what is
// committed is of the new log.
func TestALogThatIsMadeAnewIsReadFromItsStart(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.once = true
	a.assign(l, one)
	old := a.owned[tp1]
	a.restore(tp1, announcement{base: kgo.EpochOffset{Offset: 50}, ends: []int64{60}})
	f := &former{assignment: a, count: 3, bytes: 1 << 20, period: time.Hour, runs: map[*partition]*run{}, log: service.MockResources().Logger()}
	f.add(resolve(a, polled(1, 0, 1, 2, 3)), time.Now())
	f.take(time.Now())
	require.False(t, old.intent.unsettled(), "nothing is said of the old log")
	said := a.owned[tp1].intent.say()
	require.EqualValues(t, 0, said.base.Offset)
	require.Equal(t, []int64{3}, said.ends)
}

// The records of a chunk may not vanish one by one.
func TestExactlyOnceRefusesCompactedTopics(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		policy := "compact,delete"
		_, err := c.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "cleanup.policy", Value: &policy}}, topic)
		require.NoError(t, err)
		require.ErrorContains(t, connectError(t, c.config(topic, "exactly_once: true")),
			fmt.Sprintf("exactly_once is set, but topic %q is compacted (cleanup.policy=compact,delete)", topic))
	})
}

func TestExactlyOnceIsToldToTheBoard(t *testing.T) {
	yaml := "seed_brokers: [127.0.0.1:9092]\ntopics: [t]\nconsumer_group: g\n"
	in, res, err := parseInput(t, yaml+once(10, time.Second))
	require.NoError(t, err)
	require.True(t, status.Of(res, "").ExactlyOnce())
	require.NoError(t, in.Close(t.Context()))
	require.False(t, status.Of(res, "").ExactlyOnce(), "the stream that a reload makes may have no such input")
	_, res, err = parseInput(t, yaml)
	require.NoError(t, err)
	require.False(t, status.Of(res, "").ExactlyOnce())
}
