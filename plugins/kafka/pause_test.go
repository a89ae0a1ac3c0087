package kafka

import (
	"crypto/rand"
	"errors"
	"strconv"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

func TestPauseKeepsThePosition(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(3)
		k := c.consume(topic, false, "batch: {count: 50}")
		for round := range 5 { // the same input, several pauses
			from := round * 400
			for p := range int32(3) {
				c.produce(topic, p, from, from+200)
			}
			eventually(t, "the first part is delivered", func() bool { return k.total() == 3*(from+200) })

			k.gate.Hold(gate.ReasonOperator)
			require.True(t, k.in.stats.Paused())
			require.Equal(t, []int32{0, 1, 2}, k.paused())
			for p := range int32(3) {
				c.produce(topic, p, from+200, from+400)
			}
			stays(t, "nothing arrives", func() bool { return k.total() == 3*(from+200) })

			k.gate.Release(gate.ReasonOperator)
			require.False(t, k.in.stats.Paused())
			require.Empty(t, k.paused())
			eventually(t, "the second part is delivered", func() bool { return k.total() >= 3*(from+400) })
		}
		for p := range 3 {
			require.Equal(t, upTo(0, 2000), k.got(p), "no gap and no duplicate in partition %d", p)
		}
	})
}

// Pauses hit every state of fetching: nothing may be lost or repeated.
func TestPausesInTheMiddleOfTheFlow(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		const records = 6_000
		topic := c.topic(3)
		for p := range int32(3) {
			c.produce(topic, p, 0, records)
		}
		k := c.consume(topic, false, "batch: {count: 100}\nfetch_max_partition_bytes: 16KiB")
		for k.total() < 3*records {
			before := k.total()
			k.gate.Hold(gate.ReasonOperator)
			k.gate.Release(gate.ReasonOperator)
			eventually(t, "it goes on after the resume", func() bool { return k.total() > before || k.total() == 3*records })
		}
		for p := range 3 {
			require.Equal(t, upTo(0, records), k.got(p), "partition %d", p)
		}
	})
}

func TestConnectsPausedWhenTheGateIsClosed(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 10)
		in, res, err := parseInput(t, c.config(topic, ""))
		require.NoError(t, err)
		g := gate.Of(res, "")
		g.Hold(gate.ReasonOperator)
		require.NoError(t, in.Connect(t.Context()))
		defer in.Close(t.Context())
		k := &consumer{t: t, in: in}
		eventually(t, "both partitions are assigned and paused", func() bool { return len(k.paused()) == 2 })

		g.Release(gate.ReasonOperator)
		batch, _, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, batch)
	})
}

func TestPausedMemberStaysInItsGroup(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		k := c.consume(topic, false, "") // no time-out that a held up machine would miss
		eventually(t, "the partitions are assigned", func() bool { return len(k.owned()) == 2 })
		before := k.in.session.Load().assignment.owned[topicPartition{topic, 0}]
		k.gate.Hold(gate.ReasonOperator)
		stays(t, "a member of its group", func() bool {
			g, err := c.admin.DescribeGroups(t.Context(), c.group())
			return err == nil && len(g[c.group()].Members) == 1
		})
		c.produce(topic, 0, 0, 5)
		k.gate.Release(gate.ReasonOperator)
		eventually(t, "it goes on", func() bool { return k.total() == 5 })
		require.Same(t, before, k.in.session.Load().assignment.owned[topicPartition{topic, 0}], "no rebalance happened")
	})
}

// While paused, no fetch is sent: not even in a slow loop.
func TestPausedInputDoesNotFetch(t *testing.T) {
	c, seen := watchedCluster(t, kmsg.Fetch)
	topic := c.topic(2)
	c.produce(topic, 0, 0, 10)
	k := c.consume(topic, false, "fetch_max_wait: 50ms")
	eventually(t, "it fetches", func() bool { return k.total() == 10 })

	k.gate.Hold(gate.ReasonOperator)
	c.produce(topic, 0, 10, 20)
	before := countOf[*kmsg.FetchRequest](seen) + 2 // one may be on its way, one may have been decided upon
	stays(t, "at rest", func() bool { return countOf[*kmsg.FetchRequest](seen) <= before })
	k.gate.Release(gate.ReasonOperator)
	eventually(t, "it fetches again", func() bool { return k.total() == 20 })
	require.Equal(t, upTo(0, 20), k.got(0))
}

// What was fetched before a pause is delivered after it. A pause that meets a
// poll throws away what that poll would have returned: one fetch at most.
func TestPausesDoNotFetchAgain(t *testing.T) {
	const records, pauses = 2000, 20
	c, seen := watchedCluster(t, kmsg.Fetch)
	topic := c.topic(1)
	c.produce(topic, 0, 0, records)
	k := c.consumer(c.config(topic, "batch: {count: 10}"))
	require.NoError(t, k.in.Connect(t.Context()))
	defer k.in.Close(t.Context())
	var got []int
	for i := 0; len(got) < records; i++ {
		batch, ack, err := k.in.ReadBatch(t.Context())
		require.NoError(t, err)
		if i < pauses {
			k.gate.Hold(gate.ReasonOperator)
			k.gate.Release(gate.ReasonOperator)
		}
		for _, m := range batch {
			text, err := m.AsBytes()
			require.NoError(t, err)
			n, err := strconv.Atoi(string(text))
			require.NoError(t, err)
			got = append(got, n)
		}
		require.NoError(t, ack(t.Context(), nil))
	}
	require.Equal(t, upTo(0, records), got)
	require.LessOrEqual(t, seen.fetchesBelow(records), 1+pauses)
}

// With the broker's answers held back, a resume still delivers at once what was
// fetched before: nothing in its path waits for anything.
func TestResumeNeedsNoBroker(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	defer fake.Close()
	c := newCluster(t, fake.ListenAddrs())
	topic := c.topic(1)
	c.produce(topic, 0, 0, 100)
	k := c.consumer(c.config(topic, "batch: {count: 10}"))
	require.NoError(t, k.in.Connect(t.Context()))
	defer k.in.Close(t.Context())
	_, _, err = k.in.ReadBatch(t.Context())
	require.NoError(t, err)
	client := k.in.session.Load().client
	eventually(t, "the poller has its next batch in hand", func() bool { return client.BufferedFetchRecords() == 80 })

	k.gate.Hold(gate.ReasonOperator)
	fake.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		return nil, errors.New("no fetch is answered"), true
	})
	k.gate.Release(gate.ReasonOperator)
	for range 9 {
		batch, _, err := k.in.ReadBatch(t.Context())
		require.NoError(t, err)
		require.Len(t, batch, 10)
	}
}

// What is fetched ahead is bounded, whatever the broker holds, paused or not.
func TestPrefetchIsBounded(t *testing.T) {
	const partitions, records, bound = 4, 100, 512 << 10
	c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(1)), kgo.ProducerBatchMaxBytes(64<<10))
	topic := c.topic(partitions)
	for p := range int32(partitions) { // 4 MB altogether
		var rs []*kgo.Record
		for range records {
			rs = append(rs, &kgo.Record{Topic: topic, Partition: p, Value: incompressible(10 << 10)})
		}
		require.NoError(t, c.client.ProduceSync(t.Context(), rs...).FirstErr())
	}
	k := c.consumer(c.config(topic, "fetch_max_bytes: 512KiB\nfetch_max_partition_bytes: 256KiB\nbatch: {count: 1}"))
	require.NoError(t, k.in.Connect(t.Context()))
	defer k.in.Close(t.Context())
	client := k.in.session.Load().client
	// The first fetch may have come too early for all partitions but one: no more is asked for then until it is read.
	eventually(t, "it has fetched", func() bool { return client.BufferedFetchBytes() > 0 })
	within := func() bool { return client.BufferedFetchBytes() <= bound+64<<10 } // one record batch more
	stays(t, "within the bound", within)
	for i := range partitions * records {
		if i%50 == 0 {
			k.gate.Hold(gate.ReasonOperator)
			k.gate.Release(gate.ReasonOperator)
		}
		_, ack, err := k.in.ReadBatch(t.Context())
		require.NoError(t, err)
		require.NoError(t, ack(t.Context(), nil))
		require.True(t, within())
	}
}

func incompressible(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func TestDrainEndsTheInput(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		k := c.consume(topic, false, "")
		eventually(t, "all is delivered", func() bool { return k.total() == 10 })
		k.gate.Hold(gate.ReasonOperator)
		k.gate.Drain()
		<-k.done
		require.ErrorIs(t, k.ended(), service.ErrEndOfInput)
		k.close()
		require.EqualValues(t, 10, c.committed(c.group(), topic, 0))
	})
}

func TestStoppingIsToldToTheGate(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		k := c.consume(c.topic(1), false, "")
		k.stop()
		<-k.done
		require.ErrorContains(t, k.ended(), "context canceled")
		require.True(t, k.gate.State().Ending, "the only input stops")
		require.False(t, k.gate.State().Draining, "another one may follow")
	})
}
