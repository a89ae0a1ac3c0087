package kafka

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// A member whose heartbeats break is told by its client that its partitions are lost, and
// so is one that leaves meanwhile. To the brokers they are not: what was settled is
// committed, and comes to nobody again.
func TestABrokenHeartbeatCostsNothingThatWasSettled(t *testing.T) {
	for name, more := range map[string]string{"at least once": "batch: {count: 5}", "exactly once": once(5, 10*time.Millisecond)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, c := startFake(t)
			var broken atomic.Int64
			var due atomic.Bool
			fake.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
				fake.KeepControl()
				if !due.Load() {
					return nil, nil, false
				}
				broken.Add(1)
				return nil, errors.New("the connection breaks"), true
			})
			topic := c.topic(1)
			c.produce(topic, 0, 0, 20)
			k := c.consume(topic, true, more+"\ncommit_period: 1h")
			eventually(t, "it delivers", func() bool { return k.total() == 20 })
			k.ackAll()
			due.Store(true)
			eventually(t, "a heartbeat breaks", func() bool { return broken.Load() > 0 })
			k.close()
			require.EqualValues(t, 20, c.committed(c.group(), topic, 0))
		})
	}
}

// What was in flight when the heartbeats broke and is settled in a moment comes to nobody
// again either.
func TestABrokenHeartbeatLeavesTimeToWhatIsInFlight(t *testing.T) {
	t.Parallel()
	fake, c := startFake(t)
	var due atomic.Bool
	fake.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if !due.Load() {
			return nil, nil, false
		}
		return nil, errors.New("the connection breaks"), true
	})
	topic := c.topic(1)
	c.produce(topic, 0, 0, 20)
	k := c.consume(topic, true, "batch: {count: 5}\ncommit_period: 1h")
	eventually(t, "it delivers", func() bool { return k.total() == 20 })
	a := k.in.session.Load().assignment
	a.mu.Lock()
	p := a.owned[topicPartition{topic, 0}]
	a.mu.Unlock()
	due.Store(true)
	eventually(t, "the partition is given up", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return p.leaving
	})
	due.Store(false)
	k.ackAll()
	eventually(t, "it is a member again", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		again := a.owned[p.topicPartition]
		return again != nil && again != p && k.in.stats.Share().Group == status.GroupMember
	})
	c.produce(topic, 0, 20, 25)
	eventually(t, "it goes on", func() bool { return k.total() >= 25 })
	require.Equal(t, 25, k.total(), "nothing comes again")
}

// The broker is out of reach when the partitions are taken to be lost: what was settled
// by then cannot be committed. It is kept, committed as soon as the member is back, and
// comes to nobody again.
func TestABrokerOutOfReachCostsNothingThatWasSettled(t *testing.T) {
	t.Parallel()
	fake, c := startFake(t)
	var due atomic.Bool
	for _, key := range []kmsg.Key{kmsg.Heartbeat, kmsg.OffsetCommit, kmsg.JoinGroup, kmsg.Fetch} {
		fake.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			fake.KeepControl()
			if !due.Load() {
				return nil, nil, false
			}
			return nil, errors.New("the connection breaks"), true
		})
	}
	topic := c.topic(1)
	c.produce(topic, 0, 0, 20)
	k := c.consume(topic, true, "batch: {count: 5}\ncommit_period: 1h")
	eventually(t, "it delivers", func() bool { return k.total() == 20 })
	k.ackAll()
	a := k.in.session.Load().assignment
	p := a.find(topicPartition{topic, 0})
	due.Store(true)
	eventually(t, "the partition is lost", func() bool { return a.find(p.topicPartition) == nil })
	require.Zero(t, c.committed(c.group(), topic, 0), "nothing could be committed")
	due.Store(false)
	eventually(t, "the member is back", func() bool { return a.find(p.topicPartition) != nil })
	eventually(t, "it has committed", func() bool { return c.committed(c.group(), topic, 0) == 20 })
	c.produce(topic, 0, 20, 25)
	eventually(t, "it goes on", func() bool { return k.total() >= 25 })
	require.Equal(t, 25, k.total(), "nothing comes again")
}

// What is kept holds as long as the group's commit stands where it did, and once.
func TestLeftoversYieldToTheGroup(t *testing.T) {
	tp := topicPartition{"t", 3}
	at := func(offset int64) map[string]map[int32]kgo.EpochOffset {
		return map[string]map[int32]kgo.EpochOffset{"t": {3: {Offset: offset}}}
	}
	for name, c := range map[string]struct {
		settled   int64
		committed map[string]map[int32]kgo.EpochOffset
		found     int64
		ok        bool
	}{
		"nobody else was there":           {20, at(5), 5, true},
		"another member went on":          {20, at(5), 30, false},
		"another member was on its way":   {20, at(5), 10, false},
		"somebody has set it back":        {20, at(5), 0, false},
		"all was committed":               {5, at(5), 5, false},
		"the group had no commit":         {20, at(-1), -1, false},
		"nobody knows what was committed": {20, nil, 5, false},
	} {
		var l leftovers
		l.keep(map[topicPartition]int64{tp: c.settled}, c.committed)
		settled, ok := l.take(tp, c.found)
		require.Equal(t, c.ok, ok, name)
		if ok {
			require.Equal(t, c.settled, settled, name)
		}
		_, ok = l.take(tp, c.found)
		require.False(t, ok, "%s: it is taken once", name)
	}
}
