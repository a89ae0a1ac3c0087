package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// Waits between attempts to announce while the group takes no commits: doubling, from
// one to the other.
const (
	announceInitial = 50 * time.Millisecond
	announceMax     = 2 * time.Second
)

// refusalsEvery is how often refused commits are logged at most.
const refusalsEvery = time.Minute

// Why a partition got no answer.
var (
	errNotOwned = errors.New("the partitions were given up meanwhile")
	errNoAnswer = errors.New("the broker's answer leaves the partition out")
)

// committer makes all commits of a member that delivers exactly once: it sends what the
// intents of partitions say, and tells each of them what became of it.
//
// One request commits many partitions, but each is judged by itself: one that the
// brokers refuse rests. Where they take nothing of a request, and it is not known for
// which partition's sake, each of them is committed apart until it is taken. Only what
// concerns the group, or the connection to it, keeps all from going on.
//
// A commit has the turn from the choice of what it says to its answer: commits do not
// overtake one another, and a revocation, which makes the last one, waits for the
// one under way, for no longer than its context allows. A commit that was begun before a member lost its partitions must
// not be sent once it has joined again, when the broker would take it for one of
// the new member: such partitions are left out right before it is sent, when the client
// has chosen the generation that it bears.
type committer struct {
	send       commitFunc // of the poller and of progress; set before they start
	assignment *assignment
	link       *link
	log        *service.Logger

	turn     turnstile
	refusals status.Repeats

	// Of announce alone.
	failures int // in a row, that concern all
	retry    time.Time
}

// turnstile lets one through at a time, and whoever waits gives up with its context. Its
// zero value is free.
type turnstile struct {
	once  sync.Once
	taken chan struct{} // capacity 1
}

func (t *turnstile) enter(ctx context.Context) error {
	t.once.Do(func() { t.taken = make(chan struct{}, 1) })
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turnstile) leave() { <-t.taken }

// announce makes one attempt to make chunks durable that wait for it. When that fails
// for all, announce is to be called again after rest.
func (c *committer) announce(ctx context.Context) {
	err := c.commit(ctx, c.send, func() []*partition {
		now := time.Now()
		return c.assignment.intending(func(i *intent) bool { return i.announcing() && i.sayable(now) })
	})
	switch {
	case ctx.Err() != nil:
	case err == nil && c.failures > 0:
		c.failures = 0
		c.link.up()
	case err != nil:
		c.failures++
		c.retry = time.Now().Add(min(announceMax, announceInitial<<min(c.failures-1, 16)))
		if c.failures > 1 || !rebalancing(err) {
			c.link.down(fmt.Errorf("announcing the chunks of exactly_once: %w", err))
		}
	}
}

// wait is how long until announce may be called again, zero or less while it may.
func (c *committer) wait(now time.Time) time.Duration {
	if c.failures == 0 {
		return 0
	}
	return c.retry.Sub(now)
}

// progress commits what was settled since the last commit, of partitions that announce
// nothing.
func (c *committer) progress(ctx context.Context) error {
	return c.commit(ctx, c.send, func() []*partition {
		now := time.Now()
		return c.assignment.intending(func(i *intent) bool { return !i.announcing() && i.sayable(now) })
	})
}

// begin commits where partitions start that were just assigned, before anything of them is
// fetched, by the client that they were assigned to. It returns what concerns all of them.
func (c *committer) begin(ctx context.Context, send commitFunc, parts []*partition) error {
	return c.commit(ctx, send, func() []*partition {
		now := time.Now()
		return slices.DeleteFunc(slices.Clone(parts), func(p *partition) bool { return !p.intent.sayable(now) })
	})
}

// farewell commits what is known of partitions that are given up, before others
// own them. It returns what concerns all of them.
func (c *committer) farewell(ctx context.Context, send commitFunc, parts []*partition) error {
	anyway := func(ctx context.Context, said announcements, _ func(*partition) bool) (map[*partition]error, error) {
		return send(ctx, said, func(*partition) bool { return true })
	}
	return c.commit(ctx, anyway, func() []*partition {
		return slices.DeleteFunc(slices.Clone(parts), func(p *partition) bool { return !p.intent.unsettled() })
	})
}

// commit commits what the intents of the chosen partitions say. It returns an error that
// concerns all.
func (c *committer) commit(ctx context.Context, send commitFunc, choose func() []*partition) error {
	if err := c.turn.enter(ctx); err != nil {
		return err
	}
	defer c.turn.leave()
	for requests := companies(choose()); len(requests) > 0; {
		apart, err := c.transmit(ctx, send, requests[0])
		if err != nil {
			return err
		}
		requests = append(requests[1:], apart...)
	}
	return nil
}

// companies sorts partitions into those that one request commits together.
func companies(parts []*partition) (requests [][]*partition) {
	var together []*partition
	for _, p := range parts {
		if p.intent.apart() {
			requests = append(requests, []*partition{p})
		} else {
			together = append(together, p)
		}
	}
	if len(together) > 0 {
		requests = append([][]*partition{together}, requests...)
	}
	return requests
}

// transmit sends one request and judges the answer. It returns the partitions that are
// to be tried apart.
func (c *committer) transmit(ctx context.Context, send commitFunc, parts []*partition) (apart [][]*partition, err error) {
	said := make(announcements, len(parts))
	for _, p := range parts {
		said[p] = p.intent.say()
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	answers, failure := send(ctx, said, c.assignment.mayCommit)
	whole := len(parts) > 1 && refusedAsAWhole(answers)
	err = failure
	for _, p := range parts {
		answer, answered := answers[p]
		switch {
		case failure != nil:
			p.intent.unanswered(time.Now())
		case !answered:
			p.intent.unanswered(time.Now())
			if c.assignment.mayCommit(p) {
				err = errNoAnswer
			}
		case whole && !ofPartition(answer):
			p.intent.part()
			apart = append(apart, []*partition{p})
		case ofGroup(answer):
			p.intent.unanswered(time.Now())
			err = answer
		default:
			c.judge(p, answer)
		}
	}
	return apart, err
}

// judge tells a partition what the brokers answered for it alone.
func (c *committer) judge(p *partition, refusal error) {
	if refusal != nil {
		p.intent.refuse(refusal, time.Now())
		c.hold(p, refusal)
	} else if cured := p.intent.taken(); cured {
		c.assignment.wake(p.topicPartition, idleCommit)
		c.link.accept(p.topicPartition)
		c.log.With("topic", p.topic, "partition", p.partition).Info("The group's commit of a Kafka partition is taken again")
	}
}

// hold keeps a partition from being fetched while its commits are refused, and says so.
// One that is given up is the matter of others, who clear what was said of it before.
func (c *committer) hold(p *partition, refusal error) {
	if repeats, tell := c.refusals.Tell(refusalsEvery); tell {
		c.log.With("topic", p.topic, "partition", p.partition, "cause", refusal, "repeats", repeats).
			Warn("The group's commit of a Kafka partition is refused: nothing more of it is delivered until it is taken; the others go on")
	}
	if !c.assignment.hold(p) {
		return
	}
	c.link.refuse(p.topicPartition, fmt.Errorf("announcing the chunks of exactly_once: partition %d of topic %q: %w", p.partition, p.topic, refusal))
	if !c.assignment.mayCommit(p) {
		c.link.giveUp(p.alone())
	}
}

// refusedAsAWhole reports whether nothing of a request was taken, for the sake of some
// partition and not of the group.
func refusedAsAWhole(answers map[*partition]error) bool {
	for _, err := range answers {
		if err == nil || ofGroup(err) {
			return false
		}
	}
	return true
}

// ofPartition reports whether an error can only be meant for the partition that it was
// answered for.
func ofPartition(err error) bool {
	return isAny(err, kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.OffsetMetadataTooLarge)
}

// ofGroup reports whether an error concerns the member or its group, for whichever
// partition it was answered.
func ofGroup(err error) bool {
	return rebalancing(err) || isAny(err, kerr.FencedInstanceID, kerr.FencedMemberEpoch, kerr.GroupAuthorizationFailed, kerr.InvalidGroupID,
		kerr.GroupIDNotFound, kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress)
}

// rebalancing reports whether an error means that the group has moved on, which
// the client notices by itself.
func rebalancing(err error) bool {
	return isAny(err, kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.StaleMemberEpoch, errNotOwned)
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
