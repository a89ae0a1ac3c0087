package kafka

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// onceModel is some partitions, their group, and one member at a time, which crashes,
// while logs are trimmed, topics made anew and commits refused. Whatever happens:
//
//   - a record that is delivered again is delivered as a part of the same chunk, unless
//     retention cut that
//   - every record is delivered, or counted as lost
//   - no partition waits for another that is refused
//   - none waits without saying why
type onceModel struct {
	t      *rapid.T
	broker *onceBroker
	ids    *topicIDs // of the process

	a      *assignment
	client *ledger
	link   *link
	poller *oncePoller
	flying map[*onceLog][]receipt
}

func TestChunksAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// What stops an attempt must leave the bubble before rapid can take it
		// up and look for a smaller case.
		var stopped any
		synctest.Test(t, func(*testing.T) {
			defer func() { stopped = recover() }()
			runOnceModel(rt)
		})
		if why, ok := stopped.(onceFailure); ok {
			rt.Fatal(string(why))
		} else if stopped != nil {
			panic(stopped)
		}
	})
}

func runOnceModel(t *rapid.T) {
	m := &onceModel{t: t, broker: newOnceBroker(t), ids: newTopicIDs()}
	m.join()
	actions := map[string]func(){
		"produce": func() { m.broker.any().produce(t) }, "poll": m.poll, "wait": m.wait, "settle": m.settle, "crash": m.crash, "look": m.look,
		"progress":  func() { _ = m.poller.committer.progress(context.Background()) },
		"hand over": m.handOver, "trim": m.trim, "make anew": m.makeAnew, "refuse": m.refuse, "allow": func() { m.broker.any().refusal = nil },
	}
	often := []string{"produce", "produce", "poll", "poll", "poll", "poll", "wait", "settle", "settle", "settle"}
	rarely := []string{"progress", "crash", "hand over", "trim", "make anew", "look", "refuse", "allow"}
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		actions[rapid.SampledFrom(append(slices.Clone(often), rarely...)).Draw(t, "action")]()
	}
	m.finish()
}

// onceFailure is what the model found wrong.
type onceFailure string

func (m *onceModel) failf(format string, args ...any) {
	panic(onceFailure(fmt.Sprintf(format, args...)))
}

// join lets a new member take over from what the broker keeps, without a word
// from the one before.
func (m *onceModel) join() {
	res := service.MockResources()
	m.a, m.client, m.flying = testAssignment(), newLedger(), map[*onceLog][]receipt{}
	m.a.once = true
	m.link = &link{board: &status.Link{}, log: res.Logger()}
	m.link.up()
	m.poller = &oncePoller{
		poller: &poller{assignment: m.a, link: m.link},
		former: &former{
			assignment: m.a, runs: map[*partition]*run{}, log: res.Logger(), period: time.Second,
			count: rapid.IntRange(1, 30).Draw(m.t, "count"), bytes: int64(rapid.SampledFrom([]int{1, 1000, 1 << 20}).Draw(m.t, "bytes")),
		},
		committer: &committer{send: m.broker.send, assignment: m.a, link: m.link, log: res.Logger()},
	}
	m.ids.observe(m.broker.topics())
	for _, l := range m.broker.logs {
		m.take(l)
	}
}

// take starts to read a partition, as the session does.
func (m *onceModel) take(l *onceLog) {
	l.reads = l.now
	m.a.assign(m.client, l.tp.alone())
	said, err := parseAnnouncement(l.commit.base, l.commit.metadata())
	if err != nil {
		m.failf("restoring %v: %v", l.tp, err)
	}
	m.a.restore(l.tp, said)
	start, at := kgo.NewOffset().AtStart(), kgo.NewOffset().At(said.base.Offset)
	if m.ids.first(l.tp, said.base.Offset >= 0) || said.base.Offset < 0 {
		m.a.restore(l.tp, noAnnouncement())
		at = start
		l.now.account(0, l.now.start) // nobody knows what was read
	}
	l.pos = max(0, at.EpochOffset().Offset)
	offsets := map[string]map[int32]kgo.Offset{l.tp.topic: {l.tp.partition: at}}
	m.a.startAt(offsets, start)
	m.a.expect(offsets, start)
	m.a.suppose(m.a.owned[l.tp], l.now.start)
}

// crash lets the process end. Another one cannot know that a commit is of a topic that
// is gone.
func (m *onceModel) crash() {
	m.ids = newTopicIDs()
	m.forgetStale()
	m.join()
}

func (m *onceModel) forgetStale() {
	for _, l := range m.broker.logs {
		if l.stale {
			l.commit, l.stale = noAnnouncement(), false
		}
	}
}

// handOver lets the next member take over in good order.
func (m *onceModel) handOver() {
	parts := m.a.revoke(revoked(), m.client, m.a.all())
	_ = m.poller.committer.farewell(context.Background(), m.broker.send, parts)
	m.forgetStale()
	m.join()
}

func (m *onceModel) wait() {
	time.Sleep(time.Duration(rapid.IntRange(1, 2000).Draw(m.t, "ms")) * time.Millisecond)
}

func (m *onceModel) refuse() {
	m.broker.any().refusal = rapid.SampledFrom([]error{
		kerr.TopicAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.OffsetMetadataTooLarge, errWhole,
	}).Draw(m.t, "refusal")
}

// trim moves the start of a log. What lies below and the member has not polled it counts
// when it notices.
func (m *onceModel) trim() {
	l := m.broker.any()
	before := l.now.start
	if l.now.start = l.now.next; rapid.Bool().Draw(m.t, "some") {
		l.now.start = rapid.Int64Range(before, l.now.next).Draw(m.t, "start")
	}
}

// makeAnew deletes a topic and creates it again, behind the member's back.
func (m *onceModel) makeAnew() {
	topic := m.broker.any().tp.topic
	for _, l := range m.broker.logs {
		if l.tp.topic != topic {
			continue
		}
		if p := m.a.owned[l.tp]; l.reads == l.now { // nobody ever saw what lies behind these
			l.reads.account(max(p.end, p.next), l.now.next)
		}
		l.reborn()
	}
}

// look is one of the lagMeter's.
func (m *onceModel) look() {
	if anew := m.ids.observe(m.broker.topics()); len(anew) > 0 {
		m.renew(anew)
		return
	}
	starts, ends := m.broker.listed()
	m.count(m.a.examine(starts, ends, true))
}

// renew ends the session because topics were made anew, and opens another.
func (m *onceModel) renew(anew []string) {
	m.count(m.a.gone(anew))
	m.a.stopHandingOut(m.a.all())
	for _, l := range m.broker.logs {
		for _, r := range m.flying[l] {
			m.a.settle([]receipt{r}, true)
		}
		if missing := l.reads.missing(); l.reads != l.now && len(missing) > 0 {
			m.failf("%v of a topic that is gone: offsets %v were neither delivered nor counted", l.tp, missing)
		}
	}
	parts := m.a.revoke(revoked(), m.client, m.a.all())
	_ = m.poller.committer.farewell(context.Background(), func(ctx context.Context, said announcements, may func(*partition) bool) (map[*partition]error, error) {
		for p := range said {
			if l := m.broker.log(p.topicPartition); l.reads != l.now {
				m.failf("%v: %+v is committed of a topic that is known to be gone", l.tp, said[p])
			}
		}
		return m.broker.send(ctx, said, may)
	}, parts)
	m.join()
}

// count takes losses to account.
func (m *onceModel) count(losses []loss) {
	for _, l := range losses {
		log := m.broker.log(l.topicPartition)
		if l.cause == lossRetention && l.to > log.reads.start {
			m.failf("%+v is counted as lost, the log begins at %d", l, log.reads.start)
		}
		log.reads.account(l.from, l.to)
	}
}

// poll is one turn of the poller. While the group takes no commits it waits.
func (m *onceModel) poll() {
	if wait := m.poller.committer.wait(time.Now()); wait > 0 {
		time.Sleep(wait)
	} else {
		chunks, losses := m.a.resolve(m.fetches(rapid.IntRange(0, 40).Draw(m.t, "polled")))
		m.count(losses)
		m.poller.former.add(chunks, time.Now())
	}
	m.deliver(m.poller.advance(context.Background()))
}

// fetches are some records of each partition that the client fetches.
func (m *onceModel) fetches(n int) (fs kgo.Fetches) {
	for _, l := range m.broker.logs {
		if m.client.paused[l.tp] {
			continue
		}
		if f := l.fetch(n); len(f.Records) > 0 {
			fs = append(fs, kgo.Fetch{Topics: []kgo.FetchTopic{{Topic: l.tp.topic, Partitions: []kgo.FetchPartition{f}}}})
		}
	}
	return fs
}

func (m *onceModel) deliver(chunks []chunk) {
	for _, c := range chunks {
		l := m.broker.log(c.part.topicPartition)
		var offsets []int64
		for _, r := range c.records {
			offsets = append(offsets, r.Offset)
		}
		messages, receipts := m.a.handOut(m.poller.build([]chunk{c}))
		if len(messages) == 0 {
			continue
		}
		m.checkSame(l, offsets)
		l.reads.delivered = append(l.reads.delivered, offsets)
		for _, o := range offsets {
			l.reads.known[o] = true
		}
		m.flying[l] = append(m.flying[l], receipts...)
	}
}

// checkSame compares a chunk with those that were delivered before: the output knows it
// again if it is the same.
func (m *onceModel) checkSame(l *onceLog, chunk []int64) {
	kept := func(offsets []int64) []int64 {
		return slices.DeleteFunc(slices.Clone(offsets), func(o int64) bool { return o < l.reads.start && !slices.Contains(chunk, o) })
	}
	for _, before := range l.reads.delivered {
		if slices.ContainsFunc(chunk, func(o int64) bool { return slices.Contains(before, o) }) && !slices.Equal(chunk, kept(before)) {
			m.failf("%v: delivered %v after %v, the log begins at %d", l.tp, chunk, before, l.reads.start)
		}
	}
}

// settle answers any chunk that is in flight.
func (m *onceModel) settle() {
	l := m.broker.any()
	if len(m.flying[l]) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.flying[l])-1).Draw(m.t, "which")
	m.a.settle(m.flying[l][i:i+1], true)
	m.flying[l] = slices.Delete(m.flying[l], i, i+1)
}

// finish delivers and settles all there is, first of the partitions that are not
// refused, then of all, and checks that nothing is missing.
func (m *onceModel) finish() {
	m.broker.calm, m.poller.former.period = true, 0
	m.drain("while others are refused")
	m.checkRefused()
	for _, l := range m.broker.logs {
		l.refusal = nil
	}
	m.drain("when all are taken")
	for _, l := range m.broker.logs {
		if missing := l.now.missing(); len(missing) > 0 {
			m.failf("%v: offsets %v were neither delivered nor counted", l.tp, missing)
		}
	}
	if len(m.client.paused) > 0 || !m.link.board.State().Connected {
		m.failf("all is done, but %v is not fetched, and the link says %v", m.client.paused, m.link.board.State())
	}
}

// drain delivers and settles until nothing is left but of partitions that rest because
// they are refused.
func (m *onceModel) drain(when string) {
	for range 1000 {
		m.look()
		m.poller.former.period = 0
		m.poll()
		for l, receipts := range m.flying {
			m.a.settle(receipts, true)
			delete(m.flying, l)
		}
		_ = m.poller.committer.progress(context.Background())
		if !slices.ContainsFunc(m.broker.logs, func(l *onceLog) bool { return !m.done(l) && !m.rests(l) }) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, l := range m.broker.logs {
		if !m.done(l) && !m.rests(l) {
			m.failf("%s %v waits for ever: missing %v, the commit says %+v of %+v", when, l.tp, l.now.missing(), l.commit, l.now)
		}
	}
}

// done reports whether all of a partition is delivered, or gone, and committed.
func (m *onceModel) done(l *onceLog) bool {
	if l.reads != l.now || len(l.now.missing()) > 0 || len(l.commit.ends) > 0 && !l.stale || m.a.owned[l.tp].intent.unsettled() {
		return false
	}
	n := len(l.now.delivered)
	return n == 0 || l.commit.base.Offset > l.now.delivered[n-1][len(l.now.delivered[n-1])-1]
}

// rests reports whether the commits of a partition are refused.
func (m *onceModel) rests(l *onceLog) bool {
	_, resting := m.a.owned[l.tp].intent.rests()
	return resting && l.refusal != nil
}

// checkRefused checks that a partition that waits says why.
func (m *onceModel) checkRefused() {
	if m.poller.committer.failures > 0 {
		m.failf("a partition that is refused keeps all from going on")
	}
	for _, l := range m.broker.logs {
		if said := m.link.refused[l.tp]; m.rests(l) && (said == nil || m.link.board.State().Err == nil) {
			m.failf("%v is refused, and the link says %v, the board %v", l.tp, said, m.link.board.State())
		}
	}
}

// A commit that was begun before the member lost its partitions is not sent
// afterwards, when the broker might take it for one of the new member.
func TestACommitIsNotSentForPartitionsThatWereLost(t *testing.T) {
	a := testAssignment()
	a.once = true
	a.assign(newLedger(), one)
	res := service.MockResources()
	sent := 0
	n := &committer{assignment: a, link: &link{board: &status.Link{}, log: res.Logger()}, log: res.Logger()}
	n.send = func(_ context.Context, said announcements, may func(*partition) bool) (map[*partition]error, error) {
		a.lose(newLedger(), one) // while the client waits for the group
		for p := range said {
			if may(p) {
				sent++
			}
		}
		return nil, nil
	}
	a.owned[tp1].intent.form(chunk{
		part: a.owned[tp1], records: []*kgo.Record{{Offset: 1}}, end: kgo.EpochOffset{Offset: 2}, sealed: true,
	})
	n.announce(context.Background())
	require.Empty(t, a.deliverable())
	require.Zero(t, sent)
	require.Zero(t, n.failures)
}
