package kafka

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// lagWhen waits until the lag is this.
func (k *consumer) lagWhen(t *testing.T, want int64) *int64 {
	t.Helper()
	eventually(t, fmt.Sprintf("the lag is %d", want), func() bool {
		lag := k.in.stats.Lag()
		return lag != nil && *lag == want
	})
	return k.in.stats.Lag()
}

const quickLag = "topic_lag_refresh_period: 50ms"

func TestLagIsWhatIsNotSettled(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 30)
		c.produce(topic, 1, 0, 12)
		k := c.consume(topic, true, quickLag)
		k.lagWhen(t, 42) // delivered, but not acknowledged
		eventually(t, "all is delivered", func() bool { return k.total() == 42 })

		k.gate.Hold(gate.ReasonOperator)
		c.produce(topic, 1, 12, 20)
		k.lagWhen(t, 50) // true while paused
		k.ackAll()
		k.lagWhen(t, 8)
		k.gate.Release(gate.ReasonOperator)
		k.lagWhen(t, 0)
	})
}

// A partition that nothing was read of has the lag of its commit.
func TestLagOfAMemberThatStartsPaused(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 0, 0, 30)
		first := c.consume(topic, false, "")
		eventually(t, "all is delivered", func() bool { return first.total() == 30 })
		first.close()
		c.produce(topic, 0, 30, 35)
		c.produce(topic, 1, 0, 4)

		k := c.consumer(c.config(topic, quickLag))
		k.gate.Hold(gate.ReasonOperator)
		k.start()
		k.lagWhen(t, 9)
	})
}

func TestLagFromWhereTheConfigSaysToStart(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 30)
		for more, want := range map[string]int64{
			"start_offset: earliest":                  30,
			"start_offset: latest":                    0,
			"start_timestamp: '2999-01-01T00:00:00Z'": 0,
			"start_timestamp: '1999-01-01T00:00:00Z'": 30,
		} {
			k := c.consumer(c.named(topic+":0", quickLag+"\n"+more))
			k.gate.Hold(gate.ReasonOperator)
			k.start()
			k.lagWhen(t, want)
			k.close()
		}
		k := c.consumer(c.named(topic+":0:21", quickLag))
		k.gate.Hold(gate.ReasonOperator)
		k.start()
		k.lagWhen(t, 9)
	})
}

// The lag goes with the partition: two members never show it twice.
func TestLagFollowsTheAssignment(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(2)
		first := c.consume(topic, true, more+"\n"+quickLag+"\nrebalance_timeout: 1s")
		eventually(t, "it owns all", func() bool { return len(first.owned()) == 2 })
		first.gate.Hold(gate.ReasonOperator)
		c.produce(topic, 0, 0, 10)
		c.produce(topic, 1, 0, 10)
		first.lagWhen(t, 20)

		second := c.consumer(c.config(topic, more+"\n"+quickLag))
		second.gate.Hold(gate.ReasonOperator)
		second.start()
		second.lagWhen(t, 10)
		first.lagWhen(t, 10)
		second.close()
		require.Nil(t, second.in.stats.Lag(), "nobody knows")
		first.lagWhen(t, 20)
	})
}

// With read_committed the end is where open transactions begin.
func TestLagOfTransactions(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 5)
		tx := c.transaction()
		c.produceWith(tx, topic, 5, 10)
		k := c.consumer(c.named(topic+":0", quickLag+"\ntransaction_isolation_level: read_committed"))
		k.gate.Hold(gate.ReasonOperator)
		k.start()
		k.lagWhen(t, 5)
		require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryCommit))
		k.lagWhen(t, 11) // and the marker
	})
}
