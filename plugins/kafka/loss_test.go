package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// deleteBefore deletes the records of a partition before an offset, as retention
// does.
func (c *cluster) deleteBefore(topic string, partition int32, offset int64) {
	c.t.Helper()
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: topic, Partition: partition, At: offset, LeaderEpoch: -1})
	resp, err := c.admin.DeleteRecords(c.t.Context(), o)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Error())
}

func (k *consumer) lost() int { return int(k.in.stats.Lost.Load()) }

// stored runs a consumer of the group until it has so many records, and stops it.
func (c *cluster) stored(topic string, records int, more string) {
	c.t.Helper()
	k := c.consume(topic, false, more)
	eventually(c.t, "all is delivered", func() bool { return k.total() == records })
	k.close()
}

// Whatever start_offset says: what the log has was not read yet, and what it has no
// more is counted.
func TestRetentionPassesAStoppedInput(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		for _, start := range []string{startEarliest, startLatest} {
			topic := c.prefix + "-" + start
			c.create(topic, 1)
			c.produce(topic, 0, 0, 1)
			if start == startLatest { // there is a commit then
				c.commit(topic, 0)
			}
			c.stored(topic, 1, "start_offset: "+start)
			c.produce(topic, 0, 1, 20)
			c.deleteBefore(topic, 0, 15)
			k := c.consume(topic, false, "start_offset: "+start)
			eventually(t, "what is left is delivered", func() bool { return k.total() == 5 })
			require.Equal(t, upTo(15, 20), k.got(0))
			require.Equal(t, 14, k.lost())
			k.close()

			k = c.consume(topic, false, quickLag+"\nstart_offset: "+start)
			k.lagWhen(t, 0)
			require.Zero(t, k.lost(), "counted once")
			k.close()
		}
	})
}

// What was read and not settled is read again, or counted, though the group never had
// a commit: wherever start_offset says to begin.
func TestWhatWasNeverSettledIsReadAgainOrCounted(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		for _, start := range []string{startEarliest, startLatest} {
			topic := c.prefix + "-unsettled-" + start
			c.create(topic, 1)
			c.produce(topic, 0, 0, 2)
			more := quickLag + "\nstart_offset: " + start
			k := c.consume(topic, true, more)
			first := 0
			if start == startLatest {
				first = 2
				k.lagWhen(t, 0) // it stands at the end
			}
			c.produce(topic, 0, 2, 10)
			eventually(t, "all is handed out", func() bool { return len(k.got(0)) == 10-first })
			k.close()
			require.Equal(t, int64(first), c.committed(c.group(), topic, 0), "where it starts, and nothing more")

			c.produce(topic, 0, 10, 20)
			k = c.consume(topic, true, more)
			eventually(t, "all is handed out again", func() bool { return len(k.got(0)) == 20-first })
			require.Equal(t, upTo(first, 20), k.got(0))
			k.close()

			c.deleteBefore(topic, 0, 15)
			k = c.consume(topic, false, more)
			eventually(t, "what is left is delivered", func() bool { return len(k.got(0)) == 5 })
			require.Equal(t, 15-first, k.lost())
			k.close()
		}
	})
}

// commit makes the group's commit of partition 0 of a topic.
func (c *cluster) commit(topic string, offset int64) {
	c.t.Helper()
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: topic, Partition: 0, At: offset, LeaderEpoch: -1})
	resp, err := c.admin.CommitOffsets(c.t.Context(), c.group(), o)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Error())
}

// Where nothing comes any more that shows the loss, it is counted all the same, once,
// and the group goes on behind it.
func TestRetentionEmptiesTheLogOfAStoppedInput(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		c.stored(topic, 10, "")
		c.produce(topic, 0, 10, 30)
		c.deleteBefore(topic, 0, 30)
		k := c.consume(topic, false, quickLag)
		eventually(t, "the loss is counted", func() bool { return k.lost() > 0 })
		require.Equal(t, 20, k.lost())
		k.lagWhen(t, 0)
		k.close()
		require.EqualValues(t, 30, c.committed(c.group(), topic, 0))
	})
}

func TestRetentionPassesAPausedInput(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		k := c.consume(topic, false, quickLag)
		eventually(t, "all is delivered", func() bool { return k.total() == 10 })
		k.gate.Hold(gate.ReasonOperator)
		c.produce(topic, 0, 10, 20) // may be on its way already
		k.lagWhen(t, 10)
		c.produce(topic, 0, 20, 1000)
		c.deleteBefore(topic, 0, 900)
		k.gate.Release(gate.ReasonOperator)
		eventually(t, "what is left is delivered", func() bool { v := k.got(0); return v[len(v)-1] == 999 })
		require.Equal(t, 1000, k.total()+k.lost(), "every record arrived or is counted")
		require.GreaterOrEqual(t, k.lost(), 880)
	})
}

// Gaps inside a log are no loss: aborted transactions, markers, compaction.
func TestTransactionsAreNoLoss(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		tx := c.transaction()
		c.produceWith(tx, topic, 0, 5)
		require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryAbort))
		require.NoError(t, tx.BeginTransaction())
		c.produceWith(tx, topic, 5, 10)
		require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryCommit))
		c.produce(topic, 0, 10, 12)
		c.commit(topic, 0)
		k := c.consume(topic, false, quickLag+"\ntransaction_isolation_level: read_committed")
		eventually(t, "what is committed is delivered", func() bool { return k.total() == 7 })
		k.lagWhen(t, 0)
		require.Zero(t, k.lost())
	})
}

// fetched is what a poll returns of a log that begins at start.
func fetched(start int64, offsets ...int64) kgo.Fetches {
	fs := polled(1, offsets...)
	fs[0].Topics[0].Partitions[0].LogStartOffset = start
	return fs
}

func TestOnlyWhatLiesBelowTheLogIsLost(t *testing.T) {
	at := func(from, to int64) []loss { return []loss{{tp1, from, to, lossRetention}} }
	for name, c := range map[string]struct {
		next int64
		poll kgo.Fetches
		want []loss
		then int64
	}{
		"no gap":                            {10, fetched(0, 10, 11), nil, 12},
		"compaction":                        {10, fetched(0, 17, 31), nil, 32},
		"retention":                         {10, fetched(25, 25, 26), at(10, 25), 27},
		"retention, and compaction behind":  {10, fetched(25, 40), at(10, 25), 41},
		"retention, nothing left":           {10, fetched(25), at(10, 25), 25},
		"the log moved behind the fetch":    {10, fetched(25, 10, 11), nil, 12},
		"the log moved in part":             {10, fetched(25, 20, 30), at(10, 20), 31},
		"a log that was read before":        {30, fetched(25, 25, 26), nil, 27},
		"a broker that does not tell":       {10, fetched(-1, 25), nil, 26},
		"nobody knows where it should have": {positionUnknown, fetched(25, 25), nil, 26},
	} {
		t.Run(name, func(t *testing.T) {
			a := testAssignment()
			a.assign(newLedger(), one)
			a.owned[tp1].begin(c.next)
			_, losses := a.resolve(c.poll)
			require.Equal(t, c.want, losses)
			require.Equal(t, c.then, a.owned[tp1].next)
		})
	}
}

func listed(offset int64) kadm.ListedOffsets {
	return kadm.ListedOffsets{"t": {1: {Topic: "t", Partition: 1, Offset: offset}}}
}

func TestALogThatIsCutOffLosesWhatWasNotRead(t *testing.T) {
	a := testAssignment()
	a.assign(newLedger(), one)
	a.owned[tp1].begin(40)
	require.Empty(t, a.examine(listed(0), listed(100), true))
	require.Empty(t, a.examine(listed(0), listed(60), true), "a leader that is behind for a moment")
	require.Empty(t, a.examine(listed(0), listed(101), true))
	require.Empty(t, a.examine(listed(0), listed(30), true))
	require.Equal(t, []loss{{tp1, 40, 101, lossTruncated}}, a.examine(listed(0), listed(30), true))
	require.Empty(t, a.examine(listed(0), listed(30), true), "counted once")
	require.Empty(t, a.examine(listed(0), listed(31), true))
}

// What waits to be handed out is not passed over by a commit.
func TestAnEmptiedLogDoesNotPassOverWhatWaits(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	a.owned[tp1].begin(10)
	waiting := (&poller{assignment: a}).build(resolve(a, polled(1, 10, 11)))
	require.Empty(t, a.examine(listed(50), listed(50), true))
	require.Equal(t, []loss{{tp1, 12, 50, lossRetention}}, a.examine(listed(50), listed(50), true))
	require.Empty(t, l.marked)

	_, receipts := a.handOut(waiting)
	a.settle(receipts, true)
	require.EqualValues(t, 12, l.marked[tp1])
}

// A pause, and what the client holds, say nothing about a loss.
func TestAnEmptiedLogIsJudgedOnlyWhenNothingCanCome(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	a.owned[tp1].begin(10)
	for range 3 {
		require.Empty(t, a.examine(listed(50), listed(50), false))
	}
	a.pause()
	for range 3 {
		require.Empty(t, a.examine(listed(50), listed(50), true))
	}
	a.resume()
	require.Empty(t, a.examine(listed(50), listed(50), true))
	require.Len(t, a.examine(listed(50), listed(50), true), 1)
	require.EqualValues(t, 50, l.marked[tp1])
}
