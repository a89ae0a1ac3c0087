package server

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever waits for somebody else's question gives up with its own context.
func TestAQuestionOfAnotherCallerIsWaitedForNoLongerThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context, _, _ string) (net.Conn, error) { // it never accepts
			<-ctx.Done()
			return nil, ctx.Err()
		}
		r := newReplica(&Config{Dial: silent, DialTimeout: time.Hour, ReadTimeout: time.Hour, Inserts: 1}, "127.0.0.1:1")
		defer r.Close()
		first := make(chan error, 1)
		go func() {
			_, err := r.Features(context.Background())
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := r.Features(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begun))
		require.Error(t, <-first)
	})
}
