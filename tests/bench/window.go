package main

import (
	"context"
	"sync/atomic"
	"time"
)

// bounded bounds what is published and not yet stored. One goroutine publishes,
// and any may tell what is stored.
type bounded struct {
	size   int
	stored atomic.Int64
}

// lookAgain is the time between two looks at a window that is full.
const lookAgain = time.Millisecond

// room is how many records may be published when sent have been, waiting until
// there is one. It is at most most.
func (w *bounded) room(ctx context.Context, sent, most int) (int, error) {
	for {
		if n := min(most, w.size-(sent-int(w.stored.Load()))); n > 0 {
			return n, ctx.Err()
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}
