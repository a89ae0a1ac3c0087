package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Positions that are no offsets.
const (
	positionUnknown = -1 // the group has not been asked yet
	positionStart   = -2 // where the config says to start
)

// positions are, by partition that is owned, the offsets below which all is
// settled, or one of the above.
type positions map[*partition]int64

func (ps positions) topics() []string {
	var names []string
	for p := range ps {
		names = append(names, p.topic)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (ps positions) anyAt(at int64) bool {
	for _, p := range ps {
		if p == at {
			return true
		}
	}
	return false
}

// positions are those of the partitions that are owned now.
func (a *assignment) positions() positions {
	a.mu.Lock()
	defer a.mu.Unlock()
	ps := make(positions, len(a.owned))
	for _, p := range a.owned {
		ps[p] = p.position
	}
	return ps
}

// unplaced reports whether nobody has found out yet where a partition starts.
func (a *assignment) unplaced(tp topicPartition) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.owned[tp]
	return p != nil && p.position == positionUnknown
}

// startAt says where partitions start that were assigned: at an exact offset,
// or where start says.
func (a *assignment) startAt(offsets map[string]map[int32]kgo.Offset, start kgo.Offset) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for topic, partitions := range offsets {
		for n, o := range partitions {
			p := a.owned[topicPartition{topic, n}]
			switch at := o.EpochOffset().Offset; {
			case p == nil || p.position >= 0:
			case at < 0 && o != start: // of a topic that was made anew
			case at < 0 || o == start: // a time is no offset
				p.position = positionStart
			default:
				p.position = at
			}
		}
	}
	a.tellChange()
}

// expect says where the group left off: what is gone from there on is lost. Of
// partitions that the config names nobody knows what was read before.
func (a *assignment) expect(offsets map[string]map[int32]kgo.Offset, start kgo.Offset) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for topic, partitions := range offsets {
		for n, o := range partitions {
			p := a.owned[topicPartition{topic, n}]
			if p == nil {
				continue
			}
			p.placed = o != start && o.EpochOffset().Offset >= 0
			if p.next < 0 && o != start {
				p.begin(max(o.EpochOffset().Offset, positionUnknown))
				p.epoch = o.EpochOffset().Epoch
			}
		}
	}
}

// suppose sets the position of a partition of which nothing is settled yet, and
// returns it as it is then.
func (a *assignment) suppose(p *partition, at int64) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.position == positionStart {
		p.position = at
		if p.next < 0 {
			p.begin(at)
		}
	}
	return p.position
}

// unplace says that the group has no commit of partitions after all.
func (a *assignment) unplace(failed announcements) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p := range failed {
		p.placed = false
	}
}

// unplacedStarts are where the partitions start of which records were polled and the
// group has no commit. Each is returned once.
func (a *assignment) unplacedStarts(chunks []chunk) announcements {
	a.mu.Lock()
	defer a.mu.Unlock()
	starts := announcements{}
	for _, c := range chunks {
		if p := c.part; !p.placed && len(c.records) > 0 {
			first := c.records[0]
			p.placed = true
			starts[p] = announcement{base: kgo.EpochOffset{Epoch: first.LeaderEpoch, Offset: first.Offset}}
		}
	}
	return starts
}

// begin says where a partition starts of which nothing was polled yet.
func (p *partition) begin(at int64) { p.next, p.handed = at, at }

// tellChange says that partitions came or went.
func (a *assignment) tellChange() { signal(a.changed) }
