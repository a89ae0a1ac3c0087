package kafka

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// leftover is what was settled of a partition when it was lost and could not be
// committed, and where the group was then.
type leftover struct{ settled, committed int64 }

// leftovers are those of a session, until the partitions are assigned again. The zero
// value has none.
//
// The broker is out of reach, the heartbeats break, the client takes its partitions to
// be lost, and the commit of what was settled fails for the same reason. A moment later
// the member is there again, and would read from its last commit what it has settled.
// Nobody has to: all before settled is stored. Where the group's commit has moved
// meanwhile, somebody else has had the partition, or has set it back, and that holds.
type leftovers struct {
	mu sync.Mutex
	of map[topicPartition]leftover
}

// keep notes what was settled beyond what the group knows.
func (l *leftovers) keep(settled map[topicPartition]int64, committed map[string]map[int32]kgo.EpochOffset) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for tp, at := range settled {
		known, ok := committed[tp.topic][tp.partition]
		if !ok || known.Offset < 0 || at <= known.Offset {
			continue
		}
		if l.of == nil {
			l.of = map[topicPartition]leftover{}
		}
		l.of[tp] = leftover{settled: at, committed: known.Offset}
	}
}

// take returns where a partition goes on that is assigned again, if that is beyond what
// the group says, and forgets it in any case.
func (l *leftovers) take(tp topicPartition, committed int64) (settled int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left, ok := l.of[tp]
	delete(l.of, tp)
	return left.settled, ok && left.committed == committed
}

// resume lets partitions go on where this member has left them, and commits that.
func (s *session) resume(ctx context.Context, offsets map[string]map[int32]kgo.Offset) {
	resumed := announcements{}
	for topic, partitions := range offsets {
		for n, o := range partitions {
			tp := topicPartition{topic, n}
			settled, ok := s.left.take(tp, o.EpochOffset().Offset)
			if !ok {
				continue
			}
			partitions[n] = kgo.NewOffset().At(settled)
			if p := s.assignment.find(tp); p != nil {
				resumed[p] = announcement{base: kgo.EpochOffset{Epoch: -1, Offset: settled}}
			}
		}
	}
	if len(resumed) > 0 {
		s.place(ctx, s.consumer, resumed)
	}
}

// find is a partition that is owned, nil if it is not.
func (a *assignment) find(tp topicPartition) *partition {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.owned[tp]
}

// settled are the offsets below which all of some partitions is settled, where that is
// known.
func (a *assignment) settled(parts []*partition) map[topicPartition]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := make(map[topicPartition]int64, len(parts))
	for _, p := range parts {
		if p.position >= 0 {
			m[p.topicPartition] = p.position
		}
	}
	return m
}
