package kafka

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// awaitTurn waits until a batch may be handed over: Kafka keeps what other sources
// would lose, and so gives way to them.
func (s *session) awaitTurn(ctx context.Context, b *batch) (*gate.Turn, error) {
	turn := s.member.Enter(b.load)
	select {
	case <-turn.Granted():
		return turn, nil
	default:
	}
	defer s.stats.Yield()()
	var err error
	select {
	case <-turn.Granted():
		return turn, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.running.Done():
		err = service.ErrNotConnected
	case <-s.renewed:
		err = service.ErrNotConnected
	case <-s.drained:
		err = service.ErrEndOfInput
	}
	turn.Leave()
	return nil, err
}
