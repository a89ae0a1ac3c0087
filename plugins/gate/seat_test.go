package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

func TestHoldOfOneInputIsItsAlone(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	g.JoinAs("ticks", input{"ticks", j})
	g.JoinAs("external", input{"external", j})

	assert.True(t, g.HoldInput("external"))
	assert.True(t, g.HoldInput("external"))
	assert.Equal(t, []string{"external pause"}, j.take())
	assert.False(t, g.Paused(), "the gate itself is open")

	c.Observe(gate.Level{Records: 45000})
	assert.Equal(t, []string{"paused", "ticks pause"}, j.take())
	c.Observe(gate.Level{})
	assert.Equal(t, "ticks resume", j.take()[1], "the operator's pause survives the level's")
	assert.Contains(t, g.State().Held, "external")

	c.Observe(gate.Level{Records: 45000})
	g.ReleaseInput("external")
	assert.NotContains(t, j.take(), "external resume", "the level still holds it")
	c.Observe(gate.Level{})
	assert.Contains(t, j.take(), "external resume")
	assert.Empty(t, g.State().Held)
}

func TestHoldSurvivesAReconnect(t *testing.T) {
	g, j := gate.New(), &journal{}
	attach(g, shipped, true, j)
	m := g.JoinAs("external", input{"first", j})
	g.HoldInput("external")
	m.Leave()
	j.take()
	g.JoinAs("external", input{"second", j})
	assert.Equal(t, []string{"second pause"}, j.take())
	g.ReleaseInput("external")
	assert.Equal(t, []string{"second resume"}, j.take())
}

func TestHoldOfAllInputs(t *testing.T) {
	g, j := gate.New(), &journal{}
	attach(g, shipped, true, j)
	g.JoinAs("a", input{"a", j})
	g.Join(input{"nameless", j})
	g.HoldInputs()
	assert.Equal(t, []string{"a pause", "nameless pause"}, j.take())
	b := g.JoinAs("b", input{"b", j})
	assert.Equal(t, []string{"b pause"}, j.take(), "one that comes later is held too")

	g.ReleaseInput("b")
	b.Leave()
	g.JoinAs("b", input{"b again", j})
	assert.Equal(t, []string{"b resume"}, j.take(), "let go, and let go it stays")
	g.ReleaseInputs()
	assert.Equal(t, []string{"a resume", "nameless resume"}, j.take())
}

func TestDrainEndsHolds(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	m := g.JoinAs("ticks", input{"ticks", j})
	g.HoldInputs()
	j.take()
	g.Drain()
	assert.Equal(t, []string{"draining paused=true", "ticks resume", "flush", "ticks drain"}, j.take())
	assert.False(t, g.HoldInput("ticks"))
	assert.False(t, g.HoldInputs())
	m.Leave()
	c.Detach(0)
	j.take()

	g.Claim()
	g.JoinAs("ticks", input{"next", j})
	assert.Empty(t, j.take(), "a new stream starts unpaused")
}

func TestHoldsTellSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		start := time.Now()
		g.HoldInput("a")
		time.Sleep(time.Minute)
		g.HoldInput("a")
		g.HoldInput("b")
		assert.Equal(t, map[string]time.Time{"a": start, "b": start.Add(time.Minute)}, g.State().Held)
	})
}

// holdJournal is a journal that hears of an operator's holds too.
type holdJournal struct{ *journal }

func (h holdJournal) Held(label string)     { h.add("held %q", label) }
func (h holdJournal) Released(label string) { h.add("released %q", label) }

// The buffer hears of every hold before the inputs do.
func TestWatcherHearsOfHolds(t *testing.T) {
	g, j := gate.New(), &journal{}
	attach(g, shipped, true, holdJournal{j})
	g.JoinAs("a", input{"a", j})
	g.Join(input{"nameless", j})

	g.HoldInput("a")
	g.HoldInput("a")
	assert.Equal(t, []string{`held "a"`, "a pause"}, j.take(), "once")
	g.HoldInputs()
	g.HoldInputs()
	assert.Equal(t, []string{`held ""`, "nameless pause"}, j.take())
	g.ReleaseInput("a")
	assert.Equal(t, []string{`released "a"`, "a resume"}, j.take(), "the nameless one is held still")
	g.ReleaseInputs()
	assert.Equal(t, []string{`released ""`, "nameless resume"}, j.take())
	g.HoldInput("a")
	j.take()
	g.ReleaseInput("a")
	assert.Equal(t, []string{`released ""`, "a resume"}, j.take(), "it was the last one")
	g.HoldInput("a")
	j.take()
	g.Drain()
	assert.Equal(t, `released ""`, j.take()[1])
}
