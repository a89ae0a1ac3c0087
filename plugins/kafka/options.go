package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumerOptions make a client a consumer: of the partitions that the config
// names, at the starts that are given for them, or as a member of the group.
func (c *config) consumerOptions(starts map[string]map[int32]kgo.Offset, n *inflation) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ConsumeStartOffset(c.start()),
		kgo.ConsumeResetOffset(c.resetOffset()),
		kgo.Rack(c.rackID),
		kgo.FetchIsolationLevel(c.isolationLevel()),
		kgo.FetchMinBytes(c.fetchMinBytes),
		kgo.FetchMaxBytes(c.fetchMaxBytes),
		kgo.FetchMaxPartitionBytes(min(c.fetchMaxPartition, c.fetchMaxBytes)),
		kgo.FetchMaxWait(c.fetchMaxWait),
		kgo.WithPools(n.pools...),
		kgo.WithDecompressor(n),
		kgo.WithHooks(n),
	}
	if c.maxFetches > 0 {
		opts = append(opts, kgo.MaxConcurrentFetches(c.maxFetches))
	}
	if c.partitions != nil {
		return append(opts, kgo.ConsumePartitions(starts))
	}
	return append(opts, c.groupOptions()...)
}

// groupOptions make a client a member of the group. Offsets are committed only
// where they were marked, and marked only where all before is settled.
func (c *config) groupOptions() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(c.group),
		kgo.ConsumeTopics(c.topics...),
		kgo.SessionTimeout(c.sessionTimeout),
		kgo.RebalanceTimeout(c.rebalanceTimeout),
		kgo.HeartbeatInterval(c.heartbeatInterval),
		kgo.Balancers(c.groupBalancers()...),
		kgo.BlockRebalanceOnPoll(),
	}
	if c.exactlyOnce { // the committer commits
		opts = append(opts, kgo.DisableAutoCommit())
	} else {
		opts = append(opts, kgo.AutoCommitMarks(), kgo.AutoCommitInterval(c.commitPeriod))
	}
	if c.regexp {
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeExcludeTopics(c.excluded()...))
	}
	if c.instanceID != "" {
		opts = append(opts, kgo.InstanceID(c.instanceID))
	}
	if c.protocol == protocolConsumer {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	return opts
}

// excluded are patterns of topics that are not read. There is always one: with
// none, under the consumer protocol, the brokers would match the patterns, and
// they match whole names and look for new topics in their own time.
func (c *config) excluded() []string { return append([]string{"^$"}, c.exclude...) }

var balancers = map[string]func() kgo.GroupBalancer{
	balancerCooperative: kgo.CooperativeStickyBalancer,
	balancerSticky:      kgo.StickyBalancer,
	balancerRange:       kgo.RangeBalancer,
	balancerRoundRobin:  kgo.RoundRobinBalancer,
}

// groupBalancers are the strategies that this member offers. Under the consumer
// protocol the broker balances, and knows two: the client translates.
func (c *config) groupBalancers() (out []kgo.GroupBalancer) {
	if c.protocol == protocolConsumer {
		if c.balancers[0] == balancerRange {
			return []kgo.GroupBalancer{kgo.RangeBalancer()}
		}
		return []kgo.GroupBalancer{kgo.StickyBalancer()}
	}
	for _, b := range c.balancers {
		out = append(out, balancers[b]())
	}
	return out
}

// start is where a partition starts that the group has no commit for.
func (c *config) start() kgo.Offset {
	if !c.startTime.IsZero() {
		return kgo.NewOffset().AfterMilli(c.startTime.UnixMilli())
	}
	switch c.startOffset {
	case startLatest:
		return kgo.NewOffset().AtEnd()
	case startCommitted:
		return kgo.NewOffset().AtCommitted()
	default:
		return kgo.NewOffset().AtStart()
	}
}

// latestRewind is how far a partition is read again whose log was cut off before
// the position, under start_offset: latest.
const latestRewind = time.Minute

// resetOffset is where a partition goes on whose position the broker no longer has.
// Below the log's start that is the start, with start_offset: latest too: what the log
// has was not read yet, and the end would skip it. committed wants no such guess.
func (c *config) resetOffset() kgo.Offset {
	switch c.startOffset {
	case startLatest:
		return kgo.RewindOffset(latestRewind) // the start, where nothing was read yet
	case startCommitted:
		return kgo.NewOffset().AtCommitted()
	default:
		return kgo.NewOffset().AtStart()
	}
}

func (c *config) isolationLevel() kgo.IsolationLevel {
	if c.isolation == readCommitted {
		return kgo.ReadCommitted()
	}
	return kgo.ReadUncommitted()
}
