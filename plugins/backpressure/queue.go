package backpressure

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// source is one batch of an input. It is acknowledged when all of its messages
// have been accepted and settled.
type source struct {
	ack     service.AckFunc
	origin  *status.Input // nil for inputs that do not name themselves
	turn    *gate.Turn    // nil for inputs that cannot wait
	sealed  bool          // to be handed on as it is
	waiting int           // messages that did not find room yet
	held    gate.Level    // what was accepted and is not settled
	// fleeting says that its source delivers nothing again, and that nobody else counts
	// what is lost of it.
	fleeting bool
	// abandoned says that the host has been told of a failure already: what is
	// still in flight settles without acknowledging.
	abandoned bool

	at            time.Time // when it arrived
	listed        bool      // see sourceList
	before, after *source
}

// lose counts what a stop costs of the source, if nobody delivers that again, and returns
// how many records that are.
func (s *source) lose(load gate.Level) int {
	if !s.fleeting {
		return 0
	}
	s.origin.LoseAtStop(int64(load.Records))
	return load.Records
}

func (s *source) complete() bool { return s.waiting == 0 && s.held.Records == 0 }

// segment is a run of messages of one source that waits in the queue.
type segment struct {
	src  *source
	msgs service.MessageBatch
	load gate.Level // what they hold
	at   time.Time  // when it was accepted
}

// part says how much of a flight belongs to which source.
type part struct {
	src  *source
	load gate.Level
}

// flight is a batch on its way to the output, from ReadBatch to its settlement.
type flight struct {
	msgs  service.MessageBatch
	parts []part
	retry backOff
	since time.Time // when it was first rejected
	due   time.Time // not before; set when it waits for a retry
}

// queue holds segments in the order of their arrival. It is not safe for
// concurrent use.
type queue struct {
	origin   *status.Input // whose they are
	segments []segment
	head     int
	held     gate.Level
}

func (q *queue) push(s segment) {
	if q.head > 0 && q.head == len(q.segments) {
		q.segments, q.head = q.segments[:0], 0
	}
	q.segments = append(q.segments, s)
	q.held = plus(q.held, s.load)
}

// oldest is when the message at the head was accepted. The queue is not empty.
func (q *queue) oldest() time.Time { return q.segments[q.head].at }

// take moves messages into a flight: one at least, then up to count records
// that weigh up to bytes, splitting a segment where the end falls inside of it.
func (q *queue) take(count int, bytes int64) *flight {
	f := &flight{msgs: make(service.MessageBatch, 0, min(count, q.held.Records))}
	for room := (gate.Level{Records: count, Bytes: bytes}); q.held.Records > 0; {
		s := &q.segments[q.head]
		n, load := s.upTo(room, len(f.msgs) == 0)
		if n == 0 {
			break
		}
		f.msgs = append(f.msgs, s.msgs[:n]...)
		f.parts = append(f.parts, part{src: s.src, load: load})
		s.msgs, s.load = s.msgs[n:], plus(s.load, minus(load))
		q.held, room = plus(q.held, minus(load)), plus(room, minus(load))
		if len(s.msgs) == 0 {
			*s = segment{}
			q.head++
		}
	}
	q.compact()
	if len(f.msgs) > 0 { // by which the output knows the flight again, should it reject it
		f.msgs[0] = f.msgs[0].WithContext(position.NewFlight(f.msgs[0].Context()))
	}
	return f
}

// takeSegment moves the segment at the head into a flight. The queue is not empty.
func (q *queue) takeSegment() *flight {
	s := q.segments[q.head]
	q.segments[q.head] = segment{}
	q.head++
	q.held = plus(q.held, minus(s.load))
	q.compact()
	return &flight{msgs: s.msgs, parts: []part{{src: s.src, load: s.load}}}
}

// upTo tells how many of the segment's messages, from its start, fit into the
// room, and what they hold. They are looked at again only where the segment has
// to be split. With first set, one message fits always.
func (s *segment) upTo(room gate.Level, first bool) (n int, load gate.Level) {
	if s.load.Records <= room.Records && s.load.Bytes <= room.Bytes {
		return len(s.msgs), s.load
	}
	return prefix(s.msgs, room, first)
}

// prefix tells how many messages, from the first, fit into the room, and what
// they hold. With first set, one message fits always.
func prefix(msgs service.MessageBatch, room gate.Level, first bool) (n int, load gate.Level) {
	var frames frame.Finder
	for _, m := range msgs {
		more := plus(load, gate.Level{Records: frames.Count(m), Bytes: weigh(m)})
		if (more.Records > room.Records || more.Bytes > room.Bytes) && (n > 0 || !first) {
			break
		}
		load = more
		n++
	}
	return n, load
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

// remove takes the waiting messages of one source out and returns how much that
// was.
func (q *queue) remove(src *source) (removed gate.Level) {
	kept := q.segments[:q.head]
	for _, s := range q.segments[q.head:] {
		if s.src == src {
			removed = plus(removed, s.load)
			continue
		}
		kept = append(kept, s)
	}
	clear(q.segments[len(kept):])
	q.segments = kept
	q.held = plus(q.held, minus(removed))
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
