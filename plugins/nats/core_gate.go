package nats

// Pause implements gate.Input.
func (c *coreInput) Pause() {
	c.hold.pause()
	c.figures.SetPaused(true)
	c.log.Info("⏸️ NATS subscriber paused")
}

// Resume implements gate.Input.
func (c *coreInput) Resume() {
	dropped := c.hold.resume()
	c.figures.SetPaused(false)
	c.log.With("dropped", dropped).Info("▶️ NATS subscriber resumed")
}

// Drain implements gate.Input: the server is asked to send no more, what is on
// its way is handed over at once, then ReadBatch ends the input.
func (c *coreInput) Drain() {
	c.hold.drain()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.workers.Go(c.drain)
	}
}

func (c *coreInput) drain() {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.drain()
		<-s.done
		if !s.closing.Load() && !s.conn.IsClosed() {
			c.tally.end(s, true)
		}
	}
	c.hold.finish()
}
