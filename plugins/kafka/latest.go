package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fromTheEnd sets the start of partitions that are to be read from the end and of which
// the group has no commit, and commits it, before anything of them is fetched. Left to the
// client, the end would be looked up again after each restart until the first record
// was polled, and what came in between would be read by nobody.
//
// Where that cannot be looked up the client looks for the end itself.
func (s *session) fromTheEnd(ctx context.Context, offsets map[string]map[int32]kgo.Offset) map[string]map[int32]kgo.Offset {
	topics := s.toBeReadFromTheEnd(offsets)
	if len(topics) == 0 {
		return offsets
	}
	look, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	ends, err := s.conf.ends(look, kadm.NewClient(s.consumer), topics...)
	if err != nil {
		s.warnCommit(fmt.Errorf("looking up the ends of partitions, where start_offset says to start: %w", err))
		return offsets
	}
	begun := announcements{}
	for topic, partitions := range offsets {
		for n, o := range partitions {
			end, ok := ends.Lookup(topic, n)
			if o != s.conf.start() || !ok || end.Err != nil {
				continue
			}
			partitions[n] = kgo.NewOffset().At(end.Offset)
			if p := s.assignment.beginAt(topicPartition{topic, n}, end.Offset); p != nil {
				begun[p] = announcement{base: kgo.EpochOffset{Epoch: -1, Offset: end.Offset}}
			}
		}
	}
	s.tellSkipped(look, begun, topics)
	s.placeEnds(ctx, begun)
	return offsets
}

// tellSkipped says which records are not read: of a partition that was added while others
// are read, somebody may have wanted them.
func (s *session) tellSkipped(ctx context.Context, begun announcements, topics []string) {
	starts, err := kadm.NewClient(s.consumer).ListStartOffsets(ctx, topics...)
	if err != nil {
		return
	}
	for p, a := range begun {
		start, ok := starts.Lookup(p.topic, p.partition)
		if skipped := a.base.Offset - start.Offset; ok && start.Err == nil && skipped > 0 {
			s.log.With("topic", p.topic, "partition", p.partition, "offset", a.base.Offset, "records", skipped).
				Info("A Kafka partition is read from its end, as start_offset says: what it has already is not read")
		}
	}
}

// toBeReadFromTheEnd are the topics that have partitions without a commit, if those
// start at the end.
func (s *session) toBeReadFromTheEnd(offsets map[string]map[int32]kgo.Offset) (topics []string) {
	if s.conf.startOffset != startLatest || !s.conf.startTime.IsZero() {
		return nil
	}
	for topic, partitions := range offsets {
		for _, o := range partitions {
			if o == s.conf.start() {
				topics = append(topics, topic)
				break
			}
		}
	}
	return topics
}

// placeEnds commits where partitions start. Under exactly_once that is said by their
// intents, which say it again later if it fails.
func (s *session) placeEnds(ctx context.Context, starts announcements) {
	if len(starts) == 0 {
		return
	}
	if s.committer == nil {
		s.place(ctx, s.consumer, starts)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lostTimeout)
	defer cancel()
	parts := slices.Collect(maps.Keys(starts))
	if err := s.committer.begin(ctx, commitBy(s.consumer), parts); err != nil && s.running.Err() == nil {
		s.warnCommit(fmt.Errorf("saying where partitions start: %w", err))
	}
}

// beginAt says where a partition starts that the group has no commit of, and returns it;
// nil where it is not owned.
func (a *assignment) beginAt(tp topicPartition, at int64) *partition {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.owned[tp]
	if p != nil {
		p.intent.begin(at)
	}
	return p
}
