package nats

// pause makes the hold keep or discard what is offered. What it holds stays.
func (h *hold) pause() {
	h.set(func() { h.paused, h.atPause = true, h.figures })
}

// pauseResult is what one pause made of the messages it met.
type pauseResult struct {
	dropped, conflated int64
	kept               int // still to be handed over, of this pause or the one before
}

// resume ends a pause. What it kept is handed over next.
func (h *hold) resume() (r pauseResult) {
	h.set(func() {
		h.paused = false
		r.dropped = h.figures.dropped - h.atPause.dropped
		r.conflated = h.figures.conflated - h.atPause.conflated
		r.kept = h.kept.len()
	})
	return r
}

func (h *hold) setDisconnected(is bool) { h.set(func() { h.disconnected = is }) }
func (h *hold) setEnding(is bool)       { h.set(func() { h.ending = is }) }
func (h *hold) drain()                  { h.set(func() { h.draining = true }) }
func (h *hold) finish()                 { h.set(func() { h.drained = true }) }
func (h *hold) close()                  { h.set(func() { h.closed = true }) }

// set changes the state and lets everyone who waits look at it.
func (h *hold) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	h.letGo()
	signal(h.ready)
}

func (h *hold) isDraining() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.draining
}

func (h *hold) counts() holdFigures {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.figures
}

// abandon empties the hold for good and returns how many messages that were. A batch
// that take has returned is not among them: see done.
func (h *hold) abandon() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.figures.held - h.taken
	h.abandoned = true
	h.figures.held -= n
	h.figures.dropped += n
	h.msgs, h.bytes = nil, 0
	h.kept.clear()
	return n
}

// retract counts messages as dropped that were handed over, and that the host has
// dropped; it returns how many.
func (h *hold) retract(n int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.figures.handed -= n
	h.figures.dropped += n
	return n
}
