package kafka

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// errInflated says that a record batch is not decompressed yet, because too much is
// already. The client hands on what it has and fetches the batch again.
var errInflated = errors.New("too much is decompressed ahead")

// inflation bounds what the record batches take that a client has decompressed and
// not handed on: a fetch is bounded as it is compressed, and may hold a thousand
// times as much.
//
// It leaves the rest of an answer for later once too much is decompressed, and makes
// fetches smaller until that is not needed. At the smallest a fetch brings one batch,
// which is taken whatever it holds. So at most the bound and a batch of each broker are
// held.
//
// What is held is known by broker: a client asks a broker for more only when it has
// handed on all that this one sent last.
type inflation struct {
	kgo.Decompressor // what decompresses
	pools            []kgo.Pool
	most             int64
	fetch, partition int32 // what is fetched at most, if all is well

	mu     sync.Mutex
	resize func(fetch, partition int32) // nil at first
	held   map[int32]int64              // by broker
	total  int64                        // of all brokers
	size   int32                        // what is fetched at most now
}

var (
	_ kgo.Decompressor         = (*inflation)(nil)
	_ kgo.HookBrokerRead       = (*inflation)(nil)
	_ kgo.HookFetchBatchRead   = (*inflation)(nil)
	_ kgo.HookBrokerDisconnect = (*inflation)(nil)
)

func (c *config) newInflation() *inflation {
	pools := c.pools()
	return &inflation{
		Decompressor: kgo.DefaultDecompressor(pools...), pools: pools,
		most: int64(c.fetchMaxInflated), fetch: c.fetchMaxBytes, partition: c.fetchMaxPartition,
		held: map[int32]int64{}, size: c.fetchMaxBytes,
	}
}

// Decompress implements kgo.Decompressor.
func (n *inflation) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if n.full() {
		return nil, errInflated
	}
	return n.Decompressor.Decompress(src, codec)
}

// full reports whether no more may be decompressed for now. Fetches become smaller
// then, until each brings one batch.
func (n *inflation) full() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.total < n.most || n.size == 1 {
		return false
	}
	n.setSize(n.size / 2)
	return true
}

// OnFetchBatchRead is called by the client when it has decompressed a batch.
func (n *inflation) OnFetchBatchRead(broker kgo.BrokerMetadata, _ string, _ int32, batch kgo.FetchBatchMetrics) {
	if batch.CompressionType == 0 {
		return // it takes what was fetched
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held[broker.NodeID] += int64(batch.UncompressedBytes)
	n.total += int64(batch.UncompressedBytes)
}

// OnBrokerRead is called by the client for each answer, before it looks into it.
func (n *inflation) OnBrokerRead(broker kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key != int16(kmsg.Fetch) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	brought, share := n.held[broker.NodeID], n.most/int64(max(1, len(n.held)))
	n.release(broker.NodeID)
	n.held[broker.NodeID] = 0
	switch {
	case brought > share:
		n.setSize(n.size / 2)
	case brought > 0 && brought < share/4:
		n.setSize(n.size * 2)
	}
}

// OnBrokerDisconnect is called by the client: a broker that is not asked any more holds
// nothing.
func (n *inflation) OnBrokerDisconnect(broker kgo.BrokerMetadata, _ net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.release(broker.NodeID)
}

func (n *inflation) release(node int32) {
	n.total -= n.held[node]
	delete(n.held, node)
}

// setSize says how much is fetched from now on.
func (n *inflation) setSize(size int32) {
	size = min(max(size, 1), n.fetch)
	if size == n.size {
		return
	}
	n.size = size
	if n.resize != nil {
		n.resize(size, min(size, n.partition))
	}
}

// resizes sets who is told how much to fetch: a client fetches from when it is made.
func (n *inflation) resizes(resize func(fetch, partition int32)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resize = resize
	resize(n.size, min(n.size, n.partition))
}
