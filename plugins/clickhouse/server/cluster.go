package server

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// Watcher is told of a cluster's replicas. Its functions may be nil, and may be
// called from several goroutines.
type Watcher struct {
	// Lost is called when a replica was lost.
	Lost func(address string, err error)
	// Back is called when it has answered again, after so long.
	Back func(address string, after time.Duration)
}

// Cluster is the replicas of one shard and the choice among them. It is safe
// for concurrent use, and makes no connection before it is used.
type Cluster struct {
	members []*member
	balance string
	turn    atomic.Uint64 // of RoundRobin
	tries   atomic.Uint64 // so far
	watcher Watcher
}

// member is a replica with what the choice needs to know of it.
type member struct {
	*Replica
	breaker breaker
	lastTry atomic.Uint64 // by the cluster's count
}

// NewCluster makes the cluster of the replicas at those addresses, each
// host:port.
func NewCluster(cfg *Config, addresses []string, w Watcher) *Cluster {
	c := &Cluster{balance: cfg.Balance, watcher: w}
	for _, address := range addresses {
		c.members = append(c.members, &member{Replica: newReplica(cfg, address)})
	}
	return c
}

// Call is something that is done with a server.
type Call func(ctx context.Context, s Server) error

// Replicas are the cluster's servers, in the order of their addresses.
func (c *Cluster) Replicas() []Server {
	all := make([]Server, len(c.members))
	for i, m := range c.members {
		all[i] = m.Replica
	}
	return all
}

// Up reports by address whether a replica is taken for alive.
func (c *Cluster) Up() map[string]bool {
	up := make(map[string]bool, len(c.members))
	for _, m := range c.members {
		up[m.address] = !m.breaker.opened()
	}
	return up
}

// Connect returns nil when a replica answers. They are asked in the order of
// their choice, whatever their breakers say; the error holds each one's reason.
func (c *Cluster) Connect(ctx context.Context) error {
	var errs []error
	for _, m := range c.order() {
		err := c.try(ctx, m, nil, func(ctx context.Context, s Server) error { return s.Ping(ctx) })
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !NeverSent(err) {
			err = &DialError{Address: m.address, Err: err}
		}
		errs = append(errs, err)
	}
	return refused(errs)
}

// Do runs f with a replica. When no connection to it can be had, nothing was
// sent, and the next one is taken at once. Any other error is returned: if it
// is the replica's fault, the call that repeats f finds its breaker open. With
// all breakers open, the replica that was not tried for longest is.
func (c *Cluster) Do(ctx context.Context, f Call) error {
	var errs []error
	var left []*member
	for _, m := range c.order() {
		p, admitted := m.breaker.enter(time.Now())
		if !admitted {
			left = append(left, m)
			continue
		}
		err := c.try(ctx, m, p, f)
		if !NeverSent(err) || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	if len(left) == 0 {
		return refused(errs)
	}
	err := c.force(ctx, left, f)
	if !NeverSent(err) {
		return err
	}
	return refused(append(errs, err))
}

// force tries one of the replicas, whose breakers are open. A probe that is
// under way there is a try as well: its failure to connect is shared.
func (c *Cluster) force(ctx context.Context, members []*member, f Call) error {
	for {
		m := longestAgo(members)
		p, running := m.breaker.force(time.Now())
		if running == nil {
			return c.try(ctx, m, p, f)
		}
		select {
		case <-running.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if NeverSent(running.err) {
			return running.err
		}
	}
}

// longestAgo is the replica whose last try is the longest ago, so that one
// which is back is soon found; those that are being tried come last.
func longestAgo(members []*member) *member {
	return slices.MinFunc(members, func(a, b *member) int {
		if probing := a.breaker.probing(); probing != b.breaker.probing() {
			if probing {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.lastTry.Load(), b.lastTry.Load())
	})
}

// try runs f with a replica that admitted it, and tells its breaker. A panic of
// f is an error of the call.
func (c *Cluster) try(ctx context.Context, m *member, p *probe, f Call) error {
	m.lastTry.Store(c.tries.Add(1))
	err := sheltered(func() error { return f(ctx, m.Replica) })
	switch e := m.breaker.leave(p, judge(ctx, err), err, time.Now()); {
	case e.opened && c.watcher.Lost != nil:
		c.watcher.Lost(m.address, err)
	case e.closed && c.watcher.Back != nil:
		c.watcher.Back(m.address, e.lasted)
	}
	return err
}

// localFaults are the server's codes for troubles that another replica need
// not have.
var localFaults = []int{
	225, // NO_ZOOKEEPER
	236, // ABORTED: the server is shutting down
	242, // TABLE_IS_READ_ONLY: it has lost its Keeper
	243, // NOT_ENOUGH_SPACE
	319, // UNKNOWN_STATUS_OF_INSERT: it has lost its Keeper
	999, // KEEPER_EXCEPTION
}

// judge says what the outcome of a call tells about its replica.
func judge(ctx context.Context, err error) verdict {
	if err == nil {
		return alive
	}
	var panicked *PanicError
	code, answered := Code(err)
	switch {
	case givenUp(ctx, err), errors.As(err, &panicked):
		return undecided // given up by the caller, or a fault of ours
	case NeverSent(err), slices.Contains(localFaults, code):
		return lost
	case answered:
		return alive
	case Classify(err) != UnknownOutcome:
		return undecided // an error of ours
	}
	return lost
}

// order lists the replicas as the configuration wants them tried.
func (c *Cluster) order() []*member {
	n := len(c.members)
	switch c.balance {
	case RoundRobin:
		first := int((c.turn.Add(1) - 1) % uint64(n)) //nolint:gosec // less than n
		return slices.Concat(c.members[first:], c.members[:first])
	case Random:
		ordered := make([]*member, n)
		for i, j := range rand.Perm(n) { //nolint:gosec // not a secret
			ordered[i] = c.members[j]
		}
		return ordered
	}
	return c.members
}

// Close ends the connections of every replica. Inserts that run end with an
// error.
func (c *Cluster) Close() error {
	var errs []error
	for _, m := range c.members {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}
