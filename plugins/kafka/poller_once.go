package kafka

import (
	"context"
	"time"
)

// oncePoller is the poller of exactly-once delivery: what it polls becomes chunks
// that are announced before they are passed on, each as a batch of its own.
type oncePoller struct {
	*poller
	former    *former
	announcer *announcer
}

// run polls. Whoever started it cancels ctx and then waits for done.
func (p *oncePoller) run(ctx context.Context) {
	defer close(p.done)
	for ctx.Err() == nil {
		if closed := p.gather(ctx); closed {
			return
		}
		chunks := p.former.take(time.Now())
		if len(chunks) == 0 {
			continue
		}
		for _, c := range p.announcer.announce(ctx, chunks) {
			p.pass(ctx, []chunk{c})
		}
	}
}

// gather waits for records or until a chunk is due, and reports whether the
// client is closed. While nothing more may be polled it waits for room.
func (p *oncePoller) gather(ctx context.Context) (closed bool) {
	if wait := p.former.wait(time.Now()); wait >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	if p.former.stuck() {
		select {
		case <-p.assignment.freed:
		case <-ctx.Done():
		}
		return false
	}
	if !p.awaitOpen(ctx) {
		return false
	}
	chunks, errs := p.poll(ctx)
	if len(chunks) > 0 {
		p.deliver(chunks)
		p.former.add(chunks, time.Now())
	}
	return p.report(errs)
}
