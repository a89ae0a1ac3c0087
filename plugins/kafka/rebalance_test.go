package kafka

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// lostOf waits until a second member has taken a partition from the first, and
// returns it.
func lostOf(t *testing.T, first, second *consumer) int {
	t.Helper()
	eventually(t, "the partitions are shared", func() bool { return len(first.owned()) == 1 && len(second.owned()) == 1 })
	return int(second.owned()[0])
}

func TestLateAcknowledgementDoesNotMoveTheOffset(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 10)
		c.produce(topic, 1, 0, 10)
		quick := more + "\nrebalance_timeout: 1s"
		first := c.consume(topic, true, quick)
		eventually(t, "the first member holds all", func() bool { return first.total() == 20 })

		second := c.consume(topic, false, quick)
		lost := lostOf(t, first, second)
		c.produce(topic, int32(lost), 10, 40)
		eventually(t, "the new owner settled all", func() bool { return c.committed(c.group(), topic, int32(lost)) == 40 })
		require.Equal(t, upTo(0, 40), second.got(lost), "what was not settled is repeated, and nothing is skipped")

		first.ackAll() // much too late for the partition that went
		kept := 1 - lost
		eventually(t, "the partition that stayed is committed", func() bool { return c.committed(c.group(), topic, int32(kept)) == 10 })
		first.close()
		require.EqualValues(t, 40, c.committed(c.group(), topic, int32(lost)))
		require.EqualValues(t, 10, c.committed(c.group(), topic, int32(kept)))
	})
}

func TestRevocationWaitsForWhatIsInFlight(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 10)
		c.produce(topic, 1, 0, 10)
		patient := more + "\nrebalance_timeout: 30s\ncommit_period: 1h"
		first := c.consume(topic, true, patient)
		eventually(t, "the first member holds all", func() bool { return first.total() == 20 })

		second := c.consume(topic, false, patient)
		eventually(t, "a revocation has begun", func() bool { return first.leaving() > 0 })
		first.ackAll()
		lost := lostOf(t, first, second)
		c.produce(topic, int32(lost), 10, 20)
		eventually(t, "the new owner goes on", func() bool { return len(second.got(lost)) >= 10 })
		require.Equal(t, upTo(10, 20), second.got(lost), "a clean hand-over repeats nothing")
	})
}

func TestRevocationIsBoundedWhilePaused(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 10)
		c.produce(topic, 1, 0, 10)
		quick := more + "\nrebalance_timeout: 1s"
		first := c.consume(topic, true, quick)
		eventually(t, "the first member holds all", func() bool { return first.total() == 20 })
		first.gate.Hold(gate.ReasonOperator) // and nothing is ever acknowledged

		second := c.consume(topic, false, quick)
		lost := lostOf(t, first, second)
		eventually(t, "the new owner repeats it", func() bool { return len(second.got(lost)) == 10 })
	})
}

// The pause of the client must at all times be that of the gate, for exactly
// the partitions that are owned.
func TestPauseFollowsTheAssignment(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(4)
		first := c.consume(topic, false, more)
		second := c.consume(topic, false, more)
		eventually(t, "the partitions are shared", func() bool { return len(first.owned()) == 2 && len(second.owned()) == 2 })
		first.gate.Hold(gate.ReasonOperator)
		require.Equal(t, first.owned(), first.paused())

		second.close() // its partitions come to a paused member
		eventually(t, "the first member owns all", func() bool { return len(first.owned()) == 4 })
		require.Equal(t, []int32{0, 1, 2, 3}, first.paused())
		for p := range int32(4) {
			c.produce(topic, p, 0, 25)
		}
		stays(t, "nothing arrives", func() bool { return first.total() == 0 })

		third := c.consume(topic, false, more) // some go away again, paused as they are
		eventually(t, "the partitions are shared", func() bool {
			return len(third.owned()) == 2 && slices.Equal(first.owned(), first.paused())
		})
		require.Empty(t, third.paused())
		eventually(t, "the third delivers its share", func() bool { return third.total() == 50 })
		third.close() // and come back while paused

		eventually(t, "the first member owns all again", func() bool { return len(first.paused()) == 4 })
		first.gate.Release(gate.ReasonOperator)
		require.Empty(t, first.paused())
		eventually(t, "the rest is delivered", func() bool { return first.total() == 50 })
		for p := range 4 {
			require.Equal(t, upTo(0, 25), append(third.got(p), first.got(p)...), "partition %d", p)
		}
	})
}

func TestMembersComeAndGoWithoutLossOrRepetition(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		const partitions, rounds, each = 6, 4, 200
		topic := c.topic(partitions)
		stable := c.consume(topic, false, more+"\nbatch: {count: 20}")
		var guests []*consumer
		total := func() (n int) {
			for _, k := range append(guests, stable) {
				n += k.total()
			}
			return n
		}
		for round := range rounds {
			guest := c.consume(topic, false, more+"\nbatch: {count: 20}")
			guests = append(guests, guest)
			for p := range int32(partitions) {
				c.produce(topic, p, round*each, (round+1)*each)
			}
			eventually(t, "the guest has its share", func() bool { return len(guest.owned()) > 0 })
			guest.close()
		}
		eventually(t, "all is delivered", func() bool { return total() >= partitions*rounds*each })
		for p := range partitions {
			got := stable.got(p)
			for _, g := range guests {
				got = append(got, g.got(p)...)
			}
			slices.Sort(got)
			require.Equal(t, upTo(0, rounds*each), got, "partition %d", p)
		}
	})
}

// leaving is how many owned partitions are being given up.
func (k *consumer) leaving() (n int) {
	a := k.in.session.Load().assignment
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.owned {
		if p.leaving {
			n++
		}
	}
	return n
}
