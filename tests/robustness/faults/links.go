package faults

import (
	"context"
	"slices"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// What a link does when it is slow.
const (
	slowly  = 40 * time.Millisecond
	narrow  = 200_000 // bytes a second
	aBlock  = 1500    // bytes, which cut a block in two
	forGood = 0       // the time after which a half-open connection is closed
)

// link are the faults of a connection.
func link(target string, there func(s *Scene) *stack.FaultProxy, broken func(s *Scene)) []Fault {
	can := needs(target, func(s *Scene) bool { return there(s) != nil })
	clearing := func(_ context.Context, s *Scene) error {
		there(s).Clear()
		return nil
	}
	breaking := func(act func(p *stack.FaultProxy) error) func(context.Context, *Scene) error {
		return func(_ context.Context, s *Scene) error {
			broken(s)
			return act(there(s))
		}
	}
	return []Fault{
		{
			Name: target + ".cut", Cannot: can,
			Begin: breaking(func(p *stack.FaultProxy) error { p.Down(); return nil }),
			End:   func(_ context.Context, s *Scene) error { return there(s).Up() },
		},
		{
			Name: target + ".half-open", Cannot: can, Brief: true, End: clearing,
			Begin: breaking(func(p *stack.FaultProxy) error { return p.Timeout(forGood) }),
		},
		{
			Name: target + ".cut-within", Cannot: can, End: clearing,
			Begin: breaking(func(p *stack.FaultProxy) error { return p.CutAfter(aBlock) }),
		},
		{
			Name: target + ".slow", Cannot: can, End: clearing,
			Begin: func(_ context.Context, s *Scene) error { return there(s).AddLatency(slowly, slowly/2) },
		},
		{
			Name: target + ".narrow", Cannot: can, End: clearing,
			Begin: func(_ context.Context, s *Scene) error { return there(s).Bandwidth(narrow) },
		},
	}
}

var linkFaults = slices.Concat(
	link("store-link", func(s *Scene) *stack.FaultProxy { return s.HouseLink },
		func(s *Scene) { s.note(model.StoreBroken, "") }),
	link("nats-link", func(s *Scene) *stack.FaultProxy { return s.NATSLink }, (*Scene).natsBroken),
	link("kafka-link", func(s *Scene) *stack.FaultProxy {
		if s.Kafka == nil {
			return nil
		}
		return s.Kafka.Link()
	}, func(s *Scene) { s.note(model.SourceBroken, s.KafkaFeed) }),
)
