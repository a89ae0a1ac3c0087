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
	committer *committer
	metrics   metrics
}

// run polls. Whoever started it cancels ctx and then waits for done.
func (p *oncePoller) run(ctx context.Context) {
	defer close(p.done)
	for ctx.Err() == nil {
		if closed := p.gather(ctx); closed {
			return
		}
		for _, c := range p.advance(ctx) {
			p.count(c)
			p.pass(ctx, []chunk{c})
		}
	}
}

// advance forms and announces what is due, and returns the chunks to be passed on.
func (p *oncePoller) advance(ctx context.Context) []chunk {
	p.former.take(time.Now())
	p.committer.announce(ctx)
	return p.assignment.deliverable()
}

func (p *oncePoller) count(c chunk) {
	if c.announced {
		p.metrics.reformed.Incr(1)
	} else {
		p.metrics.announced.Incr(1)
	}
}

// gather waits for records or until something is due, and reports whether the
// client is closed. While the group takes no commits it polls nothing.
func (p *oncePoller) gather(ctx context.Context) (closed bool) {
	now := time.Now()
	wait := p.committer.wait(now)
	idle := wait > 0
	if !idle {
		wait = sooner(p.former.wait(now), p.assignment.nextTry(now))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if wait >= 0 {
		timer := time.AfterFunc(wait, cancel)
		defer timer.Stop()
	}
	if idle {
		<-ctx.Done()
		return false
	}
	if p.former.crowded {
		go p.endWhenFreed(ctx, cancel)
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

// endWhenFreed ends a poll when something is settled that others may wait for. One that
// is over leaves the word to the next: what it waits for may have been looked at before.
func (p *oncePoller) endWhenFreed(ctx context.Context, end context.CancelFunc) {
	select {
	case <-p.assignment.freed:
		if ctx.Err() != nil {
			signal(p.assignment.freed)
			return
		}
		end()
	case <-ctx.Done():
	}
}
