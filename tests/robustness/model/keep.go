package model

// checkKept judges a source that keeps its records: each that it acknowledged is
// stored or a dead letter, unless the source has deleted it, which is counted.
func (c *check) checkKept() {
	var missing []Key
	for _, k := range c.absent() {
		if gone(c.source, c.history[k], c.events) {
			c.Lost++
			continue
		}
		missing = append(missing, k)
	}
	c.Absent = missing
	if c.Missing = int64(len(missing)); c.Missing > 0 {
		c.problem("%d records are neither stored nor dead-lettered:%s", c.Missing, examples(missing))
	}
	if c.source.Kind == Jet {
		return // nothing is promised of what a stream deletes
	}
	counted := int64(0)
	for _, l := range c.lives {
		if counted += l.Counters.RecordsLost; l.Ending == Killed {
			return // what it had counted died with it
		}
	}
	if c.Uncounted = max(0, c.Lost-counted); c.Uncounted > 0 {
		c.problem("%d records were deleted at the source before they were read, and %d are counted", c.Lost, counted)
	}
}

// checkHeard judges a source that sends its records once: each is stored or
// counted, unless nobody was there to hear it.
func (c *check) checkHeard() {
	spans, counted := unheard(c.source, c.events), int64(0)
	for _, l := range c.lives {
		counted += l.Counters.Discarded()
	}
	var outside []Key
	for _, k := range c.absent() {
		if within(spans, k.Seq) {
			c.Lost++
		} else {
			outside = append(outside, k)
		}
	}
	n := int64(len(outside))
	if c.Uncounted = max(0, n-counted); c.Uncounted > 0 {
		c.problem("%d records are not stored, and %d are counted:%s", n, counted, examples(outside))
	}
	if len(spans) == 0 && counters(c.lives) && counted > n {
		c.problem("%d records are counted as discarded, and %d are not stored", counted, n)
	}
	if c.Missing = c.Uncounted; c.Missing > 0 {
		c.Absent = outside[counted:]
	}
}

func within(spans []Span, seq int64) bool {
	for _, s := range spans {
		if seq > s.Before && seq < s.Until {
			return true
		}
	}
	return false
}

// checkBooks compares the figures of the process that was there in the end with
// each other, and with the table where no other process wrote to it:
// received = stored + dropped + conflated + dead-lettered + held.
func (c *check) checkBooks() {
	if len(c.lives) == 0 {
		return
	}
	life := c.lives[len(c.lives)-1]
	if life.Ending != Running {
		return
	}
	n := life.Counters
	if n.Received != n.Accepted+n.Discarded() {
		c.problem("the books do not balance: received %d, accepted %d and discarded %d", n.Received, n.Accepted, n.Discarded())
	}
	if n.Accepted != n.Rows+n.Deduplicated+n.DeadLetters+n.Held {
		c.problem("the books do not balance: accepted %d, stored %d, recognised %d, dead-lettered %d and held %d",
			n.Accepted, n.Rows, n.Deduplicated, n.DeadLetters, n.Held)
	}
	if !counters(c.lives) {
		return
	}
	if rows := int64(len(c.order)); rows < n.Rows || rows > n.Rows+n.Deduplicated {
		c.problem("the table has %d rows, and /health tells of %d stored and %d recognised", rows, n.Rows, n.Deduplicated)
	}
}
