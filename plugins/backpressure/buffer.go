// Package backpressure is the buffer between the inputs of a stream and its
// output: bounded, acknowledged through, and in control of the stream's gate.
package backpressure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
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
	conf    config                 // as the stream was given it
	live    atomic.Pointer[config] // with what an operator has changed since; see now
	log     *service.Logger
	gate    *gate.Gate
	board   *status.Board
	servers *status.Servers
	metrics metrics
	control *gate.Controller
	pulse   *heartbeat
	story   story
	stream  *topology.Generation
	alerts  *courier // nil where none are asked for
	watch   *watch   // of what alerts tell; nil before the start, too

	start    sync.Once
	draining atomic.Bool
	ending   atomic.Bool  // the host stops every input
	heavy    atomic.Bool  // the last pause began because of bytes
	fullAt   atomic.Int64 // since when there was no room for what came, in Unix nanoseconds; 0 when there is

	oldestAt atomic.Int64 // when the oldest of what is held arrived, in Unix nanoseconds; 0 when nothing is

	rejections status.Repeats
	refusals   status.Repeats // requests to operate inputs

	freed chan struct{} // signals the writer, capacity 1
	ready chan struct{} // signals the reader, capacity 1

	tuning    sync.Mutex   // serialises changes of live; taken before mu
	changedAt atomic.Int64 // when the last of them was, in Unix nanoseconds

	mu      sync.Mutex
	queues  []*queue   // what waits, of each input by itself
	sealed  queue      // of sealed batches, each a segment of its own; see position.Sealed
	retries []*flight  // rejected as a whole, the first one rejected first
	flying  int        // flights at the output
	sources sourceList // those that have not been acknowledged
	level   gate.Level
	astray  int  // records that abandoned batches cost, and nobody delivers again
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
		stream:  topology.Of(res),
		freed:   make(chan struct{}, 1),
		ready:   make(chan struct{}, 1),
	}
	b.live.Store(&conf)
	if conf.listener.Address != "" {
		if err := b.servers.Check(conf.listener); err != nil {
			return nil, conf.errUnusable(err)
		}
	}
	b.metrics.alertsWaiting.Set(0) // shown before, and without, any alert
	if conf.alerting {
		out, err := p.FieldOutput(fieldAlerts)
		if err != nil {
			return nil, fmt.Errorf("backpressure: %s: %w", fieldAlerts, err)
		}
		b.alerts = newCourier(out, res.Logger(), &b.metrics)
	}
	b.control = b.gate.Controller(conf.limits, conf.enabled, b)
	b.pulse = newHeartbeat()
	b.gate.WhenGone(func() { status.Forget(res, b.board) })
	b.gate.Claim()
	return b, nil
}

// run attaches to the gate and starts the heartbeat; it happens at the first
// call of the host, since a constructor must not have effects.
func (b *buffer) run() {
	b.start.Do(func() {
		b.logStart()
		b.board.SetBuffer(b.figures)
		b.board.Configure(b.conf.described())
		b.board.SetOperator(operator{buffer: b}, b.conf.admin)
		b.control.Attach()
		if b.alerts != nil {
			b.watch = newWatch(b)
			b.alerts.start()
		}
		b.pulse.start(b)
	})
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
	left, lost, open := b.shut()
	err := acknowledge(ctx, open, errClosed)
	b.control.Detach(left)
	b.pulse.stop()
	if b.watch != nil {
		b.watch.end(time.Now())
		b.alerts.close()
	}
	b.publish()
	b.metrics.heartbeat.Set(0)
	if s := b.board.TakeSummary(); s.Eventful() {
		b.logSummary(s)
	}
	b.logStopped(left, lost)
	return err
}

// shut closes the buffer and returns how many records were not settled, how many of
// them nobody can deliver again, and the sources to tell. Later calls find nothing.
func (b *buffer) shut() (left, lost int, open []*source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left, lost = b.level.Records+b.astray, b.astray
	b.astray = 0
	for src := b.sources.oldest; src != nil; src = b.sources.oldest { // shift takes it out
		if !src.abandoned {
			open = append(open, src)
		}
		lost += src.lose(src.held)
		src.abandoned, src.waiting = true, 0
		b.shift(src, minus(src.held))
	}
	b.closed, b.queues, b.sealed, b.retries = true, nil, queue{}, nil
	b.observe()
	signal(b.freed)
	signal(b.ready)
	return left, lost, open
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
