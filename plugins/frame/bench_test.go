package frame_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

const framed = 1000

// together makes a frame of records and takes it apart again.
func together(records [][]byte, size int, template *service.Message) (sum int) {
	b := frame.NewBuilder(len(records), size)
	for _, r := range records {
		b.Add(r)
	}
	f := frame.Of(b.Message(context.Background(), template))
	for i := range f.Len() {
		sum += len(f.Record(i))
	}
	return sum
}

func ticks() (records [][]byte, size int) {
	for i := range framed {
		records = append(records, fmt.Appendf(nil, `{"symbol":"BTC-USDT","seq":%09d,"price":64123.5,"qty":0.25,"venue":"X","side":"buy"}`, i))
		size += len(records[i])
	}
	return records, size
}

func BenchmarkFrame(b *testing.B) {
	records, size := ticks()
	template := service.NewMessage(nil)
	b.ReportAllocs()
	for b.Loop() {
		together(records, size, template)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*framed), "ns/record")
}

// A frame costs a dozen allocations, whatever the number of its records.
func TestAllocationsOfAFrame(t *testing.T) {
	records, size := ticks()
	template := service.NewMessage(nil)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { together(records, size, template) }), 20.0)
}
