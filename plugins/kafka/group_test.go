package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// The client would take the classic protocol without a word where the brokers
// do not know the other.
func TestConsumerProtocolIsTheOneThatIsSpoken(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		want := "classic"
		if more == protocols["consumer"] {
			want = "consumer"
		}
		k := c.consume(c.topic(1), false, more)
		eventually(t, "it is a member", func() bool { return len(k.owned()) == 1 })
		groups, err := c.admin.ListGroupsByType(t.Context(), []string{want})
		require.NoError(t, err)
		require.Contains(t, groups, c.group())
	})
}

func TestConsumerProtocolNeedsBrokersThatKnowIt(t *testing.T) {
	k := stack.Shared.Kafka(t)
	if why := k.Fake(); why != "" {
		t.Skip("NOT RUN on Apache Kafka 3:", why)
	}
	c := newCluster(t, k.Brokers())
	err := connectError(t, c.config(c.topic(1), "group_protocol: consumer"))
	require.ErrorContains(t, err, "group_protocol (consumer) is unknown to the brokers: they must be Kafka 4.0 or later")
}

// A static member that comes back in time finds its partitions, its position
// and its pause; the others notice nothing. (kfake rebalances where Kafka does not.)
func TestStaticMemberComesBackWithoutARebalance(t *testing.T) {
	onEachApacheProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(2)
		other := c.consume(topic, false, more)
		first := c.consume(topic, false, more+"\ninstance_id: one")
		eventually(t, "the partitions are shared", func() bool { return len(other.owned()) == 1 && len(first.owned()) == 1 })
		p := first.owned()[0]
		c.produce(topic, p, 0, 10)
		eventually(t, "it delivers", func() bool { return first.total() == 10 })
		before := other.generation()
		first.close()
		c.produce(topic, p, 10, 20)

		again := c.consumer(c.config(topic, more+"\ninstance_id: one"))
		again.gate.Hold(gate.ReasonOperator)
		again.start()
		eventually(t, "it has its partition again", func() bool { return len(again.owned()) == 1 })
		require.Equal(t, []int32{p}, again.owned())
		require.Equal(t, []int32{p}, again.paused())
		again.gate.Release(gate.ReasonOperator)
		eventually(t, "it goes on", func() bool { return again.total() == 10 })
		require.Equal(t, upTo(10, 20), again.got(int(p)))
		require.Equal(t, before, other.generation(), "no rebalance")
	})
}
