package topology

import (
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Generation is one life of a stream, from the moment that the host begins to build
// it: a reload, and a stream that is made anew, begin another one.
type Generation struct {
	topology atomic.Pointer[Topology]
}

// Topology is that of the stream, or nil while the host is still building it, and
// where nobody watches. What it answers is right when the stream has started: the
// host may build an input before it looks at the output.
func (g *Generation) Topology() *Topology {
	if g == nil {
		return nil
	}
	return g.topology.Load()
}

// generationKey finds the present generation of a stream among the resources that
// all streams of a process share.
type generationKey struct{ stream string }

// Of returns the generation of the stream that a component is built for. It is nil
// where nobody watches what the host builds: see Watch. Components ask when they are
// built, since later there may be another one.
func Of(res *service.Resources) *Generation {
	g, _ := res.GetGeneric(generationKey{res.StreamID()})
	found, _ := g.(*Generation)
	return found
}

// Declare says what the topology of the component's stream is, where the host does
// not build the stream but a program does that knows its configuration. It begins a
// generation.
func Declare(res *service.Resources, t *Topology) {
	g := &Generation{}
	g.topology.Store(t)
	res.SetGeneric(generationKey{res.StreamID()}, g)
}

// Gate returns the name of the gate that a component of a stream shares with the
// buffer: its own one if it names one, else the buffer's. It is right once the stream
// has started.
func Gate(res *service.Resources, named string) string {
	t := Of(res).Topology()
	if named != "" || t == nil || t.tree == nil || t.tree.buffer == nil || t.tree.buffer.name != backpressure {
		return named
	}
	return t.tree.buffer.text("gate")
}
