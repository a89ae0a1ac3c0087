package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// ghost is a member of the group that died: it has all partitions of the topic, and
// the group waits for it for longer than any test.
func (c *cluster) ghost(topic, instance string) {
	c.t.Helper()
	assigned := make(chan struct{}, 1)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumerGroup(c.group()), kgo.ConsumeTopics(topic),
		kgo.InstanceID(instance), kgo.SessionTimeout(5*time.Minute), kgo.RebalanceTimeout(5*time.Minute),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			if len(added) > 0 {
				assigned <- struct{}{}
			}
		}))
	require.NoError(c.t, err)
	<-assigned
	cl.Close() // a static member does not leave
}

// A member that the group has not let in knows no lag, says so, and ends without
// waiting for the group; nor does the group wait for it any more.
func TestAMemberThatIsNotLetIn(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		c.ghost(topic, "ghost")
		k := c.consume(topic, false, quickLag)
		eventually(t, "it asks to be let in", func() bool { id, _ := k.in.session.Load().client.GroupMetadata(); return id != "" })
		require.Equal(t, status.GroupJoining, k.in.stats.Share().Group)
		require.Nil(t, k.in.stats.Lag())
		done := make(chan struct{})
		go func() { defer close(done); k.close() }()
		eventually(t, "it ends", func() bool {
			select {
			case <-done:
				return true
			default:
				return false
			}
		})
		eventually(t, "the group has forgotten it", func() bool {
			groups, err := c.admin.DescribeGroups(t.Context(), c.group())
			return err == nil && len(groups[c.group()].Members) == 1
		})
	})
}

// A replica that was killed and comes back under the same instance id does not wait
// until the group takes it for dead.
func TestADeadMemberIsReplacedByItsInstance(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		topic := c.topic(1)
		c.produce(topic, 0, 0, 10)
		c.ghost(topic, "one")
		k := c.consume(topic, false, "instance_id: one")
		eventually(t, "it goes on", func() bool { return k.total() == 10 })
	})
}

// More members than partitions: the one without any is a member, and knows no lag.
func TestAMemberWithoutPartitions(t *testing.T) {
	onEachProtocol(t, func(t *testing.T, c *cluster, more string) {
		topic := c.topic(1)
		first := c.consume(topic, false, more+"\n"+quickLag)
		first.lagWhen(t, 0)
		require.EqualValues(t, 1, first.in.stats.Share().Partitions)
		second := c.consume(topic, false, more+"\n"+quickLag)
		isMember := func(k *consumer, partitions int64) func() bool {
			return func() bool {
				s := k.in.stats.Share()
				return s.Group == status.GroupMember && s.Partitions == partitions
			}
		}
		holder, idle := first, second
		eventually(t, "one of them has it", func() bool {
			if isMember(second, 1)() {
				holder, idle = second, first
			}
			return isMember(holder, 1)() && isMember(idle, 0)()
		})
		holder.lagWhen(t, 0)
		require.Nil(t, idle.in.stats.Lag())
	})
}
