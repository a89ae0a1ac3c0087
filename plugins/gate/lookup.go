package gate

import (
	"context"
	"maps"
	"slices"
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
//
// A gate is forgotten when nothing of its stream is left, unless it is that of the
// main stream, which a reload takes up again: look it up when it is needed.
func Of(res *service.Resources, name string) *Gate {
	key := gateKey{stream: res.StreamID(), name: name}
	if name != "" {
		key.stream = ""
	}
	return RegistryOf(res).gate(key)
}

// Registry knows every gate of a process (of one resource manager). Its lock is
// taken after that of any gate.
type Registry struct {
	mu        sync.Mutex
	gates     map[gateKey]*Gate
	unsettled int64 // of gates that are forgotten
	stopping  bool  // Drain was called
}

// RegistryOf returns the registry behind the given resources.
func RegistryOf(res *service.Resources) *Registry {
	r, _ := res.GetOrSetGeneric(registryKey{}, &Registry{gates: map[gateKey]*Gate{}})
	return r.(*Registry)
}

func (r *Registry) gate(key gateKey) *Gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.gates[key]
	if g == nil {
		g = New()
		g.registry, g.key = r, key
		r.gates[key] = g
	}
	return g
}

// forget drops a gate that nobody uses any more; unsettled is what its streams left
// behind. It reports whether it did.
func (r *Registry) forget(g *Gate, unsettled int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.key == (gateKey{}) || r.gates[g.key] != g {
		return false
	}
	delete(r.gates, g.key)
	r.unsettled += unsettled
	return true
}

// remember takes a gate back that is used again after all, unless another one has
// taken its place.
func (r *Registry) remember(g *Gate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gates[g.key] == nil {
		r.gates[g.key] = g
	}
}

func (r *Registry) all() []*Gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.gates))
}

// Drain drains every gate (see Gate.Drain), since the process is about to end. What
// streams that are gone already left behind is none of that end's; see Unsettled.
func (r *Registry) Drain() {
	r.mu.Lock()
	first := !r.stopping
	r.stopping = true
	if first {
		r.unsettled = 0
	}
	r.mu.Unlock()
	for _, g := range r.all() {
		if first {
			g.settle()
		}
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

// Unsettled is the number of records that were accepted from an input and neither stored
// nor dead-lettered, over the streams that there are, or that have ended since Drain. It
// tells of this end of the process alone: what a stream left behind that was replaced, or
// removed, before, is not in it. After a complete shutdown it is zero.
func (r *Registry) Unsettled() int64 {
	r.mu.Lock()
	n := r.unsettled
	r.mu.Unlock()
	for _, g := range r.all() {
		n += g.unsettledRecords()
	}
	return n
}
