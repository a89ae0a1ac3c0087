package nats

import (
	"context"
	"time"
)

// signal puts a token into a channel that has room for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// await waits for a token, a time unless it is zero, or the end of ctx.
func await(ctx context.Context, token <-chan struct{}, rest time.Duration) {
	var over <-chan time.Time
	if rest > 0 {
		t := time.NewTimer(rest)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-token:
	case <-over:
	case <-ctx.Done():
	}
}
