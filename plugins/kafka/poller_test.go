package kafka

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// source stands in for a polled client.
type source struct {
	polls   chan kgo.Fetches // what polls return
	allowed func()           // a rebalance that was waiting for AllowRebalance
}

func (s *source) PollRecords(ctx context.Context, _ int) kgo.Fetches {
	select {
	case f := <-s.polls:
		return f
	case <-ctx.Done():
		return kgo.NewErrFetch(ctx.Err())
	}
}

func (s *source) AllowRebalance() {
	if s.allowed != nil {
		s.allowed()
	}
}

func startPoller(t *testing.T, s *source, a *assignment) *poller {
	t.Helper()
	p := &poller{
		client: s, assignment: a, count: 10, link: &link{board: &status.Link{}}, losses: &lossBook{}, rests: newRests(a, &link{board: &status.Link{}}, nil),
		batches: make(chan *batch), done: make(chan struct{}),
	}
	ctx, stop := context.WithCancel(context.Background())
	go p.run(ctx)
	t.Cleanup(func() { stop(); <-p.done })
	return p
}

// The rebalance happens at the first moment at which it is allowed: what was
// polled before it belongs to the assignment before it.
func TestPolledRecordsBelongToTheAssignmentTheyWerePolledUnder(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	s := &source{polls: make(chan kgo.Fetches, 1)}
	s.allowed = func() {
		a.lose(l, one)
		a.assign(l, one)
	}
	p := startPoller(t, s, a)
	s.polls <- polled(1, 10, 11)
	messages, receipts := a.handOut(<-p.batches)
	require.Empty(t, messages)
	require.Empty(t, receipts)
}

func TestRebalancesWaitForThePoll(t *testing.T) {
	c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(1)))
	k := c.consume(c.topic(1), false, "")
	require.Equal(t, true, k.in.session.Load().client.OptValue(kgo.BlockRebalanceOnPoll))
}

// What is fetched already is not thrown away by polling it while it is paused.
func TestPausedPollerDoesNotPoll(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	a.pause()
	s := &source{polls: make(chan kgo.Fetches, 1)}
	p := startPoller(t, s, a)
	s.polls <- polled(1, 10)
	stays(t, "untouched", func() bool { return len(s.polls) == 1 })
	a.resume()
	require.Len(t, (<-p.batches).messages, 1)
}

func TestPollErrorsTakeTheLinkDownUntilRecordsCome(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	s := &source{polls: make(chan kgo.Fetches, 1)}
	p := startPoller(t, s, a)
	fault := errors.New("not authorised")
	s.polls <- kgo.NewErrFetch(fault)
	eventually(t, "the link is down", func() bool { return errors.Is(p.link.board.State().Err, fault) })
	s.polls <- polled(1, 10)
	<-p.batches
	require.True(t, p.link.board.State().Connected)
}
