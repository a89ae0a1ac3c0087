package gate_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// drawLimits draws limits that Validate accepts, with the bound of 60 records and, in
// one case of two, one in bytes.
func drawLimits(t *rapid.T, maxBytes int64) gate.Limits {
	l := gate.Limits{Max: 60, Pause: rapid.IntRange(2, 60).Draw(t, "pause")}
	l.Resume = rapid.IntRange(1, l.Pause-1).Draw(t, "resume")
	l.Yield = rapid.IntRange(1, l.Pause-1).Draw(t, "yield")
	if maxBytes > 0 {
		l = l.WithBytes(maxBytes)
	}
	return l
}

// switched is the definition of a gate whose settings change, for one input: which
// alone tells whether it is paused, and for how long it has been.
type switched struct {
	limits  gate.Limits
	pausing bool
	level   gate.Level
	closed  bool
	pauses  int64
	paused  time.Duration
}

func (m *switched) high() bool {
	return m.level.Records > m.limits.Pause || (m.limits.Bytes.Max > 0 && m.level.Bytes > m.limits.Bytes.Pause)
}

func (m *switched) low() bool {
	return m.level.Records < m.limits.Resume && (m.limits.Bytes.Max == 0 || m.level.Bytes < m.limits.Bytes.Resume)
}

// decide applies the definition; eased says that the pause threshold was raised.
func (m *switched) decide(eased bool) {
	was := m.closed
	switch {
	case !m.pausing:
		m.closed = false
	case m.high():
		m.closed = true
	case m.low(), eased:
		m.closed = false
	}
	if m.closed && !was {
		m.pauses++
	}
}

// Levels, thresholds and the emergency switch in any order: after each step the gate is
// what the definition says of the level and the settings as they are, its inputs are
// told of changes only, and the time paused adds up.
func TestAGateWhoseSettingsChangeFollowsItsDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var failure any // which the check has to hear of outside of the bubble
		synctest.Test(t, func(*testing.T) {
			defer func() { failure = recover() }()
			walkSettings(rt)
		})
		if failure != nil {
			panic(failure)
		}
	})
}

func walkSettings(t *rapid.T) {
	bytes := rapid.SampledFrom([]int64{0, 600, 6000}).Draw(t, "max_bytes")
	m := &switched{limits: drawLimits(t, bytes), pausing: rapid.Bool().Draw(t, "enabled")}
	g, in := gate.New(), &twin{t: t, label: "a"}
	c := attach(g, m.limits, m.pausing, &journal{})
	g.JoinAs("a", in)
	for range rapid.IntRange(1, 120).Draw(t, "steps") {
		eased := false
		if rapid.IntRange(0, 2).Draw(t, "action") > 0 {
			m.level = gate.Level{Records: rapid.IntRange(0, 60).Draw(t, "records"), Bytes: rapid.Int64Range(0, 6000).Draw(t, "weight")}
			c.Observe(m.level)
		} else {
			next := drawLimits(t, bytes)
			eased = next.Pause > m.limits.Pause
			m.limits, m.pausing = next, rapid.IntRange(0, 3).Draw(t, "off") > 0
			c.Adjust(m.limits, m.pausing)
		}
		m.decide(eased)
		if s := g.State(); g.Paused() != m.closed || in.paused != m.closed || s.PauseCount != m.pauses ||
			s.Limits != m.limits || s.PausingOff == m.pausing {
			t.Fatalf("paused=%t, input paused=%t, %+v; by the definition %+v", g.Paused(), in.paused, s, m)
		}
		time.Sleep(time.Second)
		if m.closed {
			m.paused += time.Second
		}
	}
	c.Adjust(m.limits, false)
	if s := g.State(); s.PausedTotal != m.paused || g.Paused() {
		t.Fatalf("paused for %s, by the definition %s", s.PausedTotal, m.paused)
	}
}

// What an operator changes takes effect at once, and not with the next record.
func TestAdjustDecidesAtOnce(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	g.Join(input{"nats", j})
	with := func(resume, pause int) gate.Limits {
		return gate.Limits{Max: 50000, Pause: pause, Yield: resume, Resume: resume}
	}
	c.Observe(gate.Level{Records: 30000})
	for _, step := range []struct {
		why     string
		limits  gate.Limits
		pausing bool
		edge    bool
	}{
		{"the level is between the thresholds", with(20000, 35000), true, false},
		{"the pause threshold is below the level", with(10000, 29999), true, true},
		{"lowered further", with(10000, 20000), true, false},
		{"raised, and still below the level", with(10000, 29999), true, false},
		{"raised to the level", with(10000, 30000), true, true},
		{"lowered again", with(10000, 20000), true, true},
		{"the resume threshold is raised: a level above the pause threshold stays paused", with(19999, 20000), true, false},
		{"switched off", with(19999, 20000), false, true},
		{"switched on again", with(19999, 20000), true, true},
		{"the resume threshold is above the level", with(30001, 30002), true, true},
	} {
		was := g.Paused()
		c.Adjust(step.limits, step.pausing)
		assert.Equal(t, step.edge, g.Paused() != was, step.why)
		assert.Equal(t, step.edge, len(j.take()) > 0, step.why)
	}
}

// A buffer that another one has replaced, and a stream that stops, change nothing.
func TestAdjustOfWhoHasNoSay(t *testing.T) {
	g, j := gate.New(), &journal{}
	old := attach(g, shipped, true, j)
	old.Observe(gate.Level{Records: 45000})
	c := attach(g, shipped, true, j)
	c.Observe(gate.Level{Records: 45000})
	j.take()
	old.Adjust(shipped, false)
	assert.True(t, g.Paused())
	assert.Equal(t, shipped, g.State().Limits)
	assert.False(t, g.State().PausingOff)

	g.Drain()
	j.take()
	c.Adjust(gate.Limits{Max: 50000, Pause: 100, Yield: 50, Resume: 50}, true)
	assert.False(t, g.Paused(), "a draining gate stays open")
	assert.Empty(t, j.take())
}

// Whoever waits for room below the yield threshold goes on when there is some, since it
// was raised, and when nobody pauses any more.
func TestAdjustLetsInWhoYields(t *testing.T) {
	for name, adjust := range map[string]func(*gate.Controller){
		"raised":       func(c *gate.Controller) { c.Adjust(gate.Limits{Max: 100, Pause: 90, Yield: 80, Resume: 20}, true) },
		"switched off": func(c *gate.Controller) { c.Adjust(gate.Limits{Max: 100, Pause: 60, Yield: 40, Resume: 20}, false) },
	} {
		g := gate.New()
		c := attach(g, gate.Limits{Max: 100, Pause: 60, Yield: 40, Resume: 20}, true, &journal{})
		c.Observe(gate.Level{Records: 40})
		m := g.Join(input{"kafka", &journal{}})
		turn := m.Enter(gate.Level{Records: 10})
		select {
		case <-turn.Granted():
			t.Fatalf("%s: there is no room for it", name)
		default:
		}
		adjust(c)
		select {
		case <-turn.Granted():
		default:
			t.Errorf("%s: it waits", name)
		}
		turn.Leave()
	}
}

// Changes beside records, turns, joins and readers of the state: for the race detector,
// and in the end the gate is what its level and settings say.
func TestAdjustBesideEverythingElse(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	g := gate.New()
	c := attach(g, shipped, true, &journal{})
	var work, writers sync.WaitGroup
	var mu sync.Mutex // the buffer's
	aside := func(f func()) {
		work.Go(func() {
			for ctx.Err() == nil {
				f()
			}
		})
	}
	aside(func() { _ = g.State() })
	aside(func() {
		m := g.Join(input{"kafka", &journal{}})
		turn := m.Enter(gate.Level{Records: 1000})
		turn.Leave()
		m.Leave()
	})
	aside(func() { c.Review(time.Now(), true, time.Time{}) })
	for seed := range uint64(2) {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for range 2000 {
				mu.Lock()
				if random.IntN(2) == 0 {
					c.Observe(gate.Level{Records: random.IntN(50001)})
				} else {
					pause := 3 + random.IntN(49998)
					c.Adjust(gate.Limits{Max: 50000, Pause: pause, Yield: pause / 2, Resume: 1 + pause/3}, random.IntN(4) > 0)
				}
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	stop()
	work.Wait()
	c.Adjust(shipped, true)
	c.Observe(gate.Level{Records: 40001})
	require.True(t, g.Paused())
	c.Observe(gate.Level{Records: 19999})
	require.False(t, g.Paused())
}
