package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// named is the YAML of an input that reads the partitions it names.
func (c *cluster) named(topics, more string) string {
	return fmt.Sprintf("seed_brokers: [\"%s\"]\ntopics: [\"%s\"]\n%s\n", strings.Join(c.brokers, ","), topics, more)
}

func TestReadsThePartitionsThatAreNamed(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(5)
		for p := range int32(5) {
			c.produce(topic, p, 0, 20)
		}
		k := c.consumer(c.named(topic+":0,2-3,"+topic+":4:15", quickLag))
		k.start()
		eventually(t, "all is delivered", func() bool { return k.total() == 65 })
		for _, p := range []int{0, 2, 3} {
			require.Equal(t, upTo(0, 20), k.got(p))
		}
		require.Equal(t, upTo(15, 20), k.got(4), "from the offset that is named")
		require.Empty(t, k.got(1))

		k.gate.Hold(gate.ReasonOperator)
		require.Equal(t, []int32{0, 2, 3, 4}, k.paused())
		c.produce(topic, 2, 20, 30)
		stays(t, "nothing arrives", func() bool { return k.total() == 65 })
		k.gate.Release(gate.ReasonOperator)
		eventually(t, "it goes on at its position", func() bool { return k.total() == 75 })
		require.Equal(t, upTo(0, 30), k.got(2))
		require.Equal(t, int64(0), *k.lagWhen(t, 0))
	})
}

func TestNamedPartitionsStartPausedWhenTheGateIsClosed(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		c.produce(topic, 1, 0, 10)
		k := c.consumer(c.named(topic+":0-1", ""))
		k.gate.Hold(gate.ReasonOperator)
		k.start()
		require.Equal(t, []int32{0, 1}, k.paused())
		k.gate.Release(gate.ReasonOperator)
		eventually(t, "it delivers", func() bool { return k.total() == 10 })
	})
}

// Without a group nothing is committed: a new input begins where the config says.
func TestNamedPartitionsBeginAgain(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		for range 2 {
			k := c.consumer(c.named(topic+":0", ""))
			k.start()
			eventually(t, "all is delivered", func() bool { return k.total() == 10 })
			k.close()
		}
		groups, err := c.admin.ListGroups(t.Context())
		require.NoError(t, err)
		for _, g := range groups.Groups() {
			require.NotContains(t, g, c.prefix)
		}
	})
}

func TestConnectNamesThePartitionThatIsMissing(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(2)
		err := connectError(t, c.named(topic+":1-2", ""))
		require.ErrorContains(t, err, fmt.Sprintf("topics: %q does not exist on the brokers: the topic has 2 partitions", topic+":2"))
		require.NotContains(t, err.Error(), topic+":1")
	})
}
