package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const (
	// revokeGrace bounds how long a revocation waits for acknowledgements.
	revokeGrace = 5 * time.Second
	// commitTimeout bounds a commit that somebody waits for.
	commitTimeout = 5 * time.Second
	// lostTimeout bounds one that the brokers may not take any more, which joining again
	// waits for.
	lostTimeout = 2 * time.Second
	// lastCommitRest is between attempts to commit while a group forms anew.
	lastCommitRest = 50 * time.Millisecond
	// leaveTimeout bounds the farewell to the group.
	leaveTimeout = 5 * time.Second
	// withdrawTimeout bounds it for a member that was not let in yet.
	withdrawTimeout = time.Second
	// closeTimeout bounds how long the client may take to close.
	closeTimeout = time.Second
	// staticLeaveEpoch is the member epoch of a static member that leaves and
	// will come back.
	staticLeaveEpoch = -2
)

// session is one connection, from Connect to Close.
type session struct {
	conf       *config
	client     *kgo.Client
	assignment *assignment
	poller     *poller
	committer  *committer // nil unless exactly_once
	lag        *lagMeter
	link       *link
	losses     *lossBook
	rests      *rests
	ids        *topicIDs // of the input
	left       leftovers
	stats      *status.Input
	pausing    *status.Pausing
	metrics    metrics
	log        *service.Logger
	member     *gate.Member // set once, by who joins the session to the gate
	consumer   *kgo.Client  // the client, as its callbacks have it: there may be one before openSession has

	workers        sync.WaitGroup  // beside poller and lag
	running        context.Context // ends when the session closes
	stop           context.CancelFunc
	life           context.Context // of the client
	kill           context.CancelFunc
	grace          time.Duration
	drained        chan struct{} // closed by Drain
	drainOnce      sync.Once
	renewed        chan struct{} // closed by renew
	renewOnce      sync.Once
	shared         atomic.Pointer[status.Share] // what was last said
	commitFailures status.Repeats
	nackOnce       sync.Once
}

var _ gate.Input = (*session)(nil)

// openSession starts a client that joins the group or takes the partitions that
// the config names, and what works for it. The caller closes the session.
func openSession(c *config, ids *topicIDs, stats *status.Input, m metrics, log *service.Logger) (*session, error) {
	opts, err := c.connectionOptions()
	if err != nil {
		return nil, err
	}
	s := &session{
		conf:       c,
		assignment: newAssignment(templates(stats.Mark(context.Background()), c.metadata)),
		link:       &link{board: &stats.Link, log: log},
		losses:     &lossBook{stats: stats, log: log},
		stats:      stats,
		pausing:    stats.Pausing(),
		metrics:    m,
		log:        log,
		grace:      min(revokeGrace, c.rebalanceTimeout/2),
		drained:    make(chan struct{}),
	}
	s.ids, s.renewed = ids, make(chan struct{})
	s.rests = newRests(s.assignment, s.link, s.tryFetches)
	if c.exactlyOnce { // before there is a client, whose callbacks look for it
		s.assignment.once = true
		s.committer = &committer{assignment: s.assignment, link: s.link, log: log}
	}
	s.running, s.stop = context.WithCancel(context.Background())
	s.life, s.kill = context.WithCancel(context.Background())
	s.share(status.GroupJoining)
	inflated := c.newInflation()
	starts := s.fromTheStart(c.partitions.offsets(c.start()))
	opts = append(append(opts, kgo.WithContext(s.life)), c.consumerOptions(starts, inflated)...)
	s.client, err = kgo.NewClient(append(opts, s.options(c)...)...)
	if err != nil {
		s.stop()
		s.kill()
		return nil, fmt.Errorf("configuring the Kafka client: %w", err)
	}
	inflated.resizes(s.client.UpdateFetchMaxBytes)
	if c.partitions != nil {
		s.assignment.assign(s.client, c.partitions.byTopic())
		s.assignment.startAt(starts, c.start())
		s.share("")
	}
	s.lag = newLagMeter(s)
	go s.lag.run(s.running)
	s.workers.Go(func() { s.rests.run(s.running) })
	s.startPoller(c)
	return s, nil
}

func (s *session) options(c *config) []kgo.Opt {
	if c.partitions != nil {
		return []kgo.Opt{kgo.WithHooks(s.link)}
	}
	opts := []kgo.Opt{
		kgo.OnPartitionsAssigned(s.onAssigned),
		kgo.OnOffsetsFetched(s.onFetched),
		kgo.AdjustFetchOffsetsFn(s.onOffsets(c.start())),
		kgo.OnPartitionsRevoked(s.onRevoked),
		kgo.OnPartitionsLost(s.onLost),
		kgo.WithHooks(s.link),
	}
	if c.exactlyOnce {
		return opts
	}
	return append(opts, kgo.AutoCommitCallback(s.onCommitted))
}

func (s *session) startPoller(c *config) {
	s.poller = &poller{
		client:     s.client,
		assignment: s.assignment,
		count:      c.batchCount,
		perMessage: c.perMessage,
		decorate:   decoratorOf(c.recordMetadata),
		link:       s.link,
		losses:     s.losses,
		rests:      s.rests,
		batches:    make(chan *batch),
		done:       make(chan struct{}),
	}
	if c.exactlyOnce {
		s.startOnce(c)
		return
	}
	if c.partitions == nil {
		s.poller.place = func(starts announcements) { s.place(s.running, s.client, starts) }
	}
	go s.poller.run(s.running)
}

// Pause implements gate.Input.
func (s *session) Pause() {
	n := s.assignment.pause()
	s.pausing.Set(true)
	s.log.With("partitions", n).Info("⏸️  Kafka subscriber paused")
}

// Resume implements gate.Input.
func (s *session) Resume() {
	n := s.assignment.resume()
	s.pausing.Set(false)
	s.log.With("partitions", n).Info("▶️  Kafka subscriber resumed")
}

// Drain implements gate.Input. What was polled and not handed out is left to
// the next member of the group.
func (s *session) Drain() { s.drainOnce.Do(func() { close(s.drained) }) }

func (s *session) onAssigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	s.assignment.assign(cl, added)
	s.share(status.GroupMember)
	s.link.up()
}

// onOffsets learns where partitions start that were assigned.
func (s *session) onOffsets(start kgo.Offset) func(context.Context, map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	return func(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
		offsets = s.fromTheStart(offsets)
		unplaced := s.fromTheEnd(ctx, offsets)
		s.resume(ctx, offsets)
		s.assignment.startAt(offsets, start)
		s.assignment.expect(offsets, start)
		s.assignment.unplace(unplaced)
		return offsets, nil
	}
}

// fromTheStart sets the start of partitions whose topic was made anew.
func (s *session) fromTheStart(offsets map[string]map[int32]kgo.Offset) map[string]map[int32]kgo.Offset {
	for topic, partitions := range offsets {
		for n, o := range partitions {
			committed := s.conf.group != "" && o != s.conf.start() && o.EpochOffset().Offset >= 0
			if tp := (topicPartition{topic, n}); s.ids.first(tp, committed) {
				partitions[n] = kgo.NewOffset().AtStart()
				s.disregard(tp)
			}
		}
	}
	return offsets
}

// disregard forgets what a commit announces, which is of a topic that is gone.
func (s *session) disregard(tp topicPartition) {
	if s.committer != nil {
		s.assignment.restore(tp, noAnnouncement())
		s.link.accept(tp)
	}
}

// renew ends the session because topics were made anew, which the client would never
// read: the host opens another one.
func (s *session) renew(anew []string) {
	s.renewOnce.Do(func() {
		s.log.With("made_anew", anew).Warn("Kafka topics were deleted and made anew: reading them from their start")
		s.losses.enter(s.assignment.gone(anew))
		close(s.renewed)
	})
}

// reopen ends the session because the client has given up to find out where a partition
// starts, and would not ask again before the next rebalance: the host opens another one.
func (s *session) reopen(tp topicPartition) {
	s.renewOnce.Do(func() {
		s.log.With("topic", tp.topic, "partition", tp.partition).
			Info("The offsets of a Kafka partition can be read again: joining the group anew, since it is not read otherwise")
		close(s.renewed)
	})
}

// letGo gives what is in flight some time to be acknowledged when a session ends
// that another one follows.
func (s *session) letGo() {
	select {
	case <-s.renewed:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.grace)
	defer cancel()
	s.assignment.awaitAnswers(ctx, s.assignment.stopHandingOut(s.assignment.all()))
}

// onRevoked is also called with nothing, at the end of a group session.
func (s *session) onRevoked(_ context.Context, cl *kgo.Client, gone map[string][]int32) {
	s.share(status.GroupRebalancing)
	if len(gone) == 0 {
		return
	}
	grace, cancel := context.WithTimeout(s.running, s.grace)
	defer cancel()
	parts := s.assignment.revoke(grace, cl, gone)
	s.giveUp(gone)
	s.share(status.GroupRebalancing)
	s.commit(cl, parts)
}

// onLost is called when the client takes itself to be no member any more, for which it is
// enough that the connection of a heartbeat broke. The brokers may think otherwise: they
// take a commit while nobody else was given the partitions, and refuse it after that. So
// what is in flight gets a moment here too. Where they are out of reach, what was settled
// is kept until they are not.
func (s *session) onLost(_ context.Context, cl *kgo.Client, gone map[string][]int32) {
	parts := s.assignment.stopHandingOut(gone)
	grace, cancel := context.WithTimeout(s.running, min(s.grace, lostTimeout))
	defer cancel()
	s.assignment.awaitAnswers(grace, parts)
	if err := s.tryCommit(cl, parts, lostTimeout); err != nil {
		s.log.With("cause", err).Debug("committing what was settled of partitions that were lost")
		if s.committer == nil { // else the chunks are formed again, and recognised
			s.left.keep(s.assignment.settled(parts), cl.CommittedOffsets())
		}
	}
	s.assignment.lose(cl, gone)
	s.giveUp(gone)
	s.share(status.GroupJoining)
}

// share says how much this member has, and how it stands with its group.
func (s *session) share(group string) {
	if s.running.Err() != nil {
		return // it is closing: who takes its place may have said more
	}
	s.shared.Store(s.stats.SetShare(group, s.assignment.count()))
}

func (s *session) giveUp(gone map[string][]int32) {
	s.link.giveUp(gone)
	s.rests.giveUp(gone)
}

// commit writes what is marked, or what is known of the partitions that are
// given up. It has a deadline of its own: whatever asked for it may be over
// already.
func (s *session) commit(cl *kgo.Client, gone []*partition) {
	if err := s.tryCommit(cl, gone, commitTimeout); err != nil {
		s.warnCommit(err)
	}
}

// commitLast commits while the group forms anew. The brokers take that, but for the moment
// between hearing of all members and telling them their shares: it is awaited.
func (s *session) commitLast(parts []*partition) {
	err := s.tryCommit(s.client, parts, commitTimeout)
	for end := time.Now().Add(lostTimeout); errors.Is(err, kerr.RebalanceInProgress) && time.Now().Before(end); {
		time.Sleep(lastCommitRest)
		err = s.tryCommit(s.client, parts, commitTimeout)
	}
	if err != nil {
		s.warnCommit(err)
	}
}

// place commits where partitions start, and reports whether that is done. When it fails
// they are read all the same: what is settled is committed later.
func (s *session) place(ctx context.Context, cl *kgo.Client, starts announcements) bool {
	ctx, cancel := context.WithTimeout(ctx, lostTimeout)
	defer cancel()
	answers, err := commitBy(cl)(ctx, starts, s.assignment.mayCommit)
	for _, refusal := range answers {
		err = cmp.Or(err, refusal)
	}
	if err != nil && s.running.Err() == nil {
		s.warnCommit(fmt.Errorf("saying where partitions start: %w", err))
	}
	return err == nil
}

func (s *session) tryCommit(cl *kgo.Client, gone []*partition, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.committer != nil {
		return s.committer.farewell(ctx, commitBy(cl), gone)
	}
	return cl.CommitMarkedOffsets(ctx)
}

func (s *session) onCommitted(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.warnCommit(err)
	}
}

// next waits for a batch and hands it out.
func (s *session) next(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.running.Done():
			return nil, nil, service.ErrNotConnected
		case <-s.renewed:
			return nil, nil, service.ErrNotConnected // the host connects again
		case <-s.drained:
			return nil, nil, service.ErrEndOfInput
		case b := <-s.poller.batches:
			if ctx.Err() != nil {
				break // the host would drop it
			}
			turn, err := s.awaitTurn(ctx, b)
			if err != nil {
				return nil, nil, err
			}
			messages, receipts := s.assignment.handOut(b)
			if len(messages) == 0 {
				turn.Leave()
				break // all of its partitions are gone
			}
			s.countReceived(receipts)
			return messages, turn.HandOver(messages, s.ackFunc(receipts)), nil
		}
	}
	return nil, nil, ctx.Err()
}

func (s *session) countReceived(receipts []receipt) {
	n := int64(0)
	for _, r := range receipts {
		n += int64(r.records)
	}
	s.stats.Received.Add(n)
	s.stats.PublishSometimes()
}

// ackFunc settles the spans of one batch, once. It does no I/O, so that it
// works under a context that has ended.
func (s *session) ackFunc(receipts []receipt) service.AckFunc {
	var once sync.Once
	return func(_ context.Context, err error) error {
		once.Do(func() {
			s.assignment.settle(receipts, err == nil)
			if err != nil {
				s.warnNack(err)
			}
		})
		return nil
	}
}

// close leaves the group, which revokes all partitions and so commits what is
// settled, and waits for everything that the session started. It takes seconds
// at most, even if no broker answers, and does not wait for a group that forms.
func (s *session) close() {
	s.letGo()
	s.stop()
	<-s.poller.done
	<-s.lag.done
	s.workers.Wait()
	s.link.close()
	switch group := s.shared.Load().Group; {
	case s.conf.protocol == protocolConsumer: // where nobody waits for others to join
		s.leave()
		s.closeClient()
	case group == status.GroupJoining:
		s.withdraw()
	case group == status.GroupRebalancing: // it may wait for others again
		s.commitLast(s.assignment.stopHandingOut(s.assignment.all()))
		s.withdraw()
	default:
		s.leave()
		s.closeClient()
	}
	s.stats.EndShare(s.shared.Load())
}

func (s *session) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	member, _ := s.client.GroupMetadata()
	if err := s.client.LeaveGroupContext(ctx); err != nil {
		s.log.With("cause", err).Debug("leaving the consumer group")
	}
	s.stepOut(ctx, member)
}

// withdraw takes back the request to join, so that the group does not wait for this
// member. The client would join again if it were told that it is no member, and so is
// cut short and closed first: once, since it would wait for itself the second time. A
// static member comes back.
func (s *session) withdraw() {
	member, _ := s.client.GroupMetadata()
	s.kill()
	s.client.Close()
	if member == "" || s.conf.instanceID != "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), withdrawTimeout)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = s.conf.group, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	req.Members = append(req.Members, m)
	err := s.conf.dial(ctx, func(cl *kgo.Client) error {
		_, err := req.RequestWith(ctx, cl)
		return err
	})
	if err != nil {
		s.log.With("cause", err).Debug("taking the request to join the consumer group back")
	}
}

// closeClient closes the client. After a moment it cuts short what that waits for,
// such as a group that forms.
func (s *session) closeClient() {
	cut := time.AfterFunc(closeTimeout, s.kill)
	defer cut.Stop()
	defer s.kill()
	s.client.Close()
}

// stepOut says that a static member of the consumer protocol will be back. The
// client says so without the instance id, which brokers refuse: until the
// session times out, they would not let the instance in again.
func (s *session) stepOut(ctx context.Context, member string) {
	if s.conf.protocol != protocolConsumer || s.conf.instanceID == "" || member == "" {
		return
	}
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Group, req.MemberID, req.InstanceID, req.MemberEpoch = s.conf.group, member, &s.conf.instanceID, staticLeaveEpoch
	resp, err := req.RequestWith(ctx, s.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		s.log.With("cause", err).Debug("leaving the consumer group for a while")
	}
}
