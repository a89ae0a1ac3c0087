package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// cluster is the replicas of one shard and the choice among them. It is safe
// for concurrent use, and makes no connection before it is used.
type cluster struct {
	replicas []*replica
	balance  string
	turn     atomic.Uint64 // of round_robin
	tries    atomic.Uint64 // so far
	log      *service.Logger
	redact   func(error) error
	metrics  *metrics
}

// newClusters makes one cluster for each shard.
func newClusters(cfg *config, log *service.Logger, m *metrics) []*cluster {
	clusters := make([]*cluster, len(cfg.shards))
	for i, addresses := range cfg.shards {
		c := &cluster{balance: cfg.loadBalancing, log: log, redact: cfg.redact, metrics: m}
		for _, address := range addresses {
			c.replicas = append(c.replicas, &replica{address: address, cfg: cfg})
		}
		clusters[i] = c
	}
	return clusters
}

// call is something that is done with a replica.
type call func(ctx context.Context, r *replica) error

// refusals are the errors of several replicas, none of which took a call.
type refusals []error

func (r refusals) Error() string {
	texts := make([]string, len(r))
	for i, err := range r {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (r refusals) Unwrap() []error { return r }

func refused(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return refusals(errs)
}

// connect returns nil when a replica answers. They are asked in the order of
// their choice, whatever their breakers say; the error holds each one's reason.
func (c *cluster) connect(ctx context.Context) error {
	var errs []error
	for _, r := range c.order() {
		err := c.try(ctx, r, nil, func(ctx context.Context, r *replica) error { return r.ping(ctx) })
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !neverSent(err) {
			err = &dialError{address: r.address, err: err}
		}
		errs = append(errs, err)
	}
	return refused(errs)
}

// do runs f with a replica. When no connection to it can be had, nothing was
// sent, and the next one is taken at once. Any other error is returned: if it
// is the replica's fault, the call that repeats f finds its breaker open. With
// all breakers open, the replica that was not tried for longest is.
func (c *cluster) do(ctx context.Context, f call) error {
	var errs []error
	var left []*replica
	for _, r := range c.order() {
		p, admitted := r.breaker.enter(time.Now())
		if !admitted {
			left = append(left, r)
			continue
		}
		err := c.try(ctx, r, p, f)
		if !neverSent(err) || ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	if len(left) == 0 {
		return refused(errs)
	}
	err := c.force(ctx, left, f)
	if !neverSent(err) {
		return err
	}
	return refused(append(errs, err))
}

// force tries one of the replicas, whose breakers are open. A probe that is
// under way there is a try as well: its failure to connect is shared.
func (c *cluster) force(ctx context.Context, replicas []*replica, f call) error {
	for {
		r := longestAgo(replicas)
		p, running := r.breaker.force(time.Now())
		if running == nil {
			return c.try(ctx, r, p, f)
		}
		select {
		case <-running.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if neverSent(running.err) {
			return running.err
		}
	}
}

// longestAgo is the replica whose last try is the longest ago, so that one
// which is back is soon found; those that are being tried come last.
func longestAgo(replicas []*replica) *replica {
	return slices.MinFunc(replicas, func(a, b *replica) int {
		if probing := a.breaker.probing(); probing != b.breaker.probing() {
			if probing {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.lastTry.Load(), b.lastTry.Load())
	})
}

// try runs f with a replica that admitted it, and tells its breaker.
func (c *cluster) try(ctx context.Context, r *replica, p *probe, f call) error {
	r.lastTry.Store(c.tries.Add(1))
	err := f(ctx, r)
	switch e := r.breaker.leave(p, judge(ctx, err), err, time.Now()); {
	case e.opened:
		c.metrics.replica.Set(0, r.address)
		c.log.With("server", r.address).Warnf("ClickHouse on %s is lost: %v", r.address, c.redact(err))
	case e.closed:
		c.metrics.replica.Set(1, r.address)
		c.log.With("server", r.address, "duration", e.lasted.Round(time.Millisecond).String()).
			Infof("ClickHouse on %s is back after %s", r.address, e.lasted.Round(time.Millisecond))
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
	code, answered := serverCode(err)
	switch {
	case ctx.Err() != nil || errors.Is(err, clickhouse.ErrConnectionClosed):
		return undecided // given up by the caller
	case neverSent(err), slices.Contains(localFaults, code):
		return lost
	case answered:
		return alive
	case classify(err) != unknownOutcome:
		return undecided // an error of ours
	}
	return lost
}

// order lists the replicas as load_balancing wants them tried.
func (c *cluster) order() []*replica {
	n := len(c.replicas)
	switch c.balance {
	case balanceRoundRobin:
		first := int((c.turn.Add(1) - 1) % uint64(n)) //nolint:gosec // less than n
		return slices.Concat(c.replicas[first:], c.replicas[:first])
	case balanceRandom:
		ordered := make([]*replica, n)
		for i, j := range rand.Perm(n) { //nolint:gosec // not a secret
			ordered[i] = c.replicas[j]
		}
		return ordered
	}
	return c.replicas
}

// close ends the connections of every replica.
func (c *cluster) close() error {
	var errs []error
	for _, r := range c.replicas {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}
