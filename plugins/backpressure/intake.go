package backpressure

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// WriteBatch accepts the messages of one source batch, in parts when there is
// no room for all of them, and returns when the last has been taken. It blocks
// while the buffer is full. A sealed batch is accepted whole.
func (b *buffer) WriteBatch(ctx context.Context, msgs service.MessageBatch, ack service.AckFunc) error {
	b.run()
	if len(msgs) == 0 {
		return ack(ctx, nil)
	}
	b.control.Takes(true)
	defer b.control.Takes(false)
	ctxOfAll := msgs[0].Context()
	src := &source{ack: ack, origin: status.OriginOf(ctxOfAll), turn: gate.TurnOf(ctxOfAll), sealed: position.SealOf(ctxOfAll) != nil, waiting: len(msgs), at: time.Now()}
	src.fleeting = gate.ParcelOf(ctxOfAll).Arrive() && src.origin != nil && src.origin.Kind == status.KindNATS
	for {
		rest, err := b.accept(src, msgs)
		if err != nil {
			src.lose(loadOf(msgs))
			return err
		}
		if len(rest) == 0 {
			return nil
		}
		msgs = rest
		select {
		case <-b.freed:
		case <-ctx.Done():
			b.abandon(src, loadOf(msgs))
			return ctx.Err()
		}
	}
}

// accept takes as many messages as there is room for and returns the rest.
func (b *buffer) accept(src *source, msgs service.MessageBatch) (service.MessageBatch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	n, load := b.fit(msgs, src.sealed)
	if n < len(msgs) {
		b.fullAt.CompareAndSwap(0, time.Now().UnixNano())
	}
	if n == 0 {
		return msgs, nil
	}
	into := &b.sealed
	if !src.sealed {
		into = b.queueOf(src.origin)
	}
	b.sources.add(src)
	into.push(segment{src: src, msgs: msgs[:n], load: load, at: time.Now()})
	src.waiting -= n
	if src.origin != nil {
		src.origin.Accepted.Add(int64(load.Records))
	}
	b.shift(src, load)
	src.turn.Arrive()
	b.observe()
	signal(b.ready)
	return msgs[n:], nil
}

// fit tells how many of the messages there is room for, and what they hold; of
// sealed ones all or none. What is larger than all the room there is, and would
// wait for ever, enters when nothing else is held: a message of too many records
// or bytes, and a sealed batch. Those are the only ways over the bound.
func (b *buffer) fit(msgs service.MessageBatch, sealed bool) (n int, load gate.Level) {
	room := b.room()
	alone := b.level.Records == 0
	if !sealed {
		return prefix(msgs, room, alone)
	}
	n, load = len(msgs), loadOf(msgs)
	if !alone && (load.Records > room.Records || load.Bytes > room.Bytes) {
		return 0, gate.Level{}
	}
	return n, load
}

// loadOf is what messages hold.
func loadOf(msgs service.MessageBatch) gate.Level {
	_, load := prefix(msgs, gate.Level{Records: math.MaxInt, Bytes: math.MaxInt64}, true)
	return load
}

// room is how much more may be held.
func (b *buffer) room() gate.Level {
	limits := b.now().limits
	room := gate.Level{Records: limits.Max - b.level.Records, Bytes: math.MaxInt64}
	if limits.Bytes.Max > 0 {
		room.Bytes = limits.Bytes.Max - b.level.Bytes
	}
	return room
}

// queueOf returns the queue of an input. Batches are of one input: as a rule its
// records go to one table, so that each batch is one large insert, where a mixed
// one would be several small ones.
func (b *buffer) queueOf(origin *status.Input) *queue {
	i := slices.IndexFunc(b.queues, func(q *queue) bool { return q.origin == origin })
	if i < 0 {
		i = len(b.queues)
		b.queues = append(b.queues, &queue{origin: origin})
	}
	return b.queues[i]
}

// abandon forgets a source whose WriteBatch has failed: what waits in the queue
// is taken out, what is in flight settles without an acknowledgement. The rest is what
// there was no room for.
func (b *buffer) abandon(src *source, rest gate.Level) {
	b.mu.Lock()
	defer b.mu.Unlock()
	src.abandoned, src.waiting = true, 0
	removed := b.queueOf(src.origin).remove(src)
	b.astray += src.lose(plus(removed, rest))
	b.shift(src, minus(removed))
	b.observe()
}

// shift changes the level: in total, of the source and of its input.
func (b *buffer) shift(src *source, by gate.Level) {
	b.level = plus(b.level, by)
	src.held = plus(src.held, by)
	if src.complete() {
		b.sources.remove(src)
	}
	if src.origin != nil {
		src.origin.Level.Add(int64(by.Records))
	}
}

// observe tells the gate the level, the history of pauses how high it rose, and whoever
// asks how old it is.
func (b *buffer) observe() {
	if b.fullAt.Load() != 0 && b.now().limits.Below(b.level) {
		b.fullAt.Store(0)
	}
	if at := b.sources.since(); at != b.oldestAt.Load() {
		b.oldestAt.Store(at)
	}
	b.control.Observe(b.level)
	b.board.ObserveLevel(int64(b.level.Records), b.level.Bytes)
}

func plus(a, b gate.Level) gate.Level {
	return gate.Level{Records: a.Records + b.Records, Bytes: a.Bytes + b.Bytes}
}

func minus(a gate.Level) gate.Level { return gate.Level{Records: -a.Records, Bytes: -a.Bytes} }
