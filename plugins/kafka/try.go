package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errAnew says that a topic is not the one that was read.
var errAnew = errors.New("the topic was deleted and made anew")

// tryFetches asks for records of each partition, by a client of its own, and
// returns why none can be had, nil where they can. Partition -1 stands for all of a
// topic, which is only looked up.
func (s *session) tryFetches(ctx context.Context, parts []topicPartition) map[topicPartition]error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	tried := map[topicPartition]error{}
	err := s.conf.dial(ctx, func(cl *kgo.Client) error {
		topics, err := kadm.NewClient(cl).ListTopics(ctx, namesOf(parts)...)
		if err != nil {
			return fmt.Errorf("looking up topics: %w", err)
		}
		for _, tp := range parts {
			tried[tp] = s.tryFetch(ctx, cl, tp, topics[tp.topic])
		}
		return nil
	})
	if err != nil {
		for _, tp := range parts {
			tried[tp] = err
		}
	}
	return tried
}

func (s *session) tryFetch(ctx context.Context, cl *kgo.Client, tp topicPartition, topic kadm.TopicDetail) error {
	if topic.Err != nil || tp.partition < 0 {
		return topic.Err
	}
	if !s.ids.same(topic) {
		s.assignment.tellChange()
		return errAnew
	}
	at := s.assignment.nextOf(tp)
	resp, err := fetchRequest(tp, topic.ID, max(at, 0)).RequestWith(ctx, cl.Broker(int(topic.Partitions[tp.partition].Leader)))
	if err == nil {
		err = errorOfFetch(resp)
	}
	if errors.Is(err, kerr.OffsetOutOfRange) && (at < 0 || s.conf.startOffset != startCommitted) {
		err = nil // the client knows where to go on
	}
	if err == nil && s.conf.group != "" && s.assignment.unplaced(tp) {
		return s.tryOffsets(ctx, cl, tp, topic.ID)
	}
	return err
}

// tryOffsets asks for the group's commits of a partition of which the client got no
// answer. It drops such a partition: once there is an answer, another session has to ask.
func (s *session) tryOffsets(ctx context.Context, cl *kgo.Client, tp topicPartition, id kadm.TopicID) error {
	resp, err := offsetsRequest(s.conf.group, tp, id).RequestWith(ctx, cl)
	if err == nil {
		err = errorOfOffsets(resp)
	}
	if err != nil {
		return fmt.Errorf("reading what group %q has committed of partition %d of topic %q: %w", s.conf.group, tp.partition, tp.topic, err)
	}
	s.reopen(tp)
	return nil
}

// offsetsRequest names the partition: of all there are, brokers leave out those that
// may not be read.
func offsetsRequest(group string, tp topicPartition, id kadm.TopicID) *kmsg.OffsetFetchRequest {
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.TopicID, t.Partitions = tp.topic, id, []int32{tp.partition}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.Topics = group, append(g.Topics, t)
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Groups = append(req.Groups, g)
	return req
}

func errorOfOffsets(resp *kmsg.OffsetFetchResponse) error {
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fetchRequest asks for one record batch, at most.
func fetchRequest(tp topicPartition, id kadm.TopicID, at int64) *kmsg.FetchRequest {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = tp.partition, at, 1
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = tp.topic, id
	t.Partitions = append(t.Partitions, p)
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.SessionEpoch = 1, -1
	req.Topics = append(req.Topics, t)
	return req
}

func errorOfFetch(resp *kmsg.FetchResponse) error {
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

func namesOf(parts []topicPartition) []string {
	set := partitionSet{}
	for _, tp := range parts {
		set[tp] = 0
	}
	return set.topics()
}

// nextOf is where the partition is fetched next, below zero if that is not known.
func (a *assignment) nextOf(tp topicPartition) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.owned[tp]; p != nil {
		return p.next
	}
	return positionUnknown
}
