package gate

import (
	"context"
	"sync/atomic"
	"time"
)

// StallAfter is how long the output may settle nothing, or keep a batch waiting
// for a retry, before sources that can wait no longer yield.
const StallAfter = 5 * time.Second

// Controller is a buffer's hold on its gate, from Attach to Detach.
type Controller struct {
	gate     *Gate
	settings atomic.Pointer[settings] // changed by Adjust alone
	watcher  Watcher
	records  atomic.Int64
	bytes    atomic.Int64
	closed   bool // this controller holds ReasonLevel; guarded by the caller of Observe

	detached bool   // guarded by the gate's lock
	end      func() // tells who asked Over

	busy    atomic.Bool  // the buffer takes a batch, or waits for room for it
	askedAt atomic.Int64 // when it last began to wait for one, in Unix nanoseconds

	settlements atomic.Int64 // how often the level fell
	stalled     atomic.Bool  // it has not, for too long
	stuck       atomic.Bool  // a batch waits for a retry, for too long

	seen     int64     // settlements at the last Review; the goroutine's that calls it
	progress time.Time // when one last saw any, or nothing to settle
}

// settings are what decides, beside the level.
type settings struct {
	limits  Limits
	pausing bool
}

// Controller returns a hold on the gate that is not attached yet. With pausing
// false (the emergency switch) the level never closes the gate.
func (g *Gate) Controller(limits Limits, pausing bool, w Watcher) *Controller {
	over, end := context.WithCancel(context.Background())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = over
	c := &Controller{gate: g, watcher: w, end: end}
	c.settings.Store(&settings{limits, pausing})
	return c
}

// Attach puts the gate under this control. A controller that is still attached,
// of a stream that a reload is replacing, loses it: the newest one decides.
func (c *Controller) Attach() {
	g := c.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unsettled = 0 // of a stream that this one has replaced
	g.release(ReasonLevel)
	g.controller = c
	g.turns.governBy(c)
	g.use()
}

// Observe tells the gate the level after a change. The caller serialises its
// calls in the order of the changes: it holds its own lock meanwhile. The gate
// closes when either level is above its pause threshold and opens when both are
// below their resume thresholds; in between it costs a few comparisons.
func (c *Controller) Observe(v Level) {
	if before := c.records.Swap(int64(v.Records)); int64(v.Records) < before {
		c.settlements.Add(1)
		c.stalled.Store(false)
	}
	c.bytes.Store(v.Bytes)
	c.gate.turns.relieve()
	switch s := c.settings.Load(); {
	case !s.pausing:
	case !c.closed && s.limits.above(v):
		c.close()
	case c.closed && s.limits.Below(v):
		c.open()
	}
}

// Adjust changes the limits, and whether the level closes the gate at all, and decides
// at once for the level that was observed last: the gate closes when that is above the
// new pause threshold. It opens when that is below the new resume threshold, when the
// pause threshold was raised and the level is not above it, and when pausing is switched
// off. Otherwise nothing changes, as between the thresholds. The caller serialises it
// with Observe.
func (c *Controller) Adjust(limits Limits, pausing bool) {
	v := Level{Records: int(c.records.Load()), Bytes: c.bytes.Load()}
	old := c.settings.Swap(&settings{limits, pausing})
	raised := limits.Pause > old.limits.Pause
	switch above := limits.above(v); {
	case !c.closed && pausing && above:
		c.close()
	case c.closed && (!pausing || limits.Below(v) || (raised && !above)):
		c.open()
	}
	c.gate.turns.relieve()
}

func (c *Controller) close() {
	c.closed = true
	c.apply((*Gate).hold)
}

func (c *Controller) open() {
	c.closed = false
	c.apply((*Gate).release)
}

// Review looks whether the output keeps up: busy says that it has something, and
// retrying since when it has the oldest batch that waits for a retry, zero when none
// does. It is to be called about once a second, by one goroutine.
func (c *Controller) Review(now time.Time, busy bool, retrying time.Time) {
	if n := c.settlements.Load(); n != c.seen || !busy {
		c.seen, c.progress = n, now
	}
	c.stuck.Store(!retrying.IsZero() && now.Sub(retrying) >= StallAfter)
	c.stalled.Store(now.Sub(c.progress) >= StallAfter)
	c.gate.turns.relieve()
}

// keepsUp reports whether the level is what the sources make of it, and not the
// output.
func (c *Controller) keepsUp() bool { return !c.stalled.Load() && !c.stuck.Load() }

// Takes says whether the buffer has a batch to take: if not, it waits for the next one.
func (c *Controller) Takes(is bool) {
	c.busy.Store(is)
	if !is {
		c.askedAt.Store(time.Now().UnixNano())
	}
}

// asked reports whether the buffer has waited for a batch since then.
func (c *Controller) asked(since time.Time) bool {
	return !c.busy.Load() || c.askedAt.Load() > since.UnixNano()
}

// Level is the number of records last observed.
func (c *Controller) Level() int64 { return c.records.Load() }

// Bytes is what the records last observed weigh.
func (c *Controller) Bytes() int64 { return c.bytes.Load() }

// Detach ends the control; unsettled is how many records the buffer had to
// hand back without having settled them. A controller that another one has
// replaced changes nothing.
func (c *Controller) Detach(unsettled int) {
	g := c.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if !c.detached {
		c.detached = true
		c.end()
		g.claims = max(0, g.claims-1)
	}
	if g.controller != c {
		return
	}
	g.release(ReasonLevel)
	g.controller = nil
	g.turns.governBy(nil)
	g.unsettled += int64(unsettled)
	g.rest()
}

func (c *Controller) apply(act func(*Gate, Reason)) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if c.gate.controller == c {
		act(c.gate, ReasonLevel)
	}
}
