package nats

import "slices"

// receipt is a number of acknowledgements that were sent together. The server
// confirms the last one: what was sent before it on the same connection it has
// heard as well. An acknowledgement that nobody heard, because its consumer had
// no leader or was gone at that moment, would be a message delivered twice.
type receipt struct {
	id      uint64
	replies []string
	runs    []*run // that are settled by it
	sent    uint32 // the keeper's tick
}

// receipts are the acknowledgements that the server has not confirmed, in the
// order in which they were sent. intake guards them.
type receipts struct {
	last    uint64
	pending []receipt
}

// open notes acknowledgements that are about to be sent; there is nothing to
// confirm of none.
func (s *receipts) open(replies []string, runs []*run, tick uint32) receipt {
	if len(replies) == 0 {
		return receipt{}
	}
	s.last++
	r := receipt{id: s.last, replies: replies, runs: runs, sent: tick}
	s.pending = append(s.pending, r)
	return r
}

// take ends a receipt. One that was confirmed before is not found.
func (s *receipts) take(id uint64) (receipt, bool) {
	at := slices.IndexFunc(s.pending, func(r receipt) bool { return r.id == id })
	if at < 0 {
		return receipt{}, false
	}
	r := s.pending[at]
	s.pending = slices.Delete(s.pending, at, at+1)
	return r, true
}

// overdue returns what was sent that many ticks ago, or earlier, and notes that
// it is about to be sent again.
func (s *receipts) overdue(now, ticks uint32) (late []receipt) {
	for i := range s.pending {
		if r := &s.pending[i]; now-r.sent >= ticks {
			r.sent = now
			late = append(late, *r)
		}
	}
	return late
}
