package backpressure

import (
	"context"
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
	ctxOfAll := msgs[0].Context()
	src := &source{ack: ack, origin: status.OriginOf(ctxOfAll), sealed: position.SealOf(ctxOfAll) != nil, waiting: len(msgs)}
	for {
		rest, err := b.accept(src, msgs)
		if err != nil || len(rest) == 0 {
			return err
		}
		msgs = rest
		select {
		case <-b.room:
		case <-ctx.Done():
			b.abandon(src)
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
	load, into := b.fit(msgs), &b.queue
	if src.sealed {
		load, into = b.fitWhole(msgs), &b.sealed
	}
	if load.Records == 0 {
		return msgs, nil
	}
	b.sources[src] = struct{}{}
	into.push(segment{src: src, msgs: msgs[:load.Records], bytes: load.Bytes, at: time.Now()})
	src.waiting -= load.Records
	if src.origin != nil {
		src.origin.Accepted.Add(int64(load.Records))
	}
	b.shift(src, load)
	b.control.Observe(b.level)
	signal(b.ready)
	return msgs[load.Records:], nil
}

// fit tells how many of the messages there is room for, and what they weigh. A
// message that weighs more than all the room there is, which would wait for
// ever, enters when nothing else is held.
func (b *buffer) fit(msgs service.MessageBatch) (load gate.Level) {
	limits := b.conf.limits
	for _, m := range msgs[:min(len(msgs), max(0, limits.Max-b.level.Records))] {
		w := weigh(m)
		if over := b.level.Bytes+load.Bytes+w > limits.Bytes.Max && limits.Bytes.Max > 0; over && b.level.Records+load.Records > 0 {
			break
		}
		load.Records++
		load.Bytes += w
	}
	return load
}

// fitWhole is fit for messages that enter together or not at all. More of them
// than all the room there is enter when nothing else is held: this and a message
// that is too large are the only ways over the bound.
func (b *buffer) fitWhole(msgs service.MessageBatch) gate.Level {
	whole := gate.Level{Records: len(msgs)}
	for _, m := range msgs {
		whole.Bytes += weigh(m)
	}
	limits, after := b.conf.limits, plus(b.level, whole)
	over := after.Records > limits.Max || (after.Bytes > limits.Bytes.Max && limits.Bytes.Max > 0)
	if over && b.level.Records > 0 {
		return gate.Level{}
	}
	return whole
}

// abandon forgets a source whose WriteBatch has failed: what waits in the queue
// is taken out, what is in flight settles without an acknowledgement.
func (b *buffer) abandon(src *source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	src.abandoned, src.waiting = true, 0
	b.shift(src, minus(b.queue.remove(src)))
	b.control.Observe(b.level)
}

// shift changes the level: in total, of the source and of its input.
func (b *buffer) shift(src *source, by gate.Level) {
	b.level = plus(b.level, by)
	src.held = plus(src.held, by)
	if src.complete() {
		delete(b.sources, src)
	}
	if src.origin != nil {
		src.origin.Level.Add(int64(by.Records))
	}
}

func plus(a, b gate.Level) gate.Level {
	return gate.Level{Records: a.Records + b.Records, Bytes: a.Bytes + b.Bytes}
}

func minus(a gate.Level) gate.Level { return gate.Level{Records: -a.Records, Bytes: -a.Bytes} }
