package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

var _ checkup.Examiner = (*input)(nil)

// The settings of topics and brokers that are looked at.
const (
	retentionTime  = "retention.ms"
	retentionBytes = "retention.bytes"
	sessionLeast   = "group.min.session.timeout.ms"
	sessionMost    = "group.max.session.timeout.ms"
)

// Checkup implements checkup.Examiner: it compares what topics keep with an
// outage, and looks at the group from outside.
func (in *input) Checkup(ctx context.Context, facts checkup.Facts, sample *checkup.Sample, report *checkup.Report) {
	err := in.conf.visit(ctx, func(admin *kadm.Client) error {
		topics, err := in.conf.topicsRead(ctx, admin)
		if err != nil {
			return err
		}
		if in.conf.regexp && len(topics) == 0 {
			report.Warn("topics", fieldRegexpInclude, "no topic matches: "+strings.Join(in.conf.topics, ", "), "correct the patterns, or create the topics")
			return nil
		}
		if len(topics) == 0 {
			return nil
		}
		in.conf.checkRetention(ctx, admin, topics, facts, sample, report)
		if in.conf.group != "" {
			in.conf.inspectGroup(ctx, admin, topics, report)
			in.conf.checkSession(ctx, admin, report)
		}
		return nil
	})
	if err != nil {
		report.Unchecked("topics", fieldTopics, err)
	}
}

// checkRetention asks whether each topic keeps what comes while nobody reads it.
func (c *config) checkRetention(ctx context.Context, admin *kadm.Client, topics kadm.TopicDetails, facts checkup.Facts, sample *checkup.Sample, report *checkup.Report) {
	configs, err := admin.DescribeTopicConfigs(ctx, topics.Names()...)
	if err != nil {
		report.Unchecked("retention", fieldTopics, err)
		return
	}
	for _, topic := range configs {
		if topic.Err != nil {
			report.Unchecked("retention", fieldTopics, fmt.Errorf("topic %q: %w", topic.Name, topic.Err))
			continue
		}
		settings := map[string]string{}
		for _, entry := range topic.Configs {
			settings[entry.Key] = entry.MaybeValue()
		}
		before := len(report.Findings())
		checkAge(topic.Name, settings, facts, report)
		checkSize(topic.Name, settings, len(topics[topic.Name].Partitions), facts, sample, report)
		if strings.Contains(settings[cleanupPolicy], compaction) {
			report.Warn("retention", cleanupPolicy,
				fmt.Sprintf("topic %q is compacted (%s): of the records of one key only the newest is sure to arrive", topic.Name, settings[cleanupPolicy]),
				"keep it if that is meant; else set "+cleanupPolicy+"=delete")
		}
		if len(report.Findings()) == before {
			report.OK("retention", fieldTopics, "topic %q outlasts %s without the bridge (%s %s, %s %s)", topic.Name, facts.Outage,
				retentionTime, settings[retentionTime], retentionBytes, settings[retentionBytes])
		}
	}
}

func checkAge(topic string, settings map[string]string, facts checkup.Facts, report *checkup.Report) {
	ms, err := strconv.ParseInt(settings[retentionTime], 10, 64)
	if err != nil || ms < 0 {
		return
	}
	if ms < facts.Outage.Milliseconds() {
		report.Warn("retention", retentionTime,
			fmt.Sprintf("topic %q keeps records for %s, less than an outage of %s: what is older is lost", topic, time.Duration(ms)*time.Millisecond, facts.Outage),
			fmt.Sprintf("set %s=%d or more", retentionTime, facts.Outage.Milliseconds()))
	}
}

func checkSize(topic string, settings map[string]string, partitions int, facts checkup.Facts, sample *checkup.Sample, report *checkup.Report) {
	most, err := strconv.ParseInt(settings[retentionBytes], 10, 64)
	if err != nil || most <= 0 || sample == nil || sample.Rate == 0 || partitions == 0 {
		return
	}
	perPartition := sample.Rate * float64(sample.MeanBytes()) / float64(partitions)
	if lasts := time.Duration(float64(most) / perPartition * float64(time.Second)); lasts < facts.Outage {
		report.Warn("retention", retentionBytes,
			fmt.Sprintf("a partition of topic %q holds %d bytes, which is %s at the %.1f records a second seen, less than an outage of %s", topic, most, lasts.Round(time.Second), sample.Rate, facts.Outage),
			fmt.Sprintf("set %s=%.0f or more", retentionBytes, perPartition*facts.Outage.Seconds()))
	}
}

// startsBy says which field decides where a group begins that has no commit.
func (c *config) startsBy() string {
	if !c.startTime.IsZero() {
		return fieldStartTimestamp + ": " + c.startTime.Format(time.RFC3339Nano)
	}
	return fieldStartOffset + ": " + c.startOffset
}

// inspectGroup looks for the group in the list of all: to ask for one that does
// not exist would make brokers that never had any create their topic for groups.
func (c *config) inspectGroup(ctx context.Context, admin *kadm.Client, topics kadm.TopicDetails, report *checkup.Report) {
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		report.Unchecked("group", fieldConsumerGroup, err)
		return
	}
	if _, there := groups[c.group]; !there {
		report.OK("group", fieldConsumerGroup, "group %q does not exist yet: run makes it, and it begins by %s; up to %d replicas share the work", c.group, c.startsBy(), countPartitions(topics))
		return
	}
	c.checkMembers(ctx, admin, topics, report)
	c.checkCommits(ctx, admin, topics, report)
}

func countPartitions(topics kadm.TopicDetails) (n int) {
	for _, t := range topics {
		n += len(t.Partitions)
	}
	return n
}

// checkMembers compares the members that the group has with what there is to
// share out.
func (c *config) checkMembers(ctx context.Context, admin *kadm.Client, topics kadm.TopicDetails, report *checkup.Report) {
	partitions := countPartitions(topics)
	groups, err := admin.DescribeGroups(ctx, c.group)
	g := groups[c.group]
	if err = errors.Join(err, g.Err); err != nil {
		report.Unchecked("group", fieldConsumerGroup, err)
		return
	}
	if members := len(g.Members); members > partitions {
		report.Warn("group", fieldConsumerGroup,
			fmt.Sprintf("group %q has %d members for %d partitions: %d of them have nothing to do", c.group, members, partitions, members-partitions),
			"run fewer replicas, or add partitions")
		return
	}
	report.OK("group", fieldConsumerGroup, "group %q has %d members for %d partitions; up to %d replicas share the work", c.group, len(g.Members), partitions, partitions)
}

// checkCommits asks whether the broker still has what the group is to read next.
func (c *config) checkCommits(ctx context.Context, admin *kadm.Client, topics kadm.TopicDetails, report *checkup.Report) {
	commits, err := admin.FetchOffsetsForTopics(ctx, c.group, topics.Names()...)
	if err != nil {
		report.Unchecked("commits", fieldConsumerGroup, err)
		return
	}
	starts, err := admin.ListStartOffsets(ctx, topics.Names()...)
	if err != nil {
		report.Unchecked("commits", fieldConsumerGroup, err)
		return
	}
	lost := int64(0)
	commits.Each(func(o kadm.OffsetResponse) {
		if start, ok := starts.Lookup(o.Topic, o.Partition); ok && start.Err == nil && o.At >= 0 && o.At < start.Offset {
			lost += start.Offset - o.At
		}
	})
	if lost > 0 {
		next := "run goes on at the oldest record that is left"
		if c.startOffset == startCommitted {
			next = fieldStartOffset + " is " + startCommitted
		}
		report.Fail("commits", fieldConsumerGroup,
			fmt.Sprintf("the broker has deleted up to %d records that group %q has not read: %s", lost, c.group, next),
			"raise "+retentionTime+" or "+retentionBytes+" of the topic; what is gone has to come from its source again")
	}
}

// checkSession compares session_timeout with what brokers take. Those that this
// user may not ask are taken to be content.
func (c *config) checkSession(ctx context.Context, admin *kadm.Client, report *checkup.Report) {
	if c.protocol == protocolConsumer {
		return // the brokers choose
	}
	limits, err := brokerLimits(ctx, admin)
	if err != nil {
		report.Unchecked("session", fieldSessionTimeout, err)
		return
	}
	least, most := limits[sessionLeast], limits[sessionMost]
	if most > 0 && (c.sessionTimeout < least || c.sessionTimeout > most) {
		report.Fail("session", fieldSessionTimeout, fmt.Sprintf("%s is not between %s and %s, which is what the brokers take: the group cannot be joined", c.sessionTimeout, least, most),
			fmt.Sprintf("set it to %s or more, and %s or less", least, most))
		return
	}
	if most > 0 {
		report.OK("session", fieldSessionTimeout, "%s is between the brokers' %s and %s", c.sessionTimeout, least, most)
	}
}

// brokerLimits are the broker settings that are times in milliseconds, of one
// broker: they are the same for all.
func brokerLimits(ctx context.Context, admin *kadm.Client) (map[string]time.Duration, error) {
	brokers, err := admin.ListBrokers(ctx)
	if err != nil || len(brokers) == 0 {
		return nil, err
	}
	configs, err := admin.DescribeBrokerConfigs(ctx, brokers[0].NodeID)
	if err != nil {
		return nil, err
	}
	limits := map[string]time.Duration{}
	for _, broker := range configs {
		if broker.Err != nil {
			return nil, broker.Err
		}
		for _, entry := range broker.Configs {
			if ms, err := strconv.ParseInt(entry.MaybeValue(), 10, 64); err == nil {
				limits[entry.Key] = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return limits, nil
}

// Holds implements checkup.Holder: a fetch that waits, and a batch on its way.
func (in *input) Holds(record int64) int64 {
	return int64(max(in.conf.fetchMaxBytes, in.conf.fetchMaxInflated)) + min(int64(in.conf.batchCount)*record, in.conf.batchBytes)
}
