package clickhouse

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
)

// letterTurns bounds how often an output is tried that takes no dead letters: the host
// writes a line for each attempt that fails, and as many deliveries as there are batches
// may wait. While the last attempt has failed one delivery tries at a time, and the next
// waits for the back-off. It is another one each time, so that letters that the output will
// never take keep no others from it. It is safe for concurrent use.
type letterTurns struct {
	backoff  lane.Backoff
	failures atomic.Int64  // in a row, of whichever deliveries
	turn     chan struct{} // capacity 1
}

func newLetterTurns(backoff lane.Backoff) *letterTurns {
	return &letterTurns{backoff: backoff, turn: make(chan struct{}, 1)}
}

// try calls write, when it is its turn.
func (t *letterTurns) try(ctx context.Context, write func() error) error {
	if t.failures.Load() == 0 {
		return t.note(write())
	}
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.turn }()
	err := t.note(write())
	if err == nil {
		return nil
	}
	select {
	case <-time.After(t.backoff.Wait(int(t.failures.Load()))):
	case <-ctx.Done():
	}
	return err
}

func (t *letterTurns) note(err error) error {
	if err == nil {
		t.failures.Store(0)
	} else {
		t.failures.Add(1)
	}
	return err
}
