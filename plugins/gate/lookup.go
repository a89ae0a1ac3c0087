package gate

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// gateKey finds the gate of a stream among the resources that all streams of a
// process share.
type gateKey struct{ stream, name string }

type registryKey struct{}

// Of returns the gate of the component's stream, creating it on first use, so
// that the order in which components are built does not matter. A name other
// than "" is needed only by components that live outside a stream (resources)
// and must still share its gate.
func Of(res *service.Resources, name string) *Gate {
	key := gateKey{stream: res.StreamID(), name: name}
	if name != "" {
		key.stream = ""
	}
	g, loaded := res.GetOrSetGeneric(key, New())
	found := g.(*Gate)
	if !loaded {
		RegistryOf(res).add(found)
	}
	return found
}

// Registry knows every gate of a process (of one resource manager).
type Registry struct {
	mu    sync.Mutex
	gates []*Gate
}

// RegistryOf returns the registry behind the given resources.
func RegistryOf(res *service.Resources) *Registry {
	r, _ := res.GetOrSetGeneric(registryKey{}, &Registry{})
	return r.(*Registry)
}

func (r *Registry) add(g *Gate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gates = append(r.gates, g)
}

func (r *Registry) all() []*Gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Gate(nil), r.gates...)
}

// Drain drains every gate: see Gate.Drain.
func (r *Registry) Drain() {
	for _, g := range r.all() {
		g.Drain()
	}
}

// AwaitLeave waits until every input has left its gate, or until ctx ends,
// whose error it then returns.
func (r *Registry) AwaitLeave(ctx context.Context) error {
	for _, g := range r.all() {
		select {
		case <-g.vacant():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Unsettled is the number of records, over all streams, that were accepted
// from an input and neither stored nor dead-lettered. After a complete
// shutdown it is zero.
func (r *Registry) Unsettled() int64 {
	var n int64
	for _, g := range r.all() {
		n += g.unsettledRecords()
	}
	return n
}
