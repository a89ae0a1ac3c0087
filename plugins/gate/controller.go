package gate

import "sync/atomic"

// Controller is a buffer's hold on its gate, from Attach to Detach.
type Controller struct {
	gate    *Gate
	limits  Limits
	pausing bool
	watcher Watcher
	records atomic.Int64
	bytes   atomic.Int64
	closed  bool // this controller holds ReasonLevel; guarded by the caller of Observe
}

// Controller returns a hold on the gate that is not attached yet. With pausing
// false (the emergency switch) the level never closes the gate.
func (g *Gate) Controller(limits Limits, pausing bool, w Watcher) *Controller {
	return &Controller{gate: g, limits: limits, pausing: pausing, watcher: w}
}

// Attach puts the gate under this control. A controller that is still attached,
// of a stream that a reload is replacing, loses it: the newest one decides.
func (c *Controller) Attach() {
	g := c.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if old := g.controller; old != nil {
		g.unsettled += old.Level()
	}
	g.release(ReasonLevel)
	g.controller = c
	g.claimed = true
}

// Observe tells the gate the level after a change. The caller serialises its
// calls in the order of the changes: it holds its own lock meanwhile. The gate
// closes when either level is above its pause threshold and opens when both are
// below their resume thresholds; in between it costs a few comparisons.
func (c *Controller) Observe(v Level) {
	c.records.Store(int64(v.Records))
	c.bytes.Store(v.Bytes)
	switch {
	case !c.pausing:
	case !c.closed && c.limits.above(v):
		c.closed = true
		c.apply((*Gate).hold)
	case c.closed && c.limits.below(v):
		c.closed = false
		c.apply((*Gate).release)
	}
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
	if g.controller != c {
		return
	}
	g.release(ReasonLevel)
	g.controller = nil
	g.claimed = false
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
