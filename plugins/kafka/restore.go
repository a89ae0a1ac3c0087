package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a session does under exactly_once. See committer.

// startOnce starts the poller that makes chunks, and the commits of what is
// settled between announcements.
func (s *session) startOnce(c *config) {
	s.committer.send = commitBy(s.client)
	p := &oncePoller{
		poller: s.poller,
		former: &former{
			assignment: s.assignment, count: c.batchCount, bytes: c.batchBytes, period: c.batchPeriod, link: s.link, log: s.log,
			runs: map[*partition]*run{},
		},
		committer: s.committer,
		metrics:   s.metrics,
	}
	go p.run(s.running)
	s.workers.Go(func() { s.commitProgress(c.commitPeriod) })
}

func (s *session) commitProgress(period time.Duration) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-s.running.Done():
			return
		case <-tick.C:
		}
		if err := s.committer.progress(s.running); err != nil && s.running.Err() == nil && !rebalancing(err) {
			s.warnCommit(err)
		}
	}
}

// onFetched notes by which client the offsets of partitions were read that were just
// assigned. Under exactly_once it reads which chunks are announced of them, before any of
// their records are fetched. What the brokers could not answer for the client reports by
// itself.
func (s *session) onFetched(ctx context.Context, cl *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	s.consumer = cl
	if s.committer == nil {
		return nil
	}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			found := slices.DeleteFunc(slices.Clone(t.Partitions), func(p kmsg.OffsetFetchResponseGroupTopicPartition) bool { return p.ErrorCode != 0 })
			topic := t.Topic
			if topic == "" && len(found) > 0 {
				var err error
				if topic, err = topicOf(ctx, cl, t.TopicID); err != nil {
					return err
				}
			}
			for _, p := range found {
				s.restore(topicPartition{topic, p.Partition}, p)
			}
		}
	}
	return nil
}

// restore reads one commit. A partition whose commit is not understood is not read.
func (s *session) restore(tp topicPartition, committed kmsg.OffsetFetchResponseGroupTopicPartition) {
	text := ""
	if committed.Metadata != nil {
		text = *committed.Metadata
	}
	log := s.log.With("topic", tp.topic, "partition", tp.partition, "offset", committed.Offset)
	said, err := parseAnnouncement(kgo.EpochOffset{Epoch: committed.LeaderEpoch, Offset: committed.Offset}, text)
	if err != nil {
		s.assignment.bar(tp)
		s.link.refuse(tp, fmt.Errorf("partition %d of topic %q: %w", tp.partition, tp.topic, err))
		log.With("cause", err).Error("The group's commit of a Kafka partition is not understood: nothing of it is read")
		return
	}
	s.assignment.restore(tp, said)
	if n := len(said.ends); n > 0 {
		log.With("chunks", n).Info("Forming the chunks again that were announced and not settled")
	}
}

// topicOf finds the name of a topic that the brokers know by its id.
func topicOf(ctx context.Context, cl *kgo.Client, id [16]byte) (string, error) {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.TopicID = id
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return "", fmt.Errorf("looking up the name of a topic: %w", err)
	}
	for _, found := range resp.Topics {
		if found.TopicID == id && found.Topic != nil {
			return *found.Topic, nil
		}
	}
	return "", fmt.Errorf("looking up the name of a topic: the brokers do not know the id %x", id)
}
