package clickhouse

import (
	"context"
	"sync"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

const (
	// firstSign and longestSign are how long to wait between two signs of life that
	// are asked for while nothing is sent.
	firstSign   = time.Second
	longestSign = 10 * time.Second
	// quiet is how long nothing must have been sent before a sign of life says that a
	// server, which answered the last insert with an error, is well again.
	quiet = time.Minute
)

// recovery finds out that the servers are back when nobody sends anything that would
// show it: an output that has failed and handed its batch on, to a fallback for
// example, would be called disconnected for ever. It only asks while no batch is with
// the output, whose own attempts tell more.
type recovery struct {
	up    func() bool                 // whether the link is up
	ask   func(context.Context) error // whether every shard answers
	found func()                      // told that they do
	last  func() error                // why the link is down

	mu      sync.Mutex
	batches int       // with the output
	left    time.Time // when the last one left
	asking  bool
	wg      sync.WaitGroup
}

// enter says that a batch has come.
func (r *recovery) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches++
}

// leave says that a batch has gone, wherever to. Nothing is asked when running has
// ended.
func (r *recovery) leave(running context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches--
	r.left = time.Now()
	if r.up() || r.batches > 0 || r.asking || running.Err() != nil {
		return
	}
	r.asking = true
	r.wg.Go(func() { r.watch(running) })
}

// wait returns when nothing is asked any more. The context of the last leave has ended.
func (r *recovery) wait() {
	r.mu.Lock()   // whoever leaves now asks nothing
	r.mu.Unlock() //nolint:staticcheck // the lock is the point
	r.wg.Wait()
}

func (r *recovery) watch(running context.Context) {
	for pause := firstSign; ; pause = min(2*pause, longestSign) {
		select {
		case <-running.Done():
		case <-time.After(pause):
			if r.due() && r.ask(running) == nil {
				r.recovered()
			}
		}
		if r.done(running) {
			return
		}
	}
}

// due reports whether a sign of life would say something.
func (r *recovery) due() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, answered := server.Code(r.last())
	return r.batches == 0 && (!answered || time.Since(r.left) >= quiet)
}

func (r *recovery) recovered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.batches == 0 {
		r.found()
	}
}

// done reports whether there is nothing to find out any more: what comes later asks
// anew.
func (r *recovery) done(running context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if running.Err() == nil && r.batches == 0 && !r.up() {
		return false
	}
	r.asking = false
	return true
}

// newRecovery makes that of an output.
func newRecovery(o *output) *recovery {
	return &recovery{
		up:    func() bool { return o.board.Link.State().Connected },
		last:  func() error { return o.board.Link.State().Err },
		found: o.board.Link.Up,
		ask: func(ctx context.Context) error {
			for _, c := range o.clusters {
				if err := c.Connect(ctx); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
