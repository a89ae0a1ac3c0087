package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitFunc makes one commit, without the partitions that may not be committed any
// more by the time that all is ready to be sent. It returns what was answered for each,
// nil for one that was taken; an error means that nobody knows, and that all are
// concerned.
type commitFunc func(ctx context.Context, said announcements, may func(*partition) bool) (map[*partition]error, error)

// announcements are what one commit says of each partition.
type announcements map[*partition]announcement

// commitBy commits by a client that is a member of the group.
func commitBy(client *kgo.Client) commitFunc {
	return func(ctx context.Context, said announcements, may func(*partition) bool) (answers map[*partition]error, err error) {
		ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
			return said.finish(req, may)
		})
		client.CommitOffsetsSync(ctx, said.offsets(), func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failure error) {
			if err = failure; err == nil {
				answers = said.answers(req, resp)
			}
		})
		return answers, err
	}
}

func (as announcements) offsets() map[string]map[int32]kgo.EpochOffset {
	m := map[string]map[int32]kgo.EpochOffset{}
	for p, a := range as {
		if m[p.topic] == nil {
			m[p.topic] = map[int32]kgo.EpochOffset{}
		}
		m[p.topic][p.partition] = a.base
	}
	return m
}

// byName finds the partitions again in what the client sends and the broker answers.
func (as announcements) byName() map[topicPartition]*partition {
	m := make(map[topicPartition]*partition, len(as))
	for p := range as {
		m[p.topicPartition] = p
	}
	return m
}

// finish leaves out of a request what may not be committed any more, and sets the
// metadata of the rest. Topics have their names in it, whatever the broker is sent. It
// fails if nothing is left.
func (as announcements) finish(req *kmsg.OffsetCommitRequest, may func(*partition) bool) error {
	parts := as.byName()
	topics, lost := req.Topics[:0], false
	for _, t := range req.Topics {
		kept := t.Partitions[:0]
		for _, one := range t.Partitions {
			p := parts[topicPartition{t.Topic, one.Partition}]
			if !may(p) {
				lost = true
				continue
			}
			said := as[p]
			text := said.metadata()
			one.Metadata = &text
			kept = append(kept, one)
		}
		if t.Partitions = kept; len(kept) > 0 {
			topics = append(topics, t)
		}
	}
	if req.Topics = topics; len(topics) == 0 && lost {
		return errNotOwned
	}
	return nil
}

// answers reads a response, which may know topics by their ids alone.
func (as announcements) answers(req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse) map[*partition]error {
	names := map[[16]byte]string{}
	for _, t := range req.Topics {
		names[t.TopicID] = t.Topic
	}
	parts := as.byName()
	m := make(map[*partition]error, len(as))
	for _, t := range resp.Topics {
		topic := t.Topic
		if topic == "" {
			topic = names[t.TopicID]
		}
		for _, one := range t.Partitions {
			if p := parts[topicPartition{topic, one.Partition}]; p != nil {
				m[p] = kerr.ErrorForCode(one.ErrorCode)
			}
		}
	}
	return m
}
