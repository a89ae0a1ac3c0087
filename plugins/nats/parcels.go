package nats

import (
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// parcels are the batches that were handed over and not answered: the host answers each
// one that it does not drop, before it closes the input, unless it is forced to stop.
// The zero value is ready. It is safe for concurrent use.
type parcels struct {
	mu   sync.Mutex
	sent map[*gate.Parcel]int // how many messages each has
}

// send marks a batch, which is not empty, and stands for n messages.
func (p *parcels) send(batch service.MessageBatch, n int) *gate.Parcel {
	parcel := &gate.Parcel{}
	batch[0] = batch[0].WithContext(parcel.Mark(batch[0].Context()))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent = map[*gate.Parcel]int{}
	}
	p.sent[parcel] = n
	return parcel
}

func (p *parcels) answered(parcel *gate.Parcel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sent, parcel)
}

// lost gives up what was not answered, and returns how many messages of it did not reach
// the buffer: only with ours does anybody know.
func (p *parcels) lost(known bool) (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for parcel, messages := range p.sent {
		if known && parcel.Lose() {
			n += int64(messages)
		}
	}
	p.sent = nil
	return n
}
