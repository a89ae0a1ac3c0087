package nats

// Pause implements gate.Input.
func (c *coreInput) Pause() {
	if c.conf.leave {
		c.setAway(true, (*session).leave)
	} else {
		c.hold.pause()
	}
	c.pausing.Set(true)
	c.log.Info("⏸️  NATS subscriber paused")
}

// Resume implements gate.Input.
func (c *coreInput) Resume() {
	if c.conf.leave {
		c.setAway(false, (*session).rejoin)
		c.pausing.Set(false)
		c.log.Info("▶️  NATS subscriber resumed")
		return
	}
	r := c.hold.resume()
	c.pausing.Set(false)
	log := c.log.With("dropped", r.dropped)
	if c.conf.conflate.enabled {
		log = log.With("conflated", r.conflated, "kept", r.kept)
	}
	log.Info("▶️  NATS subscriber resumed")
	if c.conf.conflate.enabled && r.dropped > 0 {
		c.log.With("dropped", r.dropped).Warnf("The pause met more keys or bytes than %s.%s or %s.%s allow to keep, or messages without a key",
			fieldConflate, fieldMaxKeys, fieldConflate, fieldMaxBytes)
	}
}

// setAway says whether we are out of the queue group, to the session that there
// is and to those to come.
func (c *coreInput) setAway(is bool, tell func(*session)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = is
	if c.session != nil {
		tell(c.session)
	}
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

// has tells whether a session goes on. Once it is ended what it has queued is
// discarded, which ends a drain too.
func (c *coreInput) has(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session == s
}

func (c *coreInput) drain() {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.drain()
		<-s.done
		if c.has(s) && !s.closing.Load() && !s.conn.IsClosed() {
			c.tally.end(s, true)
		}
	}
	c.hold.finish()
}
