package backpressure

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// source is one batch of an input. It is acknowledged when all of its messages
// have been accepted and settled.
type source struct {
	ack     service.AckFunc
	origin  *status.Input // nil for inputs that do not name themselves
	waiting int           // messages that did not find room yet
	held    int           // messages accepted and not settled
	// abandoned says that the host has been told of a failure already: what is
	// still in flight settles without acknowledging.
	abandoned bool
}

func (s *source) complete() bool { return s.waiting == 0 && s.held == 0 }

// segment is a run of messages of one source that waits in the queue.
type segment struct {
	src  *source
	msgs service.MessageBatch
	at   time.Time // when it was accepted
}

// part says how many messages of a flight belong to which source.
type part struct {
	src *source
	n   int
}

// flight is a batch on its way to the output, from ReadBatch to its settlement.
type flight struct {
	msgs  service.MessageBatch
	parts []part
	retry backOff
	due   time.Time // not before; set when it waits for a retry
}

// queue holds segments in the order of their arrival. It is not safe for
// concurrent use.
type queue struct {
	segments []segment
	head     int
	count    int // messages
}

func (q *queue) push(s segment) {
	if q.head > 0 && q.head == len(q.segments) {
		q.segments, q.head = q.segments[:0], 0
	}
	q.segments = append(q.segments, s)
	q.count += len(s.msgs)
}

// oldest is when the message at the head was accepted. The queue is not empty.
func (q *queue) oldest() time.Time { return q.segments[q.head].at }

// take moves up to n messages into a flight, splitting a segment where n falls
// inside of it.
func (q *queue) take(n int) *flight {
	n = min(n, q.count)
	f := &flight{msgs: make(service.MessageBatch, 0, n)}
	for n > 0 {
		s := &q.segments[q.head]
		k := min(n, len(s.msgs))
		f.msgs = append(f.msgs, s.msgs[:k]...)
		f.parts = append(f.parts, part{src: s.src, n: k})
		s.msgs = s.msgs[k:]
		q.count -= k
		n -= k
		if len(s.msgs) == 0 {
			*s = segment{}
			q.head++
		}
	}
	q.compact()
	return f
}

// compact gives the room before the head back once it is most of the slice.
func (q *queue) compact() {
	if q.head < 64 || q.head < len(q.segments)/2 {
		return
	}
	n := copy(q.segments, q.segments[q.head:])
	clear(q.segments[n:])
	q.segments, q.head = q.segments[:n], 0
}

// remove takes the waiting messages of one source out and returns how many.
func (q *queue) remove(src *source) int {
	kept, removed := q.segments[:q.head], 0
	for _, s := range q.segments[q.head:] {
		if s.src == src {
			removed += len(s.msgs)
			continue
		}
		kept = append(kept, s)
	}
	clear(q.segments[len(kept):])
	q.segments = kept
	q.count -= removed
	return removed
}

// backOff gives the waits between the attempts of one flight: doubling from
// 100 ms to 30 s.
type backOff struct{ attempts int }

const (
	retryInitial = 100 * time.Millisecond
	retryMax     = 30 * time.Second
)

func (b *backOff) next() time.Duration {
	wait := retryInitial << min(b.attempts, 16)
	b.attempts++
	return min(wait, retryMax)
}
