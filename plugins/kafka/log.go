package kafka

import (
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What the assignment learns from looking at the logs of its partitions, beside
// what is fetched: a log that has become empty, or that nobody may read any more,
// is not fetched.

// examine compares the logs with the partitions that are owned, and returns what is
// lost by now. Idle says that nothing that was fetched waits in the client.
//
// What it sees must be so twice in a row: a fetch may be on its way that was
// answered before the log changed.
func (a *assignment) examine(starts, ends kadm.ListedOffsets, idle bool) (losses []loss) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.owned {
		if p.revoked {
			continue // its topic is gone, and was counted; see gone
		}
		if end, ok := ends.Lookup(p.topic, p.partition); ok && end.Err == nil {
			losses = append(losses, p.comesBack(end.Offset)...)
		}
		start, ok := starts.Lookup(p.topic, p.partition)
		if !ok || start.Err != nil || !idle || a.paused || p.next < 0 || p.next >= start.Offset {
			p.passed = positionUnknown
			continue
		}
		if p.passed != p.next {
			p.passed = p.next
			continue
		}
		a.pass(p, kgo.EpochOffset{Epoch: max(p.epoch, start.LeaderEpoch), Offset: start.Offset})
		losses = append(losses, p.skipTo(start.Offset)...)
	}
	return losses
}

// comesBack compares the end of a log with the highest that was seen. Where it went
// back the log was cut off, and what was not read of that is lost.
func (p *partition) comesBack(end int64) (losses []loss) {
	switch {
	case end >= p.end:
		p.end, p.cut = end, false
	case !p.cut:
		p.cut = true
	default:
		if from := max(end, p.next); p.next >= 0 && from < p.end {
			losses = append(losses, loss{p.topicPartition, from, p.end, lossTruncated})
		}
		p.end, p.cut = end, false
	}
	return losses
}

// pass lets the group go on at the log's start where nothing will come that could
// move its commit: else every restart would count the same loss again. Records that
// were polled and not handed out are in the way.
func (a *assignment) pass(p *partition, start kgo.EpochOffset) {
	if p.handed < p.next || p.tracker.open() > 0 {
		return
	}
	p.handed = start.Offset
	a.reach(p, start)
}

// all are the partitions that are owned.
func (a *assignment) all() map[string][]int32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ownedPartitions()
}

// gone returns what of topics that are no more was not handed out, as far as the
// ends of their logs were known. Nothing of them is marked any more.
func (a *assignment) gone(topics []string) (losses []loss) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.owned {
		for _, topic := range topics {
			if p.topic != topic {
				continue
			}
			if end := max(p.end, p.next); p.handed >= 0 && p.handed < end {
				losses = append(losses, loss{p.topicPartition, p.handed, end, lossAnew})
			}
			p.leaving, p.revoked = true, true
			p.intent.annul()
		}
	}
	return losses
}
