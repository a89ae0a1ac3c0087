package kafka

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ahead is how many spans are open while a tracker is measured.
const ahead = 64

// settleBehind tracks a span and settles the one that was tracked so many before.
func settleBehind(t *tracker, n int64) {
	ticket := t.track(kgo.EpochOffset{Offset: n + 1})
	if ticket >= ahead {
		t.settle(ticket - ahead)
	}
}

func BenchmarkCheckpoint(b *testing.B) {
	var t tracker
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		settleBehind(&t, n)
		n++
	}
}

// The checkpoint of a partition costs no memory once its list has grown.
func TestAllocationsOfACheckpoint(t *testing.T) {
	var tr tracker
	n := int64(0)
	for ; n < 10*ahead; n++ {
		settleBehind(&tr, n)
	}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		settleBehind(&tr, n)
		n++
	}))
}

// The allocations of a record in the input do not grow unnoticed: a message each,
// or next to nothing where many travel in one.
func TestAllocationsOfARecord(t *testing.T) {
	for name, c := range map[string]struct {
		perMessage int
		most       float64
	}{"one a message": {1, 3.1}, "a thousand a message": {1000, 0.05}} {
		t.Run(name, func(t *testing.T) {
			const count = 5000
			a := newAssignment(templates(context.Background(), map[string]string{"table": "external"}))
			a.assign(newLedger(), one)
			p := &poller{assignment: a, perMessage: c.perMessage}
			part := kgo.FetchPartition{Partition: 1}
			for i := range int64(count) {
				part.Records = append(part.Records, &kgo.Record{Offset: i, Value: make([]byte, 132)})
			}
			fetches := kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: "t", Partitions: []kgo.FetchPartition{part}}}}}
			var batch service.MessageBatch
			perBatch := testing.AllocsPerRun(20, func() {
				var receipts []receipt
				batch, receipts = a.handOut(p.build(resolve(a, fetches)))
				a.settle(receipts, true)
			})
			require.NotEmpty(t, batch)
			require.LessOrEqual(t, perBatch/count, c.most)
		})
	}
}
