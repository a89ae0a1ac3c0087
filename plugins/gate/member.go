package gate

import "slices"

// Member is the registration of one input, from Join to Leave.
type Member struct {
	gate     *Gate
	input    Input
	label    string
	seat     *seat
	paused   bool // what the input was told last
	drained  bool // nothing more is told
	stopping bool
	turns    membership
}

// Join registers an input that has no label: an operator can hold it only
// together with all others. See JoinAs.
func (g *Gate) Join(in Input) *Member { return g.JoinAs("", in) }

// JoinAs registers the input of that label. It is told the present state before
// JoinAs returns: an input that connects while the gate is closed, or while an
// operator holds its label, starts paused; one that connects while the stream
// drains is drained at once.
func (g *Gate) JoinAs(label string, in Input) *Member {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := &Member{gate: g, input: in, label: label, seat: g.seatOf(label)}
	g.members = append(g.members, m)
	g.use()
	g.noticeEnding()
	g.tell(m)
	if g.draining {
		m.drain()
	}
	return m
}

// tellInputs lets every input know what has changed for it.
func (g *Gate) tellInputs() {
	for _, m := range g.members {
		g.tell(m)
	}
}

// tell pauses or resumes an input if it is not in that state already.
func (g *Gate) tell(m *Member) {
	pause := len(g.reasons) > 0 || m.seat.held()
	switch {
	case m.drained || pause == m.paused:
	case pause:
		m.paused = true
		m.input.Pause()
	default:
		m.paused = false
		m.input.Resume()
	}
}

func (m *Member) drain() {
	if m.drained {
		return
	}
	m.drained = true
	m.input.Drain()
}

func (g *Gate) anyPaused() bool {
	return slices.ContainsFunc(g.members, func(m *Member) bool { return m.paused })
}

// Governed reports whether a buffer controls the gate, or is about to.
func (m *Member) Governed() bool { return m.gate.Governed() }

// Stopping says that the host has begun to stop this input, which is drained alone:
// it is read no more. Whether the stream stops, or another input takes this one's
// place, nobody can tell yet; see Watcher.Ending. Calling it
// again, or after Leave, does nothing.
func (m *Member) Stopping() {
	g := m.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	m.stopping = true
	m.drain()
	g.noticeEnding()
}

// Leaving reports whether an input of that label has begun to stop, and has not left yet.
func (g *Gate) Leaving(label string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.members, func(m *Member) bool { return m.label == label && m.stopping })
}

// noticeEnding tells the watcher when the last input that is joined stops, and
// when that is over.
func (g *Gate) noticeEnding() {
	running := func(m *Member) bool { return !m.stopping }
	is := len(g.members) > 0 && !slices.ContainsFunc(g.members, running)
	if is == g.ending {
		return
	}
	g.ending = is
	if g.controller != nil {
		g.controller.watcher.Ending(is)
	}
}

// Leave ends the registration. Inputs leave when they have closed: a process
// that is about to exit waits for it. Leaving twice is leaving once.
func (m *Member) Leave() {
	g := m.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = slices.DeleteFunc(g.members, func(o *Member) bool { return o == m })
	m.drained = true
	g.turns.forget(m)
	g.noticeEnding()
	g.rest()
	if len(g.members) == 0 && g.vacated != nil {
		close(g.vacated)
		g.vacated = nil
	}
}

// vacant returns a channel that is closed when no input is joined.
func (g *Gate) vacant() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.vacated == nil {
		g.vacated = make(chan struct{})
	}
	vacated := g.vacated
	if len(g.members) == 0 {
		close(vacated)
		g.vacated = nil
	}
	return vacated
}

// rest forgets that the stream drained once nothing of it is left: the next
// generation (a reload) finds the gate as new. Of a stream that is gone for good the
// gate itself is forgotten.
func (g *Gate) rest() {
	if len(g.members) > 0 || g.controller != nil {
		return
	}
	g.draining = false
	g.turns.setFree(false)
	if g.claims > 0 || g.registry == nil || !g.registry.forget(g, g.unsettled) {
		return
	}
	g.unsettled = 0
	if g.whenGone != nil {
		g.whenGone()
	}
}
