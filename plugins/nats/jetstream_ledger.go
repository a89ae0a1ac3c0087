package nats

import (
	"cmp"
	"slices"
)

// ledger knows every message that the server delivered and whose settlement it
// has not confirmed: those that wait for ReadBatch, those that the stream has,
// and those whose acknowledgement is on its way. It answers which of them need a
// sign of life, whether a redelivered one is here already, and, where one
// acknowledgement covers all before it, up to where that is safe.
//
// Messages are kept in runs of ascending stream sequence, which wait in a heap for
// when the server is to hear of them. So a message that is never settled costs its
// own place, whatever comes after it. Only one that is delivered again has to be
// found: with the first of these a map by sequence is made, and it is kept for as
// long as there are any, since it costs time for every message. Where one
// acknowledgement covers all before it runs are also kept in the order of their
// first sequence: redeliveries come late and are put where they belong.
//
// It is not safe for concurrent use; intake guards it.
type ledger struct {
	all     bool            // one acknowledgement covers all before it: ack_policy all
	where   map[uint64]*run // what each known message is in; nil while nothing is looked up
	asked   uint32          // the tick of the last look-up
	count   int             // messages that are known
	due     dueRuns         // every run, and some that are over
	stale   int             // how many of due are over
	ordered []*run          // all: every run
	highest uint64          // the highest sequence that was ever added
	tick    uint32          // the keeper's clock
	done    int             // all: so many runs in front are settled, and not acknowledged yet
	mark    item            // all: the highest message of these
	acked   uint64          // all: everything up to here is acknowledged
	debt    debt            // all: messages that the server counts on and nobody here has
}

// standing says what a ledger knows about a message that comes in.
type standing int

const (
	unknown  standing = iota
	held              // it is here, or settled and waits to be acknowledged
	rejected          // it was here and is to come again
	past              // it was acknowledged
)

// item is one delivered message.
type item struct {
	sequence uint64 // in the stream
	reply    string
	count    uint32 // deliveries, this one included
}

// run is a stretch of messages of one batch, in ascending order, never empty
// until it is settled.
type run struct {
	items   []item
	first   uint64
	last    uint64
	tick    uint32 // when the server last heard of the first one
	waiting bool   // for ReadBatch; items are still being added
	settled bool
	nacked  bool // items are what the server will deliver again
	over    bool // nothing is to be known of it any more; items is nil
	orphan  bool // its stream is no more: nothing that is said of it reaches anybody
}

// debt is a number of messages that were delivered, not to us or not in this
// life of the process, and that nobody has settled. One acknowledgement for all
// would settle them, and lose them; so none is sent until they have come again.
type debt struct {
	messages uint64
	upTo     uint64 // the highest sequence that can be one of them
}

const (
	// mostStale is how many runs that are over due may hold beside as many others.
	mostStale = 64
	// mapTicks is how long after the last look-up the map is kept.
	mapTicks = 2 * ticksPerWait
)

func newLedger(all bool) ledger { return ledger{all: all} }

// index makes the map if there is none.
func (l *ledger) index() {
	l.asked = l.tick
	if l.where != nil {
		return
	}
	l.where = make(map[uint64]*run, l.count)
	for _, r := range l.due {
		for _, i := range r.items {
			l.where[i.sequence] = r
		}
	}
}

// open returns the run to which the next item of this sequence is to be added:
// the one that is being filled, or a new one.
func (l *ledger) open(current *run, sequence uint64) *run {
	if current != nil && current.waiting && !current.orphan && sequence > current.last {
		return current
	}
	r := &run{first: sequence, waiting: true, tick: l.tick}
	l.due.push(r)
	if l.all {
		at := len(l.ordered)
		for at > 0 && l.ordered[at-1].first > sequence {
			at--
		}
		l.ordered = slices.Insert(l.ordered, at, r)
		l.done = min(l.done, at)
	}
	return r
}

// add notes a message as delivered. One that was unknown and is delivered again
// pays off a part of the debt.
func (l *ledger) add(r *run, i item, was standing) {
	r.items = append(r.items, i)
	r.last = i.sequence
	l.count++
	if l.where != nil {
		l.where[i.sequence] = r
	}
	l.highest = max(l.highest, i.sequence)
	if was == unknown && l.debt.messages > 0 && i.count > 1 && i.sequence <= l.debt.upTo {
		l.debt.messages--
	}
}

// standing looks a message up that comes in. What was rejected is taken out: it
// is about to be added again.
func (l *ledger) standing(sequence uint64) standing {
	switch {
	case sequence > l.highest:
		return unknown
	case l.all && sequence <= l.acked:
		return past
	}
	l.index()
	r, found := l.where[sequence]
	switch {
	case !found:
		return unknown
	case r.nacked:
		l.takeOut(r, sequence)
		return rejected
	case r.settled && !l.all:
		return past
	}
	return held
}

// takeOut takes a rejected message out of its run. The map is there.
func (l *ledger) takeOut(r *run, sequence uint64) {
	if at, ok := slices.BinarySearchFunc(r.items, sequence, bySequence); ok {
		r.items = slices.Delete(r.items, at, at+1)
		l.count--
	}
	r.settled = len(r.items) == 0
	delete(l.where, sequence)
}

func bySequence(i item, sequence uint64) int { return cmp.Compare(i.sequence, sequence) }

// split cuts a waiting run behind its first n items: what is cut off goes on
// waiting. It returns nil when nothing is.
func (l *ledger) split(r *run, n int) (rest *run) {
	r.waiting = false
	if n == len(r.items) {
		return nil
	}
	rest = &run{items: r.items[n:], first: r.items[n].sequence, last: r.last, tick: r.tick, waiting: true, settled: r.settled, orphan: r.orphan}
	r.items = r.items[:n:n]
	r.last = r.items[n-1].sequence
	if r.orphan {
		return rest
	}
	if l.where != nil {
		for _, i := range rest.items {
			l.where[i.sequence] = rest
		}
	}
	l.due.push(rest)
	if l.all {
		at := slices.Index(l.ordered, r) + 1
		for at < len(l.ordered) && l.ordered[at].first < rest.first {
			at++
		}
		l.ordered = slices.Insert(l.ordered, at, rest)
	}
	return rest
}

// settle ends a run and returns the replies to acknowledge.
func (l *ledger) settle(r *run) (replies []string) {
	r.settled = true
	if l.all {
		return l.advance()
	}
	replies = make([]string, len(r.items))
	for i, it := range r.items {
		replies[i] = it.reply
	}
	return replies
}

// forget drops runs whose messages cannot come again. Where one acknowledgement
// covers all before it, advance does so.
func (l *ledger) forget(runs ...*run) {
	if l.all {
		return
	}
	for _, r := range runs {
		l.drop(r)
	}
}

// drop ends all knowledge of a run.
func (l *ledger) drop(r *run) {
	if r.over {
		return
	}
	if l.where != nil {
		for _, i := range r.items {
			if l.where[i.sequence] == r {
				delete(l.where, i.sequence)
			}
		}
	}
	l.count -= len(r.items)
	r.settled, r.over, r.items = true, true, nil
	if l.stale++; l.stale > mostStale+len(l.due)/2 {
		l.due.compact()
		l.stale = 0
	}
}

// nack marks a run as rejected. The server is to deliver its messages again.
func (l *ledger) nack(r *run) []item {
	items := slices.Clone(r.items)
	r.nacked = l.all
	l.forget(r)
	return items
}

// advance acknowledges as far as everything is settled: the highest settled
// message that is below all others. While there is a debt, nothing is.
func (l *ledger) advance() []string {
	for ; l.done < len(l.ordered) && l.ordered[l.done].settled; l.done++ {
		if items := l.ordered[l.done].items; len(items) > 0 && items[len(items)-1].sequence > l.mark.sequence {
			l.mark = items[len(items)-1]
		}
	}
	safe := l.debt.messages == 0 && l.mark.sequence > l.acked &&
		(l.done == len(l.ordered) || l.mark.sequence < l.ordered[l.done].first)
	if !safe {
		return nil
	}
	l.acked = l.mark.sequence
	for _, r := range l.ordered[:l.done] {
		l.drop(r)
	}
	clear(l.ordered[:l.done])
	l.ordered, l.done = l.ordered[l.done:], 0
	return []string{l.mark.reply}
}

// overdue returns the replies of the messages of which the server has not heard
// for that many ticks, and notes that it is about to.
func (l *ledger) overdue(ticks uint32) (replies []string) {
	if l.tick-l.asked > mapTicks {
		l.where = nil
	}
	var again []*run
	for len(l.due) > 0 && l.tick-l.due[0].tick >= ticks {
		r := l.due.pop()
		if r.over {
			l.stale--
			continue
		}
		r.tick = l.tick
		again = append(again, r)
		if r.nacked || r.settled && !l.all {
			continue
		}
		for _, i := range r.items {
			replies = append(replies, i.reply)
		}
	}
	for _, r := range again {
		l.due.push(r)
	}
	return replies
}

// unsettled returns everything that is not settled.
func (l *ledger) unsettled() (items []item) {
	for _, r := range l.due {
		if !r.settled && !r.nacked {
			items = append(items, r.items...)
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.sequence, b.sequence) })
	return items
}

// firstUnsettled is the lowest sequence that is not settled, or the one behind
// all, 0 if there never was any.
func (l *ledger) firstUnsettled() uint64 {
	if l.highest == 0 {
		return 0
	}
	first := l.highest + 1
	for _, r := range l.due {
		if !r.settled {
			first = min(first, r.first)
		}
	}
	return first
}

// held is how many messages the server counts as not acknowledged and this
// ledger knows.
func (l *ledger) held() uint64 { return uint64(l.count) } //nolint:gosec // never negative
