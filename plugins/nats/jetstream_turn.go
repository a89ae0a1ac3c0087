package nats

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// awaitTurn waits until messages may be handed over, or ctx ends: the server keeps
// what other sources would lose, and so JetStream gives way to them. What waits is
// held, and kept from being delivered again, as what waits in the intake is.
func (in *jetInput) awaitTurn(ctx context.Context, msgs []*nats.Msg) *gate.Turn {
	load := gate.Level{Records: len(msgs)}
	for _, m := range msgs {
		load.Bytes += int64(len(m.Data))
	}
	turn := in.member.Enter(load)
	select {
	case <-turn.Granted():
		return turn
	default:
	}
	defer in.figures.Yield()()
	select {
	case <-turn.Granted():
	case <-ctx.Done():
	}
	return turn
}
