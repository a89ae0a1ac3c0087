package faults

import (
	"context"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

var bridgeFaults = []Fault{
	{Name: "bridge.kill", Begin: func(ctx context.Context, s *Scene) error {
		s.note(model.BridgeKilled, "")
		if err := s.Bridge.Kill(); err != nil {
			return err
		}
		return s.Bridge.Start(ctx)
	}},
	{Name: "bridge.terminate", Begin: func(ctx context.Context, s *Scene) (err error) {
		e := s.note(model.BridgeEnded, "")
		e.Paused = s.Bridge.Paused(ctx)
		if e.ExitCode, err = s.Bridge.Terminate(ctx); err != nil {
			return err
		}
		return s.Bridge.Start(ctx)
	}},
	{
		Name: "bridge.freeze", Brief: true,
		Begin: func(_ context.Context, s *Scene) error {
			s.note(model.BridgeFrozen, "")
			return s.Bridge.Freeze()
		},
		End: func(_ context.Context, s *Scene) error { return s.Bridge.Thaw() },
	},
}

var operatorFaults = []Fault{
	{
		Name:  "operator.pause",
		Begin: func(ctx context.Context, s *Scene) error { return s.Bridge.Operate(ctx, "/inputs/pause") },
		End:   func(ctx context.Context, s *Scene) error { return s.Bridge.Operate(ctx, "/inputs/resume") },
	},
	{
		Name: "replica.join",
		Begin: func(ctx context.Context, s *Scene) error {
			s.note(model.Rebalanced, "")
			return s.Bridge.Join(ctx)
		},
		End: func(ctx context.Context, s *Scene) (err error) {
			e := s.note(model.BridgeEnded, "")
			e.Paused = s.Bridge.Paused(ctx)
			e.ExitCode, err = s.Bridge.Leave(ctx)
			return err
		},
	},
}
