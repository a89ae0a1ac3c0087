package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// onceModel is a partition, its group, and one member at a time, which crashes:
// whatever happens, a record that is delivered again is delivered as a part of
// the same chunk, and all are delivered.
type onceModel struct {
	t *rapid.T

	log    []int64 // the offsets of the records, with gaps
	commit promise // what the broker keeps

	a         *assignment
	former    *former
	announcer *announcer
	fetched   int // records of log that the member has polled
	flying    []receipt
	extents   []extent // delivered, by any member
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
	m := &onceModel{t: t, commit: noPromise()}
	m.join()
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"produce", "poll", "poll", "poll", "wait", "settle", "settle", "progress", "crash", "hand over"}).Draw(t, "action") {
		case "produce":
			m.produce()
		case "poll":
			m.poll()
		case "wait":
			time.Sleep(time.Duration(rapid.IntRange(1, 2000).Draw(t, "ms")) * time.Millisecond)
		case "settle":
			m.settle()
		case "progress":
			_ = m.announcer.progress(context.Background())
		case "crash":
			m.join()
		case "hand over":
			m.handOver()
		}
	}
	m.finish()
}

func (m *onceModel) produce() {
	next := int64(0)
	if n := len(m.log); n > 0 {
		next = m.log[n-1] + 1
	}
	for range rapid.IntRange(1, 20).Draw(m.t, "records") {
		next += int64(rapid.SampledFrom([]int{0, 0, 0, 1, 5}).Draw(m.t, "gap"))
		m.log = append(m.log, next)
		next++
	}
}

// join lets a new member take over from what the broker keeps, without a word
// from the one before.
func (m *onceModel) join() {
	res := service.MockResources()
	m.a, m.flying = testAssignment(), nil
	m.a.once = true
	m.a.assign(newLedger(), one)
	kept, err := parsePromise(m.commit.base, m.commit.metadata())
	if err != nil {
		m.failf("restoring: %v", err)
	}
	m.a.restore(tp1, kept)
	m.fetched, _ = slices.BinarySearch(m.log, max(0, kept.base.Offset))
	m.former = &former{
		assignment: m.a, runs: map[*partition]*run{}, log: res.Logger(), period: time.Second,
		count: rapid.IntRange(1, 30).Draw(m.t, "count"), bytes: int64(rapid.SampledFrom([]int{1, 1000, 1 << 20}).Draw(m.t, "bytes")),
	}
	m.announcer = &announcer{send: m.send, assignment: m.a, link: &link{board: &status.Link{}, log: res.Logger()}, log: res.Logger()}
}

// onceFailure is what the model found wrong.
type onceFailure string

func (m *onceModel) failf(format string, args ...any) {
	panic(onceFailure(fmt.Sprintf(format, args...)))
}

var errBroker = errors.New("no answer")

// send commits, fails, or does one and tells the other.
func (m *onceModel) send(_ context.Context, said promises, check func() error) error {
	if err := check(); err != nil {
		return err
	}
	outcome := rapid.SampledFrom([]string{"done", "done", "done", "failed", "lost"}).Draw(m.t, "commit")
	if outcome != "failed" {
		for _, p := range said {
			m.commit = p
		}
	}
	if outcome != "done" {
		return errBroker
	}
	return nil
}

// poll is one turn of the poller.
func (m *onceModel) poll() {
	n := min(rapid.IntRange(0, 40).Draw(m.t, "polled"), len(m.log)-m.fetched)
	if !m.former.stuck() && n > 0 {
		m.former.add(resolve(m.a, polled(1, m.log[m.fetched:m.fetched+n]...)), time.Now())
		m.fetched += n
	}
	m.deliver(m.former.take(time.Now()))
}

func (m *onceModel) deliver(chunks []chunk) {
	for _, c := range m.announcer.announce(context.Background(), chunks) {
		messages, receipts := m.a.handOut((&poller{assignment: m.a}).build([]chunk{c}))
		if len(messages) == 0 {
			continue
		}
		e := extent{first: c.records[0].Offset, last: c.records[len(c.records)-1].Offset}
		for _, before := range m.extents {
			if overlaps(e, before) && e != before {
				m.failf("delivered %v after %v", e, before)
			}
		}
		m.extents = append(m.extents, e)
		m.flying = append(m.flying, receipts...)
	}
}

// settle answers any chunk that is in flight.
func (m *onceModel) settle() {
	if len(m.flying) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.flying)-1).Draw(m.t, "which")
	m.a.settle(m.flying[i:i+1], true)
	m.flying = slices.Delete(m.flying, i, i+1)
}

// handOver lets the next member take over in good order.
func (m *onceModel) handOver() {
	parts := m.a.revoke(revoked(), newLedger(), one)
	_ = m.announcer.farewell(context.Background(), m.send, parts)
	m.join()
}

// finish delivers and settles all there is, and checks that nothing is missing.
func (m *onceModel) finish() {
	m.former.period = 0
	for m.fetched < len(m.log) || m.former.held > 0 || len(m.flying) > 0 {
		m.poll()
		for len(m.flying) > 0 {
			m.settle()
		}
	}
	for m.announcer.progress(context.Background()) != nil {
		continue
	}
	if n := len(m.log); n > 0 && (m.commit.base.Offset != m.log[n-1]+1 || len(m.commit.ends) > 0) {
		m.failf("the records end at %d, the last commit says %v", m.log[n-1], m.commit)
	}
	next := 0
	slices.SortFunc(m.extents, func(a, b extent) int { return int(a.first - b.first) })
	for _, e := range slices.Compact(m.extents) {
		if e.first != m.log[next] {
			m.failf("offset %d was never delivered", m.log[next])
		}
		next = slices.Index(m.log, e.last) + 1
	}
	if next != len(m.log) {
		m.failf("offset %d was never delivered", m.log[next])
	}
}

// A commit that was begun before the member lost its partitions is not sent
// afterwards, when the broker might take it for one of the new member.
func TestACommitIsNotSentForPartitionsThatWereLost(t *testing.T) {
	a := testAssignment()
	a.once = true
	a.assign(newLedger(), one)
	res := service.MockResources()
	sent := false
	n := &announcer{assignment: a, link: &link{board: &status.Link{}, log: res.Logger()}, log: res.Logger()}
	n.send = func(_ context.Context, _ promises, check func() error) error {
		a.lose(newLedger(), one) // while the client waits for the group
		err := check()
		sent = err == nil
		return err
	}
	chunks := n.announce(context.Background(), []chunk{{
		part: a.owned[tp1], records: []*kgo.Record{{Offset: 1}}, end: kgo.EpochOffset{Offset: 2}, sealed: true,
	}})
	require.Empty(t, chunks)
	require.False(t, sent)
}
