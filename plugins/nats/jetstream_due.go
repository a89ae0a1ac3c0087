package nats

// dueRuns is a heap of runs: first comes the one of which the server has not
// heard for longest.
type dueRuns []*run

// push adds a run.
func (h *dueRuns) push(r *run) {
	*h = append(*h, r)
	s := *h
	for at := len(s) - 1; at > 0; {
		above := (at - 1) / 2
		if s[above].tick <= s[at].tick {
			break
		}
		s[above], s[at] = s[at], s[above]
		at = above
	}
}

// pop takes the first one out.
func (h *dueRuns) pop() *run {
	s := *h
	first, last := s[0], len(s)-1
	s[0], s[last] = s[last], nil
	s = s[:last]
	*h = s
	for at := 0; ; {
		below := 2*at + 1
		if below >= last {
			return first
		}
		if other := below + 1; other < last && s[other].tick < s[below].tick {
			below = other
		}
		if s[at].tick <= s[below].tick {
			return first
		}
		s[at], s[below] = s[below], s[at]
		at = below
	}
}

// compact leaves out what is over.
func (h *dueRuns) compact() {
	s := *h
	kept := s[:0]
	for _, r := range s {
		if !r.over {
			kept.push(r)
		}
	}
	clear(s[len(kept):])
	*h = kept
}
