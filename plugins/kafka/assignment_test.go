package kafka

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// ledger stands in for the client and keeps what it is told.
type ledger struct {
	marked map[topicPartition]int64
	paused map[topicPartition]bool
}

func newLedger() *ledger {
	return &ledger{marked: map[topicPartition]int64{}, paused: map[topicPartition]bool{}}
}

func (l *ledger) PauseFetchPartitions(m map[string][]int32) map[string][]int32 {
	each(m, func(tp topicPartition) { l.paused[tp] = true })
	return nil
}

func (l *ledger) ResumeFetchPartitions(m map[string][]int32) {
	each(m, func(tp topicPartition) { delete(l.paused, tp) })
}

func (l *ledger) MarkCommitOffsets(m map[string]map[int32]kgo.EpochOffset) {
	for topic, ps := range m {
		for p, o := range ps {
			l.marked[topicPartition{topic, p}] = o.Offset
		}
	}
}

func (l *ledger) CommitMarkedOffsets(context.Context) error { return nil }

var (
	one  = map[string][]int32{"t": {1}}
	tp1  = topicPartition{"t", 1}
	both = map[string][]int32{"t": {1, 2}}
)

func testAssignment() *assignment {
	return newAssignment(templates(context.Background(), nil))
}

// polled is what a poll returns: records of one partition with these offsets.
func polled(partition int32, offsets ...int64) kgo.Fetches {
	f := kgo.FetchPartition{Partition: partition}
	for _, o := range offsets {
		f.Records = append(f.Records, &kgo.Record{Topic: "t", Partition: partition, Offset: o})
	}
	return kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: "t", Partitions: []kgo.FetchPartition{f}}}}}
}

// resolve is the assignment's, for what loses nothing.
func resolve(a *assignment, fetches kgo.Fetches) []chunk {
	chunks, losses := a.resolve(fetches)
	if len(losses) > 0 {
		panic(losses)
	}
	return chunks
}

func handOut(a *assignment, fetches ...kgo.Fetches) (service.MessageBatch, []receipt) {
	var all kgo.Fetches
	for _, f := range fetches {
		all = append(all, f...)
	}
	return a.handOut((&poller{assignment: a}).build(resolve(a, all)))
}

func revoked() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestRecordsOfAnEarlierAssignmentAreDiscarded(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	stale := (&poller{assignment: a}).build(resolve(a, polled(1, 10, 11)))

	a.revoke(revoked(), l, one) // between the poll and the hand-over
	a.assign(l, one)            // and back again
	messages, receipts := a.handOut(stale)
	require.Empty(t, messages)
	require.Empty(t, receipts)

	messages, receipts = handOut(a, polled(1, 5, 6))
	require.Len(t, messages, 2)
	a.settle(receipts, true)
	require.EqualValues(t, 7, l.marked[tp1], "the stale records left no trace")
}

func TestAcknowledgementAfterRevocationMarksNothing(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	_, receipts := handOut(a, polled(1, 10))
	a.revoke(revoked(), l, one)
	a.settle(receipts, true)
	require.Empty(t, l.marked)

	a.assign(l, one)
	_, late := handOut(a, polled(1, 10))
	a.lose(l, one)
	a.assign(l, one) // owned again, by another assignment
	a.settle(late, true)
	require.Empty(t, l.marked)
}

func TestOneBatchSettlesSeveralPartitions(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, both)
	messages, receipts := handOut(a, polled(1, 3, 9), polled(2, 40), polled(1, 12))
	require.Len(t, messages, 4)
	a.revoke(revoked(), l, map[string][]int32{"t": {2}})
	a.settle(receipts, true)
	require.Equal(t, map[topicPartition]int64{tp1: 13}, l.marked)
}

func TestPartOfABatchIsDiscarded(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, both)
	b := (&poller{assignment: a, decorate: decoratorOf([]string{metaOffset})}).
		build(resolve(a, append(polled(1, 3, 9), polled(2, 40)...)))
	a.lose(l, one)
	messages, receipts := a.handOut(b)
	require.Len(t, receipts, 1)
	require.Len(t, messages, 1)
	offset, _ := messages[0].MetaGetMut(metaOffset)
	require.Equal(t, 40, offset)
}

// Records without bytes keep their position as others do.
func TestEmptyRecordsHaveAPosition(t *testing.T) {
	for _, perMessage := range []int{1, 3} {
		a, l := testAssignment(), newLedger()
		a.assign(l, both)
		messages, _ := a.handOut((&poller{assignment: a, perMessage: perMessage}).build(resolve(a, polled(1, 3, 4, 5))))
		var found []int64
		var finder position.Finder
		for _, m := range messages {
			data, err := m.AsBytes()
			require.NoError(t, err)
			records := [][]byte{data}
			if f := frame.Of(m); f != nil {
				records = [][]byte{f.Record(0), f.Record(1), f.Record(2)}
			}
			for _, one := range records {
				_, offset, ok := finder.Find(m.Context(), one)
				require.True(t, ok)
				found = append(found, offset)
			}
		}
		require.Equal(t, []int64{3, 4, 5}, found)
	}
}

func TestRevocationEndsWithTheLastAnswer(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.assign(l, one)
	part := a.owned[tp1]
	_, first := handOut(a, polled(1, 1))
	_, second := handOut(a, polled(1, 2))
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.revoke(context.Background(), l, one) // without a bound
	}()
	eventually(t, "nothing more is handed out", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return part.leaving
	})
	a.settle(second, false) // a rejection is an answer, too
	select {
	case <-done:
		require.Fail(t, "one batch has not been answered")
	default:
	}
	a.settle(first, true)
	<-done
	require.Empty(t, a.owned)
	require.EqualValues(t, 2, l.marked[tp1], "what was settled in time counts")
}

func TestPauseIsAppliedToWhatArrivesAndLiftedFromWhatLeaves(t *testing.T) {
	a, l := testAssignment(), newLedger()
	a.pause()
	require.Empty(t, l.paused)
	a.assign(l, both)
	require.Len(t, l.paused, 2)
	a.lose(l, one)
	require.NotContains(t, l.paused, tp1)
	require.Len(t, l.paused, 1)
	a.resume()
	require.Empty(t, l.paused)
	a.assign(l, one)
	require.Empty(t, l.paused)
}
