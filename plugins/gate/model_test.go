package gate_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// The gate against its definition, over random walks of both levels: it closes
// when either is above its pause threshold and opens when both are below their
// resume thresholds.
func TestGateFollowsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := gate.Limits{Max: 60, Pause: rapid.IntRange(2, 60).Draw(t, "pause")}
		limits.Resume = rapid.IntRange(1, limits.Pause-1).Draw(t, "resume")
		if rapid.Bool().Draw(t, "bytes") {
			limits = limits.WithBytes(rapid.Int64Range(60, 6000).Draw(t, "max"))
		}
		g, j := gate.New(), &journal{}
		c := attach(g, limits, true, j)
		closed := false
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			v := gate.Level{Records: rapid.IntRange(0, 60).Draw(t, "records"), Bytes: rapid.Int64Range(0, 6000).Draw(t, "weight")}
			c.Observe(v)
			heavy := limits.Bytes.Max > 0 && v.Bytes > limits.Bytes.Pause
			light := limits.Bytes.Max == 0 || v.Bytes < limits.Bytes.Resume
			switch {
			case v.Records > limits.Pause || heavy:
				closed = true
			case v.Records < limits.Resume && light:
				closed = false
			}
			if g.Paused() != closed {
				t.Fatalf("paused=%t at %+v of %+v", g.Paused(), v, limits)
			}
		}
	})
}

// twin is an input of the model: what it was told must alternate.
type twin struct {
	t       *rapid.T
	label   string
	paused  bool
	drained bool
	member  *gate.Member
}

func (in *twin) Pause()  { in.told(true) }
func (in *twin) Resume() { in.told(false) }
func (in *twin) Drain()  { in.drained = true }

func (in *twin) told(pause bool) {
	if in.drained || in.paused == pause {
		in.t.Fatalf("input %q is told pause=%t: it was told that last, or has been drained (%t)", in.label, pause, in.drained)
	}
	in.paused = pause
}

// holds is the reference: who holds what, by the definition.
type holds struct {
	t        *rapid.T
	g        *gate.Gate
	c        *gate.Controller
	joined   []*twin
	known    map[string]bool // labels that have been named
	held     map[string]bool
	nameless map[*twin]bool // inputs without a label that are held
	all      bool
	closed   bool // by the level
	reason   bool // by a reason of the whole gate
	draining bool
}

// Random holds of the whole gate, of single inputs and of all of them, while
// inputs come and go: each input is paused when the gate is closed or somebody
// holds its label, is told of changes only, and finds its label as it left it.
func TestHoldsFollowTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := gate.New()
		m := &holds{
			t: t, g: g, c: attach(g, gate.Limits{Max: 10, Pause: 8, Resume: 3}, true, &journal{}),
			known: map[string]bool{}, held: map[string]bool{}, nameless: map[*twin]bool{},
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			label := rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "label")
			switch action := rapid.IntRange(0, 39).Draw(t, "action"); {
			case action < 8:
				m.join(label)
			case action < 12:
				m.leave()
			case action < 24 && label != "":
				m.operateOne(label, action < 18)
			case action < 28:
				m.operateAll(action < 26)
			case action < 37:
				m.observe(rapid.IntRange(0, 10).Draw(t, "level"))
			case action < 39:
				m.holdGate(action == 37)
			case rapid.IntRange(0, 5).Draw(t, "drain") == 0:
				m.drain()
			}
			m.check()
		}
	})
}

func (m *holds) join(label string) {
	in := &twin{t: m.t, label: label}
	in.member = m.g.JoinAs(label, in)
	m.joined = append(m.joined, in)
	m.nameless[in] = m.all
	m.name(label)
}

// name notes a label; one that is new is held if all are.
func (m *holds) name(label string) {
	if !m.known[label] {
		m.known[label], m.held[label] = true, m.all
	}
}

func (m *holds) leave() {
	if len(m.joined) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.joined)-1).Draw(m.t, "who")
	m.joined[i].member.Leave()
	m.joined = slices.Delete(m.joined, i, i+1)
}

func (m *holds) operateOne(label string, hold bool) {
	if !hold {
		m.name(label)
		m.g.ReleaseInput(label)
		m.held[label] = false
		return
	}
	if m.g.HoldInput(label) == m.draining {
		m.t.Fatalf("a gate takes a hold unless it drains (%t)", m.draining)
	}
	if !m.draining {
		m.name(label)
		m.held[label] = true
	}
}

func (m *holds) operateAll(hold bool) {
	if !hold {
		m.g.ReleaseInputs()
	} else if m.g.HoldInputs() == m.draining {
		m.t.Fatalf("a gate takes a hold unless it drains (%t)", m.draining)
	}
	m.setAll(hold && !m.draining)
}

func (m *holds) setAll(held bool) {
	m.all = held
	for label := range m.known {
		m.held[label] = held
	}
	for _, in := range m.joined {
		m.nameless[in] = held
	}
}

func (m *holds) observe(level int) {
	m.c.Observe(gate.Level{Records: level})
	m.closed = level > 8 || (m.closed && level >= 3)
}

func (m *holds) holdGate(hold bool) {
	if m.reason = hold && !m.draining; hold {
		m.g.Hold(gate.ReasonOperator)
	} else {
		m.g.Release(gate.ReasonOperator)
	}
}

func (m *holds) drain() {
	m.g.Drain()
	m.draining, m.reason = true, false
	m.setAll(false)
}

func (m *holds) check() {
	for _, in := range m.joined {
		held := m.held[in.label]
		if in.label == "" {
			held = m.nameless[in]
		}
		if want := !m.draining && (m.closed || m.reason || held); in.paused != want || in.drained != m.draining {
			m.t.Fatalf("input %q is paused %t and drained %t; held %t, gate closed %t and held %t, draining %t",
				in.label, in.paused, in.drained, held, m.closed, m.reason, m.draining)
		}
	}
	held := m.g.State().Held
	for label := range m.known {
		if _, ok := held[label]; label != "" && ok != m.held[label] {
			m.t.Fatalf("label %q is held %t, the state says %v", label, m.held[label], held)
		}
	}
}
