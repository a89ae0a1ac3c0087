package kafka

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What the input itself costs for a record, from poll to acknowledgement.
func BenchmarkRecord(b *testing.B) {
	for name, keys := range map[string][]string{"plain": nil, "offset": {metaOffset}} {
		b.Run(name, func(b *testing.B) {
			a := newAssignment(templates(context.Background(), map[string]string{"table": "external"}))
			a.assign(newLedger(), one)
			p := &poller{assignment: a, decorate: decoratorOf(keys)}
			const count = 5000
			part := kgo.FetchPartition{Partition: 1}
			for i := range int64(count) {
				part.Records = append(part.Records, &kgo.Record{Offset: i, Value: make([]byte, 132)})
			}
			fetches := kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: "t", Partitions: []kgo.FetchPartition{part}}}}}
			b.ReportAllocs()
			for n := 0; n < b.N; n += count {
				_, receipts := a.handOut(p.build(a.resolve(fetches)))
				a.settle(receipts, true)
			}
		})
	}
}
