package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordPool gives the client memory for records again that have become
// messages: 200 bytes each, which the collector would have to look through. What
// records point to is not theirs: messages go on with it.
type recordPool struct{ lists sync.Pool }

var _ kgo.PoolRecords = (*recordPool)(nil)

// GetRecords implements kgo.PoolRecords.
func (p *recordPool) GetRecords(n int) []kgo.Record {
	if kept, ok := p.lists.Get().(*[]kgo.Record); ok && cap(*kept) >= n {
		return (*kept)[:0]
	}
	return make([]kgo.Record, 0, n)
}

// PutRecords implements kgo.PoolRecords.
func (p *recordPool) PutRecords(list []kgo.Record) { p.lists.Put(&list) }

// bytesPool does the same for what records point to. It is only for records whose
// bytes are copied, into messages of many.
type bytesPool struct{ slices sync.Pool }

var _ kgo.PoolDecompressBytes = (*bytesPool)(nil)

// GetDecompressBytes implements kgo.PoolDecompressBytes.
func (p *bytesPool) GetDecompressBytes([]byte, kgo.CompressionCodecType) []byte {
	if kept, ok := p.slices.Get().(*[]byte); ok {
		return (*kept)[:0]
	}
	return nil
}

// PutDecompressBytes implements kgo.PoolDecompressBytes.
func (p *bytesPool) PutDecompressBytes(b []byte) { p.slices.Put(&b) }

// pools are those that a consumer can use.
func (c *config) pools() []kgo.Pool {
	if c.perMessage > 1 {
		return []kgo.Pool{&recordPool{}, &bytesPool{}}
	}
	return []kgo.Pool{&recordPool{}}
}
