package kafka

import (
	"math"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tracker finds the checkpoint of one partition: the offset below which every
// record that was handed out is settled. Spans are tracked in the order in
// which they are handed out and settled in any order. It counts spans, never
// offsets: compaction and transactions leave gaps between offsets.
//
// The zero value is ready to use. It is not safe for concurrent use.
type tracker struct {
	spans []span // spans[head:] are tracked and not behind the checkpoint yet
	head  int
	first uint64 // the ticket of spans[head]
	wall  bool   // the last span was rejected
}

// span is a run of records that were handed out together.
type span struct {
	next    kgo.EpochOffset // where the partition goes on after it
	settled bool
}

// noTicket is that of a span that does not count any more.
const noTicket = math.MaxUint64

// track adds a span that ends before next and returns the ticket to settle it.
func (t *tracker) track(next kgo.EpochOffset) (ticket uint64) {
	if t.wall {
		return noTicket
	}
	if t.head > 0 && len(t.spans) == cap(t.spans) {
		t.spans = t.spans[:copy(t.spans, t.spans[t.head:])]
		t.head = 0
	}
	t.spans = append(t.spans, span{next: next})
	return t.first + uint64(t.open()) - 1
}

// settle marks the span of a ticket. When that moves the checkpoint it returns
// the new one and true. Settling twice does nothing.
func (t *tracker) settle(ticket uint64) (checkpoint kgo.EpochOffset, moved bool) {
	if ticket < t.first || ticket-t.first >= uint64(t.open()) {
		return checkpoint, false
	}
	t.spans[t.head+int(ticket-t.first)].settled = true
	for t.open() > 0 && t.spans[t.head].settled {
		checkpoint, moved = t.spans[t.head].next, true
		t.head++
		t.first++
	}
	if t.open() == 0 {
		t.spans, t.head = t.spans[:0], 0
	}
	return checkpoint, moved
}

// reject says that the span of a ticket will never be settled. The checkpoint cannot
// pass it, so that what lies behind it is forgotten, and does not grow for ever.
func (t *tracker) reject(ticket uint64) {
	if ticket < t.first || ticket-t.first >= uint64(t.open()) {
		return
	}
	t.spans, t.wall = t.spans[:t.head+int(ticket-t.first)+1], true
}

// open is the number of spans that the checkpoint has not passed.
func (t *tracker) open() int { return len(t.spans) - t.head }
