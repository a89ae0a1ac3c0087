package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// consumer drives one input as the host does, and records what it delivers.
type consumer struct {
	t    *testing.T
	in   *input
	gate *gate.Gate

	stop context.CancelFunc
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	hold    bool // acknowledgements wait in acks
	acks    []service.AckFunc
	batches []service.MessageBatch
	values  map[int][]int // by partition
	err     error
}

// consume starts a consumer; with hold its acknowledgements wait for the test.
func (c *cluster) consume(topic string, hold bool, more string) *consumer {
	c.t.Helper()
	k := c.consumer(c.config(topic, more))
	k.hold = hold
	k.start()
	return k
}

// consumer is one that has not started yet.
func (c *cluster) consumer(yaml string) *consumer {
	c.t.Helper()
	in, res, err := parseInput(c.t, yaml)
	require.NoError(c.t, err)
	return &consumer{t: c.t, in: in, gate: gate.Of(res, ""), done: make(chan struct{}), values: map[int][]int{}}
}

func (k *consumer) start() {
	k.t.Helper()
	require.NoError(k.t, k.in.Connect(k.t.Context()))
	var ctx context.Context
	ctx, k.stop = context.WithCancel(context.Background())
	go k.run(ctx)
	k.t.Cleanup(k.close)
}

func (k *consumer) run(ctx context.Context) {
	defer close(k.done)
	for {
		batch, ack, err := k.in.ReadBatch(ctx)
		if errors.Is(err, service.ErrNotConnected) { // as the host does
			if k.in.Connect(ctx) == nil {
				continue
			}
		}
		if err != nil {
			k.mu.Lock()
			k.err = err
			k.mu.Unlock()
			return
		}
		k.record(batch, ack)
	}
}

func (k *consumer) record(batch service.MessageBatch, ack service.AckFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.batches = append(k.batches, batch)
	for _, m := range batch {
		p, _ := m.MetaGetMut(metaPartition)
		text, _ := m.AsBytes()
		var v int
		_, _ = fmt.Sscan(string(text), &v)
		k.values[p.(int)] = append(k.values[p.(int)], v)
	}
	if k.hold {
		k.acks = append(k.acks, ack)
		return
	}
	_ = ack(context.Background(), nil)
}

// close stops reading and closes the input, as the host does.
func (k *consumer) close() {
	k.once.Do(func() {
		k.stop()
		<-k.done
		_ = k.in.Close(context.Background())
	})
}

func (k *consumer) got(partition int) []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.values[partition])
}

func (k *consumer) total() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, v := range k.values {
		n += len(v)
	}
	return n
}

func (k *consumer) ended() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// heldAcks hands over the acknowledgements that wait, and lets later ones pass.
func (k *consumer) heldAcks() []service.AckFunc {
	k.mu.Lock()
	defer k.mu.Unlock()
	acks := k.acks
	k.hold, k.acks = false, nil
	return acks
}

func (k *consumer) ackAll() {
	for _, ack := range k.heldAcks() {
		require.NoError(k.t, ack(context.Background(), nil))
	}
}

// owned are the partitions that the member owns now, in order.
func (k *consumer) owned() (out []int32) {
	a := k.in.session.Load().assignment
	a.mu.Lock()
	defer a.mu.Unlock()
	for tp := range a.owned {
		out = append(out, tp.partition)
	}
	slices.Sort(out)
	return out
}

// generation counts the rebalances of the member's group.
func (k *consumer) generation() int32 {
	_, n := k.in.session.Load().client.GroupMetadata()
	return n
}

// paused are the partitions that the Kafka client has paused, in order.
func (k *consumer) paused() (out []int32) {
	for _, ps := range k.in.session.Load().client.PauseFetchPartitions(nil) {
		out = append(out, ps...)
	}
	slices.Sort(out)
	return out
}
