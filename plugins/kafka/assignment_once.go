package kafka

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What the assignment knows of the chunks that are announced, under
// exactly_once. See announcer.

// restore says what the group's commit of a partition announces.
func (a *assignment) restore(tp topicPartition, p promise) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if part := a.owned[tp]; part != nil {
		part.promise = p
	}
}

// promised returns the ends of the chunks that are announced and not settled,
// and where the first one begins, below zero while that is not known.
func (a *assignment) promised(part *partition) (base int64, ends []int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return part.promise.base.Offset, slices.Clone(part.promise.ends)
}

// forget takes back the announcement of a chunk of which the brokers have no records
// any more: nobody will settle it, and it would count as ahead for ever.
func (a *assignment) forget(part *partition, end int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &part.promise
	i := slices.Index(p.ends, end)
	if i < 0 {
		return
	}
	if i == 0 {
		p.base.Offset = end
	}
	p.ends = slices.Delete(p.ends, i, i+1)
	part.dirty = true
}

// ahead is how many chunks are announced and not settled.
func (a *assignment) ahead(part *partition) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(part.promise.ends)
}

// leaving reports whether nothing more of a partition is handed out.
func (a *assignment) leaving(part *partition) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return part.leaving
}

// kept returns the chunks whose partition is not given up.
func (a *assignment) kept(chunks []chunk) []chunk {
	return slices.DeleteFunc(chunks, func(c chunk) bool { return a.leaving(c.part) })
}

// promise notes chunks as announced and returns what is to be committed, of the
// partitions of those that are not announced already.
func (a *assignment) promise(chunks []chunk) promises {
	a.mu.Lock()
	defer a.mu.Unlock()
	ps := promises{}
	for _, c := range chunks {
		if !c.part.leaving && !c.announced {
			c.part.promise.add(c)
			ps[c.part] = promise{}
		}
	}
	a.say(ps)
	return ps
}

// unsaid returns what has changed of the partitions since it was committed, of
// those that are not given up.
func (a *assignment) unsaid() promises {
	a.mu.Lock()
	defer a.mu.Unlock()
	staying := slices.DeleteFunc(slices.Collect(maps.Values(a.owned)), func(part *partition) bool { return part.leaving })
	return a.unsaidOf(staying)
}

// lastWords is unsaid for partitions that are given up.
func (a *assignment) lastWords(parts []*partition) promises {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsaidOf(parts)
}

func (a *assignment) unsaidOf(parts []*partition) promises {
	ps := promises{}
	for _, part := range parts {
		if part.dirty {
			ps[part] = promise{}
		}
	}
	a.say(ps)
	return ps
}

// say fills in what is known of partitions, which counts as committed then.
func (a *assignment) say(ps promises) {
	for part := range ps {
		part.dirty = false
		ps[part] = promise{base: part.promise.base, ends: slices.Clone(part.promise.ends)}
	}
}

// unsay says that a commit failed.
func (a *assignment) unsay(ps promises) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for part := range ps {
		part.dirty = true
	}
}

func (a *assignment) ownsAll(ps promises) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for part := range ps {
		if part.revoked {
			return false
		}
	}
	return true
}

// renew starts a partition anew: what was handed out of it counts no more. It
// returns nil if the partition is given up.
func (a *assignment) renew(old *partition) *partition {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old.leaving || a.owned[old.topicPartition] != old {
		return nil
	}
	old.leaving, old.revoked = true, true
	part := a.newPartition(old.topicPartition)
	a.owned[part.topicPartition] = part
	return part
}

// keepPromise moves the checkpoint of a partition whose chunks are announced.
func (p *partition) keepPromise(checkpoint kgo.EpochOffset) {
	p.promise.settle(checkpoint)
	p.dirty = true
}
