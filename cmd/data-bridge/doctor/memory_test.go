package doctor

import (
	"context"
	"runtime"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
)

type markKey struct{}

// recordOverhead is what a message costs beside its bytes, made as the inputs make
// them: a copy of a template that has metadata and a context, and a place in a batch.
func TestRecordOverhead(t *testing.T) {
	const n, body = 50_000, 128
	template := service.NewMessageWithContext(context.WithValue(t.Context(), markKey{}, 1), nil)
	template.MetaSetMut("nats_subject", "market.ticks")
	template.MetaSetMut("table", "ticks")
	before := heap()
	batch := make(service.MessageBatch, n)
	for i := range batch {
		batch[i] = template.Copy()
		batch[i].SetBytes(make([]byte, body))
	}
	each := int64(heap()-before)/n - body
	t.Logf("%d bytes beside those of a record", each)
	assert.LessOrEqual(t, each, int64(recordOverhead))
	assert.Greater(t, 2*each, int64(recordOverhead), "the estimate is not far off")
	runtime.KeepAlive(batch)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
