package server

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// firstPause is how long a breaker stays open after a replica was lost.
	firstPause = time.Second
	// longestPause is where the doubling of that ends.
	longestPause = 30 * time.Second
)

// verdict is what a call says about the replica that it went to.
type verdict int

const (
	// undecided: the call was given up by its caller.
	undecided verdict = iota
	// alive: the replica answered, if only with an error that others would give too.
	alive
	// lost: the replica cannot be reached, or cannot do its work.
	lost
)

// breaker keeps calls away from a replica that was lost. It opens for a time
// that doubles for as long as the replica stays away; when it is over, one
// call at a time is let through, the probe, and closes it by succeeding. It is
// safe for concurrent use. Its zero value is closed.
type breaker struct {
	mu    sync.Mutex
	since time.Time // when the replica was lost; zero while the breaker is closed
	due   time.Time // when the next probe may go; zero while the breaker is closed
	pause time.Duration
	probe *probe // under way
}

// probe is a call through an open breaker, for others to wait for.
type probe struct {
	early bool // before it was due, for want of another replica
	done  chan struct{}
	err   error // to be read when done is closed
}

// enter admits a call if the breaker is closed, and as the probe if one is due.
// A call that was admitted has to leave.
func (b *breaker) enter(now time.Time) (p *probe, admitted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since.IsZero() {
		return nil, true
	}
	if b.probe != nil || now.Before(b.due) {
		return nil, false
	}
	return b.startProbe(false), true
}

// force admits a call in any case but for a probe under way, which it returns
// to be waited for.
func (b *breaker) force(now time.Time) (p, running *probe) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.since.IsZero():
		return nil, nil
	case b.probe != nil:
		return nil, b.probe
	}
	return b.startProbe(now.Before(b.due)), nil
}

func (b *breaker) startProbe(early bool) *probe {
	b.probe = &probe{early: early, done: make(chan struct{})}
	return b.probe
}

// edge is a change of a breaker's state, for the log.
type edge struct {
	opened, closed bool
	lasted         time.Duration // how long it was open
}

// leave ends a call that was admitted, with the probe that it got.
func (b *breaker) leave(p *probe, v verdict, err error, now time.Time) (e edge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case v == lost && b.since.IsZero():
		e.opened = true
		b.since = now
		b.open(firstPause, now)
	case v == lost && p != nil && !p.early: // an early one tells nothing of how long it lasts
		b.open(min(2*b.pause, longestPause), now)
	case v == alive && !b.since.IsZero():
		e = edge{closed: true, lasted: now.Sub(b.since)}
		b.since, b.due = time.Time{}, time.Time{}
	}
	if p != nil {
		p.err = err
		close(p.done)
		b.probe = nil
	}
	return e
}

// open keeps calls away for nearly as long as pause: replicas that were lost
// together are not all tried at the same time.
func (b *breaker) open(pause time.Duration, now time.Time) {
	b.pause = pause
	b.due = now.Add(pause - rand.N(pause/5)) //nolint:gosec // not a secret
}

// opened reports whether the replica is taken for lost.
func (b *breaker) opened() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.since.IsZero()
}

// probing reports whether a probe is under way.
func (b *breaker) probing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.probe != nil
}
