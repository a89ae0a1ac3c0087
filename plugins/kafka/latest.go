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
// was polled, and what came in between would be read by nobody. It returns those of
// which the commit failed: what is polled of them first says it again.
//
// Where the end cannot be looked up the client looks for it itself.
func (s *session) fromTheEnd(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (unplaced announcements) {
	open, topics := s.toBeReadFromTheEnd(offsets)
	if len(open) == 0 {
		return nil
	}
	look, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	admin := kadm.NewClient(s.consumer)
	ends, err := s.conf.ends(look, admin, topics...)
	if err != nil {
		s.warnCommit(fmt.Errorf("looking up the ends of partitions, where start_offset says to start: %w", err))
		return nil
	}
	begun := announcements{}
	for _, tp := range open {
		end, ok := ends.Lookup(tp.topic, tp.partition)
		if !ok || end.Err != nil {
			continue
		}
		offsets[tp.topic][tp.partition] = kgo.NewOffset().At(end.Offset)
		if p := s.assignment.beginAt(tp, end.Offset); p != nil {
			begun[p] = announcement{base: kgo.EpochOffset{Epoch: -1, Offset: end.Offset}}
		}
	}
	s.tellSkipped(look, admin, begun, topics)
	return s.placeEnds(ctx, begun)
}

// tellSkipped says which records are not read: of a partition that was added while others
// are read, somebody may have wanted them.
func (s *session) tellSkipped(ctx context.Context, admin *kadm.Client, begun announcements, topics []string) {
	starts, err := admin.ListStartOffsets(ctx, topics...)
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

// toBeReadFromTheEnd are the partitions without a commit, if those start at the end, and
// their topics.
func (s *session) toBeReadFromTheEnd(offsets map[string]map[int32]kgo.Offset) (open []topicPartition, topics []string) {
	if s.conf.startOffset != startLatest || !s.conf.startTime.IsZero() {
		return nil, nil
	}
	for topic, partitions := range offsets {
		before := len(open)
		for n, o := range partitions {
			if o == s.conf.start() {
				open = append(open, topicPartition{topic, n})
			}
		}
		if len(open) > before {
			topics = append(topics, topic)
		}
	}
	return open, topics
}

// placeEnds commits where partitions start, and returns those that failed. Under
// exactly_once there are none: it is said by their intents, which say it again later.
func (s *session) placeEnds(ctx context.Context, starts announcements) (failed announcements) {
	if len(starts) == 0 {
		return nil
	}
	if s.committer == nil {
		if s.place(ctx, s.consumer, starts) {
			return nil
		}
		return starts
	}
	ctx, cancel := context.WithTimeout(ctx, lostTimeout)
	defer cancel()
	parts := slices.Collect(maps.Keys(starts))
	if err := s.committer.begin(ctx, commitBy(s.consumer), parts); err != nil && s.running.Err() == nil {
		s.warnCommit(fmt.Errorf("saying where partitions start: %w", err))
	}
	return nil
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
