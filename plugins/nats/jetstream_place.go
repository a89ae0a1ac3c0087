package nats

import (
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// farAway is later than any message.
var farAway = time.Unix(1<<40, 0)

// place is how far a consumer has gone over its stream. It finds what the stream
// deleted before it was delivered: the sequences that the consumer left out.
//
// Each delivery has a sequence of its own, for first ones and others alike and whoever
// gets it. So of two deliveries that follow each other the second says what was left
// out since the first, and of all replicas that share the consumer one has the second:
// it alone counts. Where deliveries to others lie in between, nobody here can know
// what they were, and nothing is counted: the server is asked where the consumer
// stands before the next request (see jetSession.send), so that they seldom do.
//
// It is not safe for concurrent use; intake guards it.
type place struct {
	stream   time.Time // when the stream was made
	made     time.Time // when the consumer was
	consumer uint64    // the delivery up to which everything is known
	next     uint64    // the first sequence of the stream that was not delivered by then
	sure     bool      // next is that sequence, and not only one that it is not below
	others   bool      // somebody else takes messages of this consumer
	skips    time.Time // what is left out on purpose was stored before this

	filters []string // of the consumer; none for all of the stream
	whole   bool     // the stream has no other subjects than these

	// Of a consumer that reads a part of its stream, what it left out may be of other
	// subjects. What was deleted of its own shows in what the server has for it: that
	// falls with each first delivery by one, and otherwise only by deletions.
	pending uint64
	dropped uint64 // so far it fell by deletions, at least, since next was set

	// What was deleted before the consumer was made was never to be delivered.
	holes uint64 // so many sequences of that kind may still come
	upTo  uint64 // and none behind this one, where that is known

	away bool // nothing was asked for, for a while, since the last gap
	lost loss
}

// loss is what was found since somebody last asked.
type loss struct {
	from, to uint64 // the first sequence of it, and the one behind the last
	skipped  uint64 // sequences in between that were left out, and were there once
	least    uint64 // of these, so many were surely for us if the stream has other subjects
	whole    bool   // it has none, as far as is known
	filters  []string
	// What a reader of a part of the stream left out after a while in which it asked
	// for nothing: if the stream begins behind that now, some of it may have been ours.
	maybeFrom, maybeTo uint64
}

// none reports whether there is nothing to look into.
func (l loss) none() bool { return l.skipped == 0 && l.maybeTo == 0 }

// anchor is what the server says about a consumer and its stream.
type anchor struct {
	stream, made   time.Time
	consumer, last uint64 // the last delivery, and the highest sequence that was delivered
	pending        uint64
	config         jetstream.ConsumerConfig
	whole          bool
	holes, upTo    uint64
	fresh          bool // we have just made the consumer
	renewed        bool // because it stood where its stream does not reach
	unanswered     bool // what we last asked it for was not answered, or not in full
}

// follow notes a delivery. It is called for each message: most are the next one.
func (p *place) follow(d delivery) {
	if d.stream == p.next && d.consumer == p.consumer+1 && d.count == 1 && p.sure && d.pending+1 >= p.pending {
		p.consumer, p.next, p.pending = d.consumer, d.stream+1, d.pending
		return
	}
	first := d.count == 1 && d.stream >= p.next
	switch {
	case d.consumer == p.consumer+1:
		p.fell(d.pending, d.count == 1)
		if first && p.sure {
			p.skip(p.next, d.stream, d.stored)
		}
	case d.consumer > p.consumer:
		p.others, p.sure = true, false
	case !first: // late, or delivered by a server that was set back
		return
	}
	p.consumer, p.pending = d.consumer, d.pending
	if first {
		p.next, p.dropped = d.stream+1, 0
		p.sure = !d.stored.Before(p.skips)
	}
}

// fell compares what the server has for the consumer with what it had.
func (p *place) fell(pending uint64, first bool) {
	if first {
		pending++
	}
	p.dropped += p.pending - min(p.pending, pending)
}

// skip notes that the consumer has left out the sequences from one up to another,
// which was stored then.
func (p *place) skip(from, to uint64, stored time.Time) {
	if to <= from {
		return
	}
	n := to - from
	var old uint64
	switch {
	case !stored.After(p.made):
		old = n
	case from <= p.upTo:
		old = min(to-1, p.upTo) - from + 1
	}
	old = min(old, p.holes)
	p.holes -= old
	p.count(from, to, n-old)
	if p.away && !p.whole && p.lost.maybeTo == 0 {
		p.lost.maybeFrom, p.lost.maybeTo = from, to
	}
	p.away = false
}

func (p *place) count(from, to, skipped uint64) {
	l := &p.lost
	least := min(skipped, p.dropped)
	if skipped == 0 || !p.whole && least == 0 {
		return
	}
	if l.skipped == 0 {
		l.from = from
	}
	l.to = to
	l.skipped += skipped
	l.least += least
}

// take returns what was found since the last time.
func (p *place) take() loss {
	l := p.lost
	l.whole, l.filters = p.whole, p.filters
	p.lost = loss{}
	return l
}

// settle goes on from where the server says that the consumer stands: with what is
// known, where that is the same consumer, else with what it says.
func (p *place) settle(a anchor) {
	known := a.stream.Equal(p.stream) && !a.renewed && p.next > 0
	switch {
	case !known:
		*p = place{lost: p.lost, next: a.last + 1, sure: true, pending: a.pending, holes: a.holes, upTo: a.upTo}
	case a.made.Equal(p.made):
		if a.unanswered {
			p.missed(a.consumer, a.last)
		}
		p.catchUp(a.consumer, a.last, a.pending)
	default:
		if !p.follows(a) {
			p.next, p.sure, p.dropped = max(p.next, a.last+1), true, 0
		}
		p.pending = a.pending
	}
	p.stream, p.made, p.consumer, p.away = a.stream, a.made, a.consumer, true
	p.filters, p.whole = filtersOf(a.config), a.whole
	p.skips = a.skips()
	p.sure = p.sure && (known || p.skips.IsZero())
}

// skips is until when the consumer leaves out on purpose what was stored: with
// last_per_subject all that was there when it was made. If it reads a part of its
// stream alone, nothing tells the two apart.
func (a anchor) skips() time.Time {
	switch {
	case a.config.DeliverPolicy != jetstream.DeliverLastPerSubjectPolicy:
		return time.Time{}
	case !a.whole:
		return farAway
	}
	return a.made.Add(clockMargin)
}

// follows reports whether a consumer that we made takes the place of one that is
// gone: what the stream deleted in between is left out by it.
func (p *place) follows(a anchor) bool {
	return a.fresh && a.config.OptStartSeq > 0 && a.config.OptStartSeq <= p.next && !p.others && p.sure
}

// missed counts what was left out before deliveries that were on their way when a
// connection was lost: what was none of them is gone. With others nobody can tell.
func (p *place) missed(consumer, last uint64) {
	if consumer <= p.consumer || p.others || !p.sure {
		return
	}
	elsewhere, passed := consumer-p.consumer, last+1-min(p.next, last+1)
	n := passed - min(passed, elsewhere)
	old := min(n, p.holes)
	p.holes -= old
	p.count(p.next, last+1, n-old)
}

// catchUp notes deliveries that did not come here.
func (p *place) catchUp(consumer, last, pending uint64) {
	if consumer <= p.consumer { // or it is set back, and goes over the same again
		p.saw(consumer, pending)
		return
	}
	p.consumer, p.next, p.sure = consumer, max(p.next, last+1), true
	p.pending, p.dropped = pending, 0
}

// saw notes what the server has for the consumer after a delivery.
func (p *place) saw(consumer, pending uint64) {
	if consumer == p.consumer {
		p.fell(pending, false)
		p.pending = pending
	}
}

// refilter notes that somebody has changed what the consumer reads.
func (p *place) refilter(filters []string) {
	if slices.Equal(filters, p.filters) {
		return
	}
	p.filters, p.whole = filters, len(filters) == 0
	p.sure, p.dropped = false, 0
}

func filtersOf(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

// isWhole reports whether a stream has no messages but those that a consumer reads.
func isWhole(stream jetstream.StreamConfig, filters []string) bool {
	switch {
	case stream.Mirror != nil: // it has the gaps of the other one too
		return false
	case len(filters) == 0 || slices.Contains(filters, ">"):
		return true
	case len(stream.Sources) > 0 || stream.SubjectTransform != nil || len(stream.Subjects) == 0:
		return false
	}
	return !slices.ContainsFunc(stream.Subjects, func(subject string) bool {
		return !slices.ContainsFunc(filters, func(f string) bool { return within(subject, f) })
	})
}

// within reports whether a filter takes in all that a subject with wildcards stands
// for.
func within(subject, filter string) bool {
	some, more := strings.Split(subject, "."), strings.Split(filter, ".")
	for i, token := range more {
		switch {
		case i == len(some):
			return false
		case token == ">":
			return true
		case some[i] == ">", token != "*" && token != some[i]:
			return false
		}
	}
	return len(some) == len(more)
}
