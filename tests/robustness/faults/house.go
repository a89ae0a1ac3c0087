package faults

import (
	"context"
	"errors"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

var houseFaults = []Fault{
	{
		Name: "clickhouse.stall",
		Begin: func(_ context.Context, s *Scene) error {
			s.note(model.StoreRefuses, "")
			return s.House.Stall()
		},
		End: func(_ context.Context, s *Scene) error { return s.House.Continue() },
	},
	{
		Name: "clickhouse.kill",
		Begin: func(_ context.Context, s *Scene) error {
			s.note(model.StoreBroken, "")
			return s.House.Kill()
		},
		End: func(ctx context.Context, s *Scene) error { return s.House.Start(ctx) },
	},
	{
		Name: "clickhouse.stop",
		Begin: func(_ context.Context, s *Scene) error {
			s.note(model.StoreBroken, "")
			return s.House.Stop()
		},
		End: func(ctx context.Context, s *Scene) error { return s.House.Start(ctx) },
	},
}

// inserts are the statements that wire faults hit.
const inserts = `^INSERT INTO `

// wire is a fault of the stand-in: what the next inserts get for an answer.
func wire(name string, what model.What, f stack.Fault) Fault {
	f.Statement = inserts
	return Fault{
		Name: "wire." + name,
		Cannot: needs("server that shows faults on the wire", func(s *Scene) bool {
			_, ok := s.House.(stack.FaultyClickHouse)
			return ok && s.House.Kind() == stack.KindChDB
		}),
		Begin: func(ctx context.Context, s *Scene) error {
			s.note(what, "")
			return s.House.(stack.FaultyClickHouse).AddFault(ctx, f)
		},
		End: func(ctx context.Context, s *Scene) error {
			err := s.House.(stack.FaultyClickHouse).ClearFaults(ctx)
			if errors.Is(err, stack.ErrNoFaults) {
				return nil
			}
			return err
		},
	}
}

var wireFaults = []Fault{
	wire("too-many-parts", model.StoreRefuses, stack.Fault{Times: 8, Code: 252, Text: "Too many parts (3000). Merges are processing significantly slower than inserts"}),
	wire("memory-limit", model.StoreRefuses, stack.Fault{Times: 8, Code: 241, Text: "Memory limit (total) exceeded"}),
	wire("read-only", model.StoreRefuses, stack.Fault{Times: 4, Code: 164, Text: "Cannot execute query in readonly mode"}),
	wire("cut-before", model.StoreBroken, stack.Fault{Times: 4, Cut: true, Early: true}),
	wire("cut-unstored", model.StoreBroken, stack.Fault{Times: 4, Cut: true}),
	wire("cut-stored", model.StoreBroken, stack.Fault{Times: 4, Cut: true, Execute: true}),
	wire("refused-stored", model.StoreBroken, stack.Fault{Times: 4, Code: 210, Text: "Connection reset by peer", Execute: true}),
	wire("no-answer", model.StoreBroken, stack.Fault{Times: 1, Stall: true}),
}
