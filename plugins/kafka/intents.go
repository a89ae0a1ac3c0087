package kafka

import (
	"cmp"
	"slices"
	"time"
)

// What the assignment does with the intents of its partitions, under exactly_once.

// restore says what the group's commit of a partition announces.
func (a *assignment) restore(tp topicPartition, said announcement) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.owned[tp]; p != nil {
		p.intent.restore(said)
		a.rouse(p, idleCommit)
	}
}

// bar keeps a partition from being read, whose commit nobody understands.
func (a *assignment) bar(tp topicPartition) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.owned[tp]; p != nil {
		p.intent.bar()
		a.sleep(p, idleCommit)
	}
}

// intending returns the partitions that stay and whose intents are such, in order.
func (a *assignment) intending(such func(*intent) bool) (parts []*partition) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.owned {
		if !p.leaving && such(&p.intent) {
			parts = append(parts, p)
		}
	}
	slices.SortFunc(parts, func(p, q *partition) int {
		return cmp.Or(cmp.Compare(p.topic, q.topic), cmp.Compare(p.partition, q.partition))
	})
	return parts
}

// deliverable are the chunks that may be delivered now, those of a partition in order.
func (a *assignment) deliverable() (chunks []chunk) {
	for _, p := range a.intending((*intent).ready) {
		chunks = append(chunks, p.intent.deliver()...)
	}
	return chunks
}

// nextTry is how long until a refused announcement is sent again, below zero when none
// is refused.
func (a *assignment) nextTry(now time.Time) time.Duration {
	next := time.Duration(-1)
	for _, p := range a.intending((*intent).announcing) {
		if until, resting := p.intent.rests(); resting {
			next = sooner(next, max(0, until.Sub(now)))
		}
	}
	return next
}

// sooner is the shorter of two waits, of which one below zero never ends.
func sooner(a, b time.Duration) time.Duration {
	if a < 0 || b < 0 {
		return max(a, b)
	}
	return min(a, b)
}

// mayCommit reports whether a partition is not given up, so that its offset may move.
func (a *assignment) mayCommit(p *partition) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return p != nil && !p.revoked
}

// hold stops fetching a partition whose commits are refused, and reports whether it is
// not given up.
func (a *assignment) hold(p *partition) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.revoked {
		return false
	}
	a.sleep(p, idleCommit)
	return true
}

// crowd stops fetching a partition while the most chunks of it are ahead that may be,
// and reports whether that is so, and whether it will stay so, since one was rejected.
func (a *assignment) crowd(p *partition) (crowded, forever bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.leaving || p.intent.ahead() < mostAhead {
		return false, false
	}
	a.sleep(p, idleCrowded)
	return true, p.tracker.wall
}

// thin goes on fetching a partition when half of its chunks are settled: what the
// client had fetched of it is fetched again, which is to happen rarely.
func (a *assignment) thin(p *partition) {
	if p.idle&idleCrowded != 0 && p.intent.ahead() <= mostAhead/2 {
		a.rouse(p, idleCrowded)
	}
}

// renew starts a partition anew whose log goes back to an offset: what was handed out of
// it counts no more. It returns nil if the partition is given up.
func (a *assignment) renew(old *partition, at int64) *partition {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old.leaving || a.owned[old.topicPartition] != old {
		return nil
	}
	a.rouse(old, idleCrowded)
	old.leaving, old.revoked = true, true
	old.intent.annul()
	p := a.newPartition(old.topicPartition)
	p.next, p.handed, p.end, p.cut, p.idle = old.next, at, old.end, old.cut, old.idle
	p.intent.inherit(&old.intent)
	a.owned[p.topicPartition] = p
	return p
}
