package kafka

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
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
				_, receipts := a.handOut(p.build(resolve(a, fetches)))
				a.settle(receipts, true)
			}
		})
	}
}

// What passes between a resume and the first record after it, with a broker in
// the same process.
func BenchmarkResume(b *testing.B) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		b.Fatal(err)
	}
	defer fake.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.DefaultProduceTopic("t"))
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	conf, err := spec().ParseYAML("seed_brokers: ['"+fake.ListenAddrs()[0]+"']\ntopics: ['t:0']", nil)
	if err != nil {
		b.Fatal(err)
	}
	res := service.MockResources()
	in, err := newFromConfig(conf, res)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close(b.Context())
	if err := in.Connect(b.Context()); err != nil {
		b.Fatal(err)
	}
	g := gate.Of(res, "")
	for b.Loop() {
		b.StopTimer()
		g.Hold(gate.ReasonOperator)
		if err := producer.ProduceSync(b.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		g.Release(gate.ReasonOperator)
		if _, _, err := in.ReadBatch(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
