package backpressure

import (
	"context"
	"encoding/json"
	"regexp"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const (
	// mostAlerts is how many alerts wait for their output; beyond, the oldest is lost.
	mostAlerts = 64
	// alertAttempts is how often one is sent at most, each for so long.
	alertAttempts = 4
	alertPatience = 10 * time.Second
	// alertBackoff is the wait before the second attempt; it grows fourfold.
	alertBackoff = time.Second
	// alertsEnd is how long the end of the stream waits for alerts.
	alertsEnd = time.Second
	// alertFaultsEvery bounds how often an output that does not take alerts is logged.
	alertFaultsEvery = 5 * time.Minute
)

// alertSink is what takes alerts: an output that the buffer owns.
type alertSink interface {
	WriteBatch(context.Context, service.MessageBatch) error
	Close(context.Context) error
}

// courier brings alerts to their output, in their order, in a goroutine of its own:
// whoever has one never waits. It is safe for concurrent use.
type courier struct {
	out     alertSink
	log     *service.Logger
	metrics *metrics
	wake    chan struct{} // capacity 1
	stop    chan struct{} // closed at the end
	done    chan struct{} // closed when the goroutine has ended
	ctx     context.Context
	cancel  context.CancelFunc // at the end of all patience
	faults  status.Repeats
	used    bool // the output was written to; the goroutine's
	ended   sync.Once

	mu    sync.Mutex
	queue [][]byte // the one under way included
	sent  int64
	lost  int64
	fault string // of the last attempt; empty when it succeeded
}

func newCourier(out alertSink, log *service.Logger, m *metrics) *courier {
	c := &courier{
		out: out, log: log, metrics: m,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func (c *courier) start() {
	go func() {
		defer close(c.done)
		c.run()
	}()
}

// send takes an alert; it returns at once.
func (c *courier) send(a alert) {
	body, err := json.Marshal(a)
	if err != nil {
		c.log.Errorf("An alert cannot be written as JSON: %v", err)
		return
	}
	c.mu.Lock()
	if len(c.queue) == mostAlerts {
		c.lose(1)
	}
	c.queue = append(c.queue, body)
	c.metrics.alertsWaiting.Set(int64(len(c.queue)))
	c.mu.Unlock()
	signal(c.wake)
}

// lose gives the oldest alerts up; the caller holds mu.
func (c *courier) lose(n int) {
	c.queue = c.queue[n:]
	c.lost += int64(n)
	c.metrics.alertsLost.Incr(int64(n))
	c.metrics.alertsWaiting.Set(int64(len(c.queue)))
}

func (c *courier) run() {
	for {
		body := c.oldest()
		switch {
		case body != nil && c.ctx.Err() == nil:
			c.deliver(body)
			continue
		case c.stopping():
			c.giveUp()
			return
		}
		select {
		case <-c.wake:
		case <-c.stop:
		}
	}
}

// oldest is the alert that waits longest, nil when none does.
func (c *courier) oldest() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil
	}
	return c.queue[0]
}

// deliver tries to send an alert, until it is sent, given up, or lost meanwhile to ones
// that are newer.
func (c *courier) deliver(body []byte) {
	wait := alertBackoff
	for n := 1; ; n++ {
		err := c.write(body)
		c.mu.Lock()
		mine := len(c.queue) > 0 && &c.queue[0][0] == &body[0]
		c.fault = ""
		switch {
		case err == nil && mine:
			c.queue = c.queue[1:]
			fallthrough
		case err == nil:
			c.sent++
			c.metrics.alertsSent.Incr(1)
			c.metrics.alertsWaiting.Set(int64(len(c.queue)))
		default:
			c.fault = withoutPaths(err.Error())
			if mine && (n == alertAttempts || c.stopping()) {
				c.lose(1)
				mine = false
			}
		}
		c.mu.Unlock()
		if err != nil {
			c.complain(err, n)
		}
		if err == nil || !mine {
			return
		}
		select {
		case <-time.After(wait):
		case <-c.stop: // one attempt more
		}
		wait *= 4
	}
}

func (c *courier) write(body []byte) error {
	ctx, cancel := context.WithTimeout(c.ctx, alertPatience)
	defer cancel()
	c.used = true
	return c.out.WriteBatch(ctx, service.MessageBatch{service.NewMessage(body)})
}

func (c *courier) complain(err error, attempt int) {
	if repeats, tell := c.faults.Tell(alertFaultsEvery); tell {
		c.log.With("attempt", attempt, "repeats", repeats).Warnf("The output of alerts does not take one: %s", withoutPaths(err.Error()))
	}
}

func (c *courier) stopping() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// giveUp counts what is left as lost.
func (c *courier) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := len(c.queue); left > 0 {
		c.lose(left)
		c.log.Warnf("%d alerts were not delivered before the stream ended", left)
	}
}

// close delivers what waits, as far as that is possible within alertsEnd, and ends the
// output. Closing again does nothing.
func (c *courier) close() { c.ended.Do(c.end) }

func (c *courier) end() {
	close(c.stop)
	end := time.AfterFunc(alertsEnd, c.cancel)
	defer end.Stop()
	defer c.cancel()
	<-c.done
	if c.used { // an output that never started would be waited for in vain
		if err := c.out.Close(c.ctx); err != nil {
			c.log.Debugf("The output of alerts has not ended in time: %s", withoutPaths(err.Error()))
		}
	}
}

// figures are for /health.
func (c *courier) figures() *status.Alerts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &status.Alerts{Sent: c.sent, Lost: c.lost, Waiting: int64(len(c.queue)), Error: c.fault}
}

// addressPath is what of an address follows its host, and what stands before it: in
// those of webhooks it is the secret.
var addressPath = regexp.MustCompile(`://(?:[^/@\s"']+@)?([^/?\s"']*)(?:[/?][^\s"']*)?`)

// withoutPaths takes out of a text what addresses in it have beside their hosts.
func withoutPaths(text string) string { return addressPath.ReplaceAllString(text, "://$1/***") }
