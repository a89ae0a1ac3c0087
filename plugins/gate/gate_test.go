package gate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// shipped are the thresholds of the shipped configuration.
var shipped = gate.Limits{Max: 50000, Pause: 40000, Yield: 30000, Resume: 20000}

// journal records, in order, what a gate says to its neighbours.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

func (j *journal) Paused()                    { j.add("paused") }
func (j *journal) Resumed(held time.Duration) { j.add("resumed after %s", held) }
func (j *journal) Held(string)                {}
func (j *journal) Released(string)            {}
func (j *journal) Ending(is bool)             { j.add("ending %t", is) }
func (j *journal) Yielding()                  {}
func (j *journal) Draining(paused bool)       { j.add("draining paused=%t", paused) }
func (j *journal) Flush()                     { j.add("flush") }

// input is a gate.Input that writes into a journal.
type input struct {
	name string
	j    *journal
}

func (i input) Pause()  { i.j.add("%s pause", i.name) }
func (i input) Resume() { i.j.add("%s resume", i.name) }
func (i input) Drain()  { i.j.add("%s drain", i.name) }

func attach(g *gate.Gate, limits gate.Limits, pausing bool, w gate.Watcher) *gate.Controller {
	c := g.Controller(limits, pausing, w)
	c.Attach()
	return c
}

func TestHysteresisFromBothSides(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	g.Join(input{"nats", j})

	sweep := func(from, to, step int) {
		for level := from; level != to; level += step {
			c.Observe(gate.Level{Records: level})
		}
	}
	sweep(0, 21000, 1000)
	sweep(21000, 39000, 100)
	sweep(39000, 21000, -100)
	assert.Empty(t, j.take(), "21k up to 39k and back must do nothing")

	c.Observe(gate.Level{Records: 40000})
	assert.Empty(t, j.take(), "at the pause threshold the gate stays open")
	c.Observe(gate.Level{Records: 40001})
	assert.Equal(t, []string{"paused", "nats pause"}, j.take())
	assert.True(t, g.Paused())

	sweep(39000, 21000, -100)
	sweep(21000, 50000, 100)
	c.Observe(gate.Level{Records: 20000})
	assert.Empty(t, j.take(), "at the resume threshold the gate stays closed")
	c.Observe(gate.Level{Records: 19999})
	assert.Len(t, j.take(), 2)
	assert.False(t, g.Paused())
	assert.EqualValues(t, 1, g.State().PauseCount)
}

func TestTimesOfAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, j := gate.New(), &journal{}
		c := attach(g, shipped, true, j)
		closedAt := time.Now()
		c.Observe(gate.Level{Records: 40001})
		time.Sleep(90 * time.Second)
		c.Observe(gate.Level{Records: 0})
		assert.Equal(t, []string{"paused", "resumed after 1m30s"}, j.take())
		s := g.State()
		assert.Equal(t, closedAt, s.LastPause)
		assert.Equal(t, closedAt.Add(90*time.Second), s.LastResume)
		assert.Equal(t, 90*time.Second, s.PausedTotal)
	})
}

func TestReasonsHoldTogether(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	g.Join(input{"kafka", j})

	g.Hold(gate.ReasonOperator)
	g.Hold(gate.ReasonOperator)
	assert.Equal(t, []string{"paused", "kafka pause"}, j.take())
	c.Observe(gate.Level{Records: 45000})
	g.Release(gate.ReasonOperator)
	assert.Empty(t, j.take(), "the level still holds the gate")
	assert.Equal(t, []gate.Reason{gate.ReasonLevel}, g.State().Reasons)
	c.Observe(gate.Level{Records: 100})
	assert.Len(t, j.take(), 2)
	assert.False(t, g.Paused())
	g.Release(gate.ReasonLevel)
	assert.Empty(t, j.take(), "releasing what is not held is nothing")
}

func TestInputThatJoinsAClosedGateStartsPaused(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	c.Observe(gate.Level{Records: 50000})
	j.take()
	g.Join(input{"late", j})
	assert.Equal(t, []string{"late pause"}, j.take())
	c.Observe(gate.Level{Records: 0})
	assert.Contains(t, j.take(), "late resume")
}

func TestInputsAreToldInTheOrderTheyJoinedAndNotAfterLeaving(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	g.Join(input{"a", j})
	b := g.Join(input{"b", j})
	g.Join(input{"c", j})
	b.Leave()
	b.Leave()
	c.Observe(gate.Level{Records: 50000})
	assert.Equal(t, []string{"paused", "a pause", "c pause"}, j.take())
}

func TestEmergencySwitch(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, false, j)
	c.Observe(gate.Level{Records: 50000})
	assert.Empty(t, j.take())
	assert.False(t, g.Paused())
	assert.True(t, g.State().PausingOff)
}

func TestDrainResumesBeforeInputsEnd(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	g.Join(input{"nats", j})
	c.Observe(gate.Level{Records: 45000})
	j.take()

	g.Drain()
	g.Drain()
	assert.Equal(t, []string{"draining paused=true", "nats resume", "flush", "nats drain"}, j.take())
	c.Observe(gate.Level{Records: 30000})
	c.Observe(gate.Level{Records: 45000})
	g.Hold(gate.ReasonOperator)
	assert.False(t, g.Paused(), "a draining gate stays open")
	g.Join(input{"late", j})
	assert.Equal(t, []string{"late drain"}, j.take())
}

// What the host stops may be one input of a sequence, or what a dynamic input
// replaces: the gate goes on, and whoever comes next is not drained.
func TestAStoppedInputIsNotTheEndOfTheStream(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, shipped, true, j)
	a, b := g.Join(input{"a", j}), g.Join(input{"b", j})
	a.Stopping()
	assert.Equal(t, []string{"a drain"}, j.take(), "b runs")
	b.Stopping()
	b.Stopping()
	assert.Equal(t, []string{"b drain", "ending true"}, j.take(), "what they wait for must leave")
	assert.True(t, g.State().Ending)
	a.Leave()
	assert.Empty(t, j.take())
	b.Leave()
	assert.Equal(t, []string{"ending false"}, j.take(), "nothing of theirs is held")
	a.Stopping()
	assert.Empty(t, j.take(), "one that has left has no say")
	assert.False(t, g.State().Ending)

	next := g.Join(input{"next", j})
	c.Observe(gate.Level{Records: 45000})
	assert.Equal(t, []string{"paused", "next pause"}, j.take())
	c.Observe(gate.Level{})
	j.take()
	next.Stopping()
	g.Join(input{"last", j})
	assert.Equal(t, []string{"next drain", "ending true", "ending false"}, j.take())
	assert.False(t, g.State().Draining)
	g.Drain()
	assert.Equal(t, []string{"draining paused=false", "flush", "last drain"}, j.take())
}

func TestReloadFindsTheGateAsNew(t *testing.T) {
	g, j := gate.New(), &journal{}
	old := attach(g, shipped, true, j)
	m := g.Join(input{"old", j})
	old.Observe(gate.Level{Records: 45000})
	g.Drain()
	m.Leave()
	old.Detach(7)
	j.take()

	assert.False(t, g.Governed())
	g.Claim()
	assert.True(t, g.Governed())
	g.Join(input{"new", j})
	assert.Empty(t, j.take(), "the next generation is not drained by the last one's end")
	c := attach(g, shipped, true, j)
	old.Observe(gate.Level{Records: 0})
	old.Detach(1)
	c.Observe(gate.Level{Records: 45000})
	assert.Equal(t, []string{"paused", "new pause"}, j.take(), "a late word of the old buffer changes nothing")
}

func TestLimitsNameFieldsAndValues(t *testing.T) {
	require.NoError(t, shipped.Validate())
	require.NoError(t, gate.Limits{Max: 3, Pause: 3, Yield: 2, Resume: 1}.Validate())
	require.NoError(t, gate.Limits{Max: 3, Pause: 3, Yield: 1, Resume: 2}.Validate(), "whatever resume is")
	for _, yield := range []int{0, 80, 81} {
		err := gate.Limits{Max: 100, Pause: 80, Yield: yield, Resume: 40}.Validate()
		require.ErrorContains(t, err, fmt.Sprintf("yield_threshold (%d) and pause_threshold (80)", yield))
	}
	for _, l := range []gate.Limits{
		{Max: 100, Pause: 80, Resume: 80},
		{Max: 100, Pause: 101, Resume: 1},
		{Max: 100, Pause: 80, Resume: 0},
		{Max: 100, Pause: 20, Resume: 40},
	} {
		err := l.Validate()
		require.Error(t, err, "%+v", l)
		assert.Contains(t, err.Error(), fmt.Sprintf("resume_threshold (%d), pause_threshold (%d) and max_buffer_size (%d)", l.Resume, l.Pause, l.Max))
	}
}

func TestByteLimitsAreTheSameFractions(t *testing.T) {
	l := shipped.WithBytes(100 << 20)
	assert.Equal(t, gate.ByteLimits{Max: 100 << 20, Pause: 80 << 20, Yield: 60 << 20, Resume: 40 << 20}, l.Bytes)
	require.NoError(t, l.Validate())
	require.NoError(t, shipped.WithBytes(1<<50).Validate())
	require.ErrorContains(t, shipped.WithBytes(2).Validate(), "max_bytes (2 B) is too small")
}

func TestLookupByStreamAndName(t *testing.T) {
	res := service.MockResources()
	first := gate.Of(res, "")
	assert.Same(t, first, gate.Of(res, ""))
	assert.NotSame(t, gate.Of(res, ""), gate.Of(res, "other"))

	r := gate.RegistryOf(res)
	j := &journal{}
	c := attach(gate.Of(res, ""), shipped, true, j)
	c.Observe(gate.Level{Records: 12})
	assert.EqualValues(t, 12, r.Unsettled())
	r.Drain()
	assert.Equal(t, []string{"draining paused=false", "flush"}, j.take())
	c.Observe(gate.Level{Records: 0})
	c.Detach(3)
	assert.EqualValues(t, 3, r.Unsettled())
}

// What the end of a process says is not what a reload did hours ago.
func TestUnsettledTellsOfThisEndAlone(t *testing.T) {
	res := service.MockResources()
	r := gate.RegistryOf(res)
	main, named := gate.Of(res, ""), gate.Of(res, "named")
	attach(main, shipped, true, &journal{}).Detach(5)
	assert.EqualValues(t, 5, r.Unsettled(), "it may be the end of the process")
	c := attach(main, shipped, true, &journal{})
	assert.Zero(t, r.Unsettled(), "it was not")
	attach(named, shipped, true, &journal{}).Detach(7) // and it is gone
	late := attach(gate.Of(res, "late"), shipped, true, &journal{})
	late.Observe(gate.Level{Records: 2})

	r.Drain()
	assert.EqualValues(t, 2, r.Unsettled())
	c.Detach(3)
	late.Detach(2)
	r.Drain()
	assert.EqualValues(t, 5, r.Unsettled(), "of both, though one gate is forgotten")
}

func TestAParcelIsCountedOnce(t *testing.T) {
	var none *gate.Parcel
	assert.Nil(t, gate.ParcelOf(t.Context()))
	assert.True(t, none.Arrive())

	p := &gate.Parcel{}
	ctx := p.Mark(t.Context())
	require.Same(t, p, gate.ParcelOf(ctx))
	assert.True(t, p.Arrive())
	assert.True(t, p.Arrive(), "its parts come one by one")
	assert.False(t, p.Lose(), "the buffer answers for it")

	p = &gate.Parcel{}
	assert.True(t, p.Lose())
	assert.False(t, p.Lose())
	assert.False(t, p.Arrive())
}

func TestAwaitLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := service.MockResources()
		r, g := gate.RegistryOf(res), gate.Of(res, "")
		require.NoError(t, r.AwaitLeave(t.Context()), "nobody has joined")
		a, b := g.Join(input{"a", &journal{}}), g.Join(input{"b", &journal{}})
		ended := make(chan error, 1)
		go func() { ended <- r.AwaitLeave(t.Context()) }()
		a.Leave()
		synctest.Wait()
		assert.Empty(t, ended, "one is still there")
		b.Leave()
		require.NoError(t, <-ended)

		g.Join(input{"c", &journal{}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.AwaitLeave(ctx), context.DeadlineExceeded)
	})
}

// Joins, leaves, holds and observations at once: the race detector's test.
func TestConcurrentUse(t *testing.T) {
	g, j := gate.New(), &journal{}
	c := attach(g, gate.Limits{Max: 10, Pause: 8, Resume: 3}, true, j)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 2000 {
			c.Observe(gate.Level{Records: i % 11})
		}
		c.Observe(gate.Level{Records: 0})
	})
	for range 3 {
		wg.Go(func() {
			for range 500 {
				m := g.JoinAs("x", input{"x", j})
				g.Hold(gate.ReasonOperator)
				_ = g.State()
				g.HoldInputs()
				g.HoldInput("x")
				g.Release(gate.ReasonOperator)
				g.ReleaseInputs()
				m.Leave()
			}
		})
	}
	wg.Wait()
	assert.False(t, g.Paused())
	assert.Empty(t, g.State().Reasons)
}

func BenchmarkObserveBetweenThresholds(b *testing.B) {
	c := attach(gate.New(), shipped, true, &journal{})
	for b.Loop() {
		c.Observe(gate.Level{Records: 30000})
	}
}

// Gates of streams that are gone are forgotten, and what they left behind is not.
func TestGatesOfStreamsThatAreGoneAreForgotten(t *testing.T) {
	res := service.MockResources()
	r := gate.RegistryOf(res)
	gone := 0
	for i := range 1000 {
		g := gate.Of(res, fmt.Sprintf("stream%d", i))
		g.WhenGone(func() { gone++ })
		g.Claim()
		c := attach(g, shipped, true, &journal{})
		m := g.Join(input{"in", &journal{}})
		assert.Same(t, g, gate.Of(res, fmt.Sprintf("stream%d", i)))
		if i%2 == 0 {
			m.Leave()
			c.Detach(1)
		} else {
			c.Detach(1)
			m.Leave()
		}
		m.Leave()
		c.Detach(1)
	}
	assert.Zero(t, r.Gates())
	assert.Equal(t, 1000, gone)
	assert.EqualValues(t, 1000, r.Unsettled())
	r.Drain()
	assert.Zero(t, r.Unsettled(), "they were gone before the process began to end")

	main := gate.Of(res, "")
	m := main.Join(input{"in", &journal{}})
	m.Leave()
	assert.Same(t, main, gate.Of(res, ""), "a reload finds it again")
}

// A buffer that is built while the one before it still lives keeps the gate.
func TestAGateThatIsClaimedIsKept(t *testing.T) {
	res := service.MockResources()
	g := gate.Of(res, "market")
	g.Claim()
	old := attach(g, shipped, true, &journal{})
	g.Claim()
	old.Detach(0)
	assert.Same(t, g, gate.Of(res, "market"))
	assert.True(t, g.Governed())
	c := attach(g, shipped, true, &journal{})
	c.Detach(0)
	assert.NotSame(t, g, gate.Of(res, "market"))

	late := gate.Of(res, "late")
	attach(late, shipped, true, &journal{}).Detach(0)
	late.Join(input{"in", &journal{}})
	assert.Same(t, late, gate.Of(res, "late"), "one that is used again is known again")
}
