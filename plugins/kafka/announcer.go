package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Waits between attempts to announce: doubling, from one to the other.
const (
	announceInitial = 50 * time.Millisecond
	announceMax     = 2 * time.Second
)

// errNotOwned says that a commit would have been about partitions that others
// own by now.
var errNotOwned = errors.New("the partitions were given up meanwhile")

// commitFunc makes one commit of promises, unless check returns an error when all
// is ready to be sent.
type commitFunc func(ctx context.Context, said promises, check func() error) error

// announcer makes all commits of a member that delivers exactly once.
//
// A chunk is handed out only after a commit that says where it ends was
// acknowledged, and every later commit says so too until the chunk is settled. So
// whoever goes on after a crash forms the same chunks, and the output can tell
// that it has them already.
//
// mu is held from the choice of what a commit says to its answer: commits do not
// overtake one another, and a revocation, which makes the last one, waits for the
// one under way. A commit that was begun before a member lost its partitions must
// not be sent once it has joined again, when the broker would take it for one of
// the new member: it is checked right before it is sent, when the client has
// chosen the generation that it bears.
type announcer struct {
	send       commitFunc // of the poller and of progress; set before they start
	assignment *assignment
	link       *link
	metrics    metrics
	log        *service.Logger

	mu sync.Mutex
}

// announce returns those of the chunks that may be handed out: their ends are
// durable. It tries until that is so, and leaves out chunks whose partition is
// given up meanwhile; when ctx ends it returns none.
func (n *announcer) announce(ctx context.Context, chunks []chunk) []chunk {
	failed := 0
	for {
		err := n.commit(ctx, func() promises { return n.assignment.promise(chunks) })
		chunks = n.assignment.kept(chunks)
		if err == nil || ctx.Err() != nil || len(chunks) == 0 {
			break
		}
		failed++
		n.report(err, failed)
		rest := time.NewTimer(min(announceMax, announceInitial<<min(failed-1, 16)))
		select {
		case <-rest.C:
		case <-ctx.Done():
		}
		rest.Stop()
	}
	if ctx.Err() != nil {
		return nil
	}
	if failed > 0 {
		n.link.up()
	}
	n.count(chunks)
	return chunks
}

func (n *announcer) count(chunks []chunk) {
	for _, c := range chunks {
		if c.announced {
			n.metrics.reformed.Incr(1)
		} else {
			n.metrics.announced.Incr(1)
		}
	}
}

// report tells of a commit that failed, unless it did so because the group
// rebalances.
func (n *announcer) report(err error, times int) {
	if times == 1 && rebalancing(err) {
		return
	}
	n.link.down(fmt.Errorf("announcing the chunks of exactly_once: %w", err))
}

// rebalancing reports whether an error means that the group has moved on, which
// the client notices by itself.
func rebalancing(err error) bool {
	for _, e := range []error{kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.StaleMemberEpoch, errNotOwned} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// progress commits what was settled since the last commit.
func (n *announcer) progress(ctx context.Context) error {
	return n.commit(ctx, n.assignment.unsaid)
}

// farewell commits what is known of partitions that are given up, before others
// own them.
func (n *announcer) farewell(ctx context.Context, send commitFunc, parts []*partition) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	anyway := func() error { return nil }
	return n.transmit(ctx, send, n.assignment.lastWords(parts), anyway)
}

// commit makes one commit of what say returns, if that is anything and the
// partitions are not given up by the time that it can be sent.
func (n *announcer) commit(ctx context.Context, say func() promises) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	said := say()
	return n.transmit(ctx, n.send, said, func() error {
		if !n.assignment.ownsAll(said) {
			return errNotOwned
		}
		return nil
	})
}

func (n *announcer) transmit(ctx context.Context, send commitFunc, said promises, check func() error) error {
	if len(said) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	err := send(ctx, said, check)
	if err != nil {
		n.assignment.unsay(said)
	}
	return err
}

// commitBy commits by a client that is a member of the group.
func commitBy(client *kgo.Client) commitFunc {
	return func(ctx context.Context, said promises, check func() error) (err error) {
		ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
			said.annotate(req)
			return check()
		})
		client.CommitOffsetsSync(ctx, said.offsets(), func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failure error) {
			if err = failure; err == nil {
				err = errorIn(resp)
			}
		})
		return err
	}
}

func errorIn(resp *kmsg.OffsetCommitResponse) error {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

// promises are what one commit says of each partition.
type promises map[*partition]promise

func (ps promises) offsets() map[string]map[int32]kgo.EpochOffset {
	m := map[string]map[int32]kgo.EpochOffset{}
	for part, p := range ps {
		if m[part.topic] == nil {
			m[part.topic] = map[int32]kgo.EpochOffset{}
		}
		m[part.topic][part.partition] = p.base
	}
	return m
}

// annotate sets the metadata of a request for these promises. Topics have their
// names in it, whatever the broker is sent.
func (ps promises) annotate(req *kmsg.OffsetCommitRequest) {
	texts := map[topicPartition]string{}
	for part, p := range ps {
		texts[part.topicPartition] = p.metadata()
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			text := texts[topicPartition{t.Topic, t.Partitions[j].Partition}]
			t.Partitions[j].Metadata = &text
		}
	}
}
