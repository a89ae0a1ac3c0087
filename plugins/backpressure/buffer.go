// Package backpressure is the buffer between the inputs of a stream and its
// output: bounded, acknowledged through, and in control of the stream's gate.
package backpressure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func init() {
	service.MustRegisterBatchBuffer("backpressure", spec(),
		func(conf *service.ParsedConfig, res *service.Resources) (service.BatchBuffer, error) {
			return newBuffer(conf, res)
		})
}

// errClosed is what sources are told of messages that were not settled when
// the buffer closed.
var errClosed = errors.New("the buffer closed before the message was stored")

// buffer implements service.BatchBuffer. The host calls WriteBatch from one
// goroutine and ReadBatch from one other; acknowledgements arrive from many, in
// any order.
//
// mu guards everything below it and is held while the gate observes the level,
// so that the gate sees every change in its order. No callback of the gate
// takes it.
type buffer struct {
	conf    config
	log     *service.Logger
	gate    *gate.Gate
	board   *status.Board
	servers *status.Servers
	metrics metrics
	control *gate.Controller
	pulse   *heartbeat

	start    sync.Once
	draining atomic.Bool
	heavy    atomic.Bool // the last pause began because of bytes

	room  chan struct{} // signals the writer, capacity 1
	ready chan struct{} // signals the reader, capacity 1

	mu      sync.Mutex
	queue   queue
	retries []*flight            // rejected as a whole, the first one rejected first
	flying  int                  // flights at the output
	sources map[*source]struct{} // those that have not been acknowledged
	level   gate.Level
	ended   bool // EndOfInput
	closed  bool
}

var (
	_ service.BatchBuffer = (*buffer)(nil)
	_ gate.Watcher        = (*buffer)(nil)
)

func newBuffer(p *service.ParsedConfig, res *service.Resources) (*buffer, error) {
	conf, err := parseConfig(p)
	if err != nil {
		return nil, fmt.Errorf("backpressure: %w", err)
	}
	b := &buffer{
		conf:    conf,
		log:     res.Logger(),
		gate:    gate.Of(res, conf.gate),
		board:   status.Of(res, conf.gate),
		servers: status.ServersOf(res),
		metrics: newMetrics(res.Metrics()),
		room:    make(chan struct{}, 1),
		ready:   make(chan struct{}, 1),
		sources: map[*source]struct{}{},
	}
	if conf.address != "" {
		if err := b.servers.Check(conf.address); err != nil {
			return nil, fmt.Errorf("backpressure: status_server.address (%s) cannot be used: %w; "+
				"name a free address, or set status_server.enabled to false", conf.address, err)
		}
	}
	b.control = b.gate.Controller(conf.limits, conf.enabled, b)
	b.pulse = newHeartbeat()
	b.gate.Claim()
	return b, nil
}

// run attaches to the gate and starts the heartbeat; it happens at the first
// call of the host, since a constructor must not have effects.
func (b *buffer) run() {
	b.start.Do(func() {
		b.logStart()
		b.board.SetBuffer(b.figures)
		b.board.SetOperator(operator{b}, b.conf.admin)
		b.control.Attach()
		b.pulse.start(b)
	})
}

// WriteBatch accepts the messages of one source batch, in parts when there is
// no room for all of them, and returns when the last has been taken. It blocks
// while the buffer is full.
func (b *buffer) WriteBatch(ctx context.Context, msgs service.MessageBatch, ack service.AckFunc) error {
	b.run()
	if len(msgs) == 0 {
		return ack(ctx, nil)
	}
	src := &source{ack: ack, origin: status.OriginOf(msgs[0].Context()), waiting: len(msgs)}
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
	load := b.fit(msgs)
	if load.Records == 0 {
		return msgs, nil
	}
	b.sources[src] = struct{}{}
	b.queue.push(segment{src: src, msgs: msgs[:load.Records], bytes: load.Bytes, at: time.Now()})
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
// ever, enters when nothing else is held: the only way over the bound.
func (b *buffer) fit(msgs service.MessageBatch) (load gate.Level) {
	limits := b.conf.limits
	for _, m := range msgs[:min(len(msgs), limits.Max-b.level.Records)] {
		w := weigh(m)
		if over := b.level.Bytes+load.Bytes+w > limits.Bytes.Max && limits.Bytes.Max > 0; over && b.level.Records+load.Records > 0 {
			break
		}
		load.Records++
		load.Bytes += w
	}
	return load
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

// ReadBatch returns the next batch for the output: a full one at once, a
// smaller one when its oldest message has waited for the batch period, or when
// nothing more can be expected.
func (b *buffer) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	b.run()
	for {
		f, wait, err := b.next(time.Now())
		if err != nil {
			return nil, nil, err
		}
		if f != nil {
			return f.copies(), b.settler(f), nil
		}
		if err := b.await(ctx, wait); err != nil {
			return nil, nil, err
		}
	}
}

// await waits until the reader is signalled or the wait is over; a wait below
// zero is for ever.
func (b *buffer) await(ctx context.Context, wait time.Duration) error {
	var over <-chan time.Time
	if wait >= 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-b.ready:
	case <-over:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// next returns a flight that may leave now, or how long until one may by the
// clock alone.
func (b *buffer) next(now time.Time) (*flight, time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || (b.ended && b.level.Records == 0) {
		return nil, 0, service.ErrEndOfBuffer
	}
	wait := time.Duration(-1)
	if i := b.nextRetry(); i >= 0 {
		f := b.retries[i]
		if wait = f.due.Sub(now); wait <= 0 {
			b.retries = slices.Delete(b.retries, i, i+1)
			return b.launch(f), 0, nil
		}
	}
	if b.queue.held.Records > 0 {
		age := now.Sub(b.queue.oldest())
		if b.full() || age >= b.conf.period || b.hurry() {
			return b.launch(b.queue.take(b.conf.count, b.conf.byteSize)), 0, nil
		}
		if rest := b.conf.period - age; wait < 0 || rest < wait {
			wait = rest
		}
	}
	return nil, wait, nil
}

// full reports whether a whole batch waits.
func (b *buffer) full() bool {
	return b.queue.held.Records >= b.conf.count || b.queue.held.Bytes >= b.conf.byteSize
}

// hurry reports whether waiting for a fuller batch is pointless: the stream is
// ending, or the gate is closed and only what waits here could open it.
func (b *buffer) hurry() bool {
	return b.ended || b.draining.Load() || (b.flying == 0 && b.gate.Paused())
}

// nextRetry is the index of the rejected flight that is due first, -1 if there
// is none.
func (b *buffer) nextRetry() int {
	first := -1
	for i, f := range b.retries {
		if first < 0 || f.due.Before(b.retries[first].due) {
			first = i
		}
	}
	return first
}

func (b *buffer) launch(f *flight) *flight {
	b.flying++
	return f
}

// copies returns shallow copies of the messages: processors and outputs may
// change what they are given, and a retry must start from the original.
func (f *flight) copies() service.MessageBatch {
	out := make(service.MessageBatch, len(f.msgs))
	for i, m := range f.msgs {
		out[i] = m.Copy()
	}
	return out
}

// settler returns the acknowledgement of a flight. Only its first call counts.
func (b *buffer) settler(f *flight) service.AckFunc {
	var once sync.Once
	return func(ctx context.Context, err error) error {
		var ackErr error
		once.Do(func() {
			if err != nil {
				b.reject(f, err)
				return
			}
			ackErr = acknowledge(ctx, b.settle(f), nil)
		})
		return ackErr
	}
}

// settle frees the room of a flight and returns the sources that are complete.
func (b *buffer) settle(f *flight) []*source {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	if b.closed {
		return nil // Close has handed everything back already
	}
	var complete []*source
	for _, p := range f.parts {
		b.shift(p.src, minus(p.load))
		if p.src.complete() && !p.src.abandoned {
			complete = append(complete, p.src)
		}
	}
	b.control.Observe(b.level)
	signal(b.room)
	signal(b.ready)
	return complete
}

// reject puts a flight that the output refused as a whole back to the head,
// to be tried again after a while. Its messages stay in the level.
func (b *buffer) reject(f *flight, cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	if b.closed {
		return
	}
	wait := f.retry.next()
	f.due = time.Now().Add(wait)
	b.retries = append(b.retries, f)
	b.logRejected(f, wait, cause)
	signal(b.ready)
}

// EndOfInput marks the end of the inputs: ReadBatch ends when all is settled.
func (b *buffer) EndOfInput() {
	b.run()
	b.gate.Drain()
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	signal(b.ready)
}

// Close hands everything unsettled back to its source, what was given to the
// output included, since the host delivers no acknowledgement any more.
func (b *buffer) Close(ctx context.Context) error {
	b.run()
	b.gate.Drain()
	left, open := b.shut()
	err := acknowledge(ctx, open, errClosed)
	b.control.Detach(left)
	b.pulse.stop()
	b.logStopped(left)
	return err
}

// shut closes the buffer and returns how many messages were not settled, and
// the sources to tell. Later calls find nothing.
func (b *buffer) shut() (int, []*source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.level.Records
	var open []*source
	for src := range b.sources {
		if !src.abandoned {
			open = append(open, src)
		}
		src.abandoned, src.waiting = true, 0
		b.shift(src, minus(src.held))
	}
	b.closed, b.queue, b.retries = true, queue{}, nil
	b.control.Observe(b.level)
	signal(b.room)
	signal(b.ready)
	return left, open
}

// acknowledge calls the sources' acknowledgements, outside of any lock.
func acknowledge(ctx context.Context, sources []*source, err error) error {
	var errs []error
	for _, src := range sources {
		errs = append(errs, src.ack(ctx, err))
	}
	return errors.Join(errs...)
}

// signal wakes the one that waits on c, now or at its next wait.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
