package gate

import (
	"slices"
	"time"
)

// seat is the place of one label at a gate. It outlives its members: an input
// that connects again finds it as it left it.
type seat struct{ since time.Time } // when an operator took hold of it; zero when free

func (s *seat) held() bool { return !s.since.IsZero() }

func (s *seat) hold(now time.Time) {
	if !s.held() {
		s.since = now
	}
}

// seatOf returns the seat of a label, making it on first use; what has no label
// gets one for itself.
func (g *Gate) seatOf(label string) *seat {
	if s := g.seats[label]; s != nil {
		return s
	}
	s := &seat{since: g.allHeld}
	if label != "" {
		g.seats[label] = s
	}
	return s
}

// HoldInput pauses the inputs of that label, present and future, until
// ReleaseInput or ReleaseInputs, or until the stream drains. It does not matter
// what else pauses them meanwhile. Holding twice is holding once. A draining
// gate takes no hold and returns false.
func (g *Gate) HoldInput(label string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return false
	}
	if s := g.seatOf(label); !s.held() {
		s.hold(time.Now())
		g.tellWatcher(Watcher.Held, label)
	}
	g.tellInputs()
	return true
}

// ReleaseInput gives up the operator's hold on a label. Its inputs resume unless
// the gate is closed.
func (g *Gate) ReleaseInput(label string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seatOf(label).since = time.Time{}
	if !g.anyHeld() {
		label = ""
	}
	g.tellWatcher(Watcher.Released, label)
	g.tellInputs()
}

// HoldInputs is HoldInput for all labels, those that are not known yet included.
func (g *Gate) HoldInputs() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return false
	}
	if g.allHeld.IsZero() {
		g.tellWatcher(Watcher.Held, "")
	}
	g.allHeld = time.Now()
	for _, s := range g.seats {
		s.hold(g.allHeld)
	}
	for _, m := range g.members {
		m.seat.hold(g.allHeld)
	}
	g.tellInputs()
	return true
}

// ReleaseInputs gives up every hold of an operator, however it was taken.
func (g *Gate) ReleaseInputs() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.vacateSeats()
	g.tellInputs()
}

// vacateSeats frees all seats without telling the inputs.
func (g *Gate) vacateSeats() {
	g.allHeld = time.Time{}
	for _, s := range g.seats {
		s.since = time.Time{}
	}
	for _, m := range g.members {
		m.seat.since = time.Time{}
	}
	g.tellWatcher(Watcher.Released, "")
}

// anyHeld reports whether an operator holds the seat of any label, or of any input
// that has none.
func (g *Gate) anyHeld() bool {
	for _, s := range g.seats {
		if s.held() {
			return true
		}
	}
	return slices.ContainsFunc(g.members, func(m *Member) bool { return m.seat.held() })
}

// tellWatcher lets the buffer know of an operator's hold, before the inputs do.
func (g *Gate) tellWatcher(what func(Watcher, string), label string) {
	if g.controller != nil {
		what(g.controller.watcher, label)
	}
}

// heldLabels tells since when which labels are held; nil when none is.
func (g *Gate) heldLabels() map[string]time.Time {
	var held map[string]time.Time
	for label, s := range g.seats {
		if s.held() {
			if held == nil {
				held = map[string]time.Time{}
			}
			held[label] = s.since
		}
	}
	return held
}
