package inputtest

import (
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// kept are the records that the source keeps for who comes later: all, or none.
func (g *rig) kept(from, to int) []int {
	if g.can(Keeps) {
		return upTo(from, to)
	}
	return nil
}

// after are the records of a pause that come after it: all, the last one, or none.
func (g *rig) after(from, to int) []int {
	if g.row.Pausing == Conflates {
		return upTo(to-1, to)
	}
	return g.kept(from, to)
}

// costs: what a pause cost is counted, and nothing is where the source keeps records.
func (g *rig) costs(r *reader, records int) {
	g.t.Helper()
	switch {
	case g.row.Pausing == Conflates:
		g.conflated(r, int64(records-1))
	case g.row.Pausing == Leaves, g.can(Keeps):
		g.dropped(r, 0)
	default:
		g.dropped(r, int64(records))
	}
}

// missed: so many records never came because of pauses; the same holds for them.
func (g *rig) missed(r *reader, records int) {
	g.t.Helper()
	switch g.row.Pausing {
	case Conflates:
		g.conflated(r, int64(records))
	case Leaves:
		g.dropped(r, 0)
	case Discards:
		g.dropped(r, int64(records))
	}
}

// release ends a pause. It returns when the source knows the reader again.
func (g *rig) release(r *reader) {
	g.t.Helper()
	r.gate.Release(gate.ReasonOperator)
	r.awaitAttached()
}

// pauseBeforeConnect: an input that connects to a closed gate takes nothing in.
func pauseBeforeConnect(g *rig) {
	r, w := g.reader(), g.witness()
	g.publish(0, 20) // nobody but the witness is there
	r.gate.Hold(gate.ReasonOperator)
	r.start()
	r.awaitPartition()
	g.publish(20, 40)
	w.expect(upTo(0, 40))
	require.Empty(g.t, r.values())
	require.True(g.t, r.stats.Paused())
	g.costs(r, 20)
	g.release(r)
	require.False(g.t, r.stats.Paused())
	g.publish(40, 60)
	r.expect(append(g.after(0, 40), upTo(40, 60)...))
}

// pauseWithRecordsWaiting: what is here already may be handed over, the rest comes
// after the pause.
func pauseWithRecordsWaiting(g *rig) {
	r, w := g.reader(), g.witness()
	r.connect()
	r.awaitPartition()
	g.publish(0, 100) // nobody reads: some of it waits in the client
	r.gate.Hold(gate.ReasonOperator)
	r.begin()
	g.publish(100, 200)
	w.expect(upTo(0, 200))
	g.release(r)
	g.publish(200, 220)
	await(g.t, "the last one comes", func() bool { return slices.Contains(r.values(), 219) })
	got := r.values()
	require.True(g.t, slices.IsSortedFunc(got, strictly), "in order, and once: %v", got)
	if g.can(Keeps) {
		require.Equal(g.t, upTo(0, 220), got)
	}
	g.missed(r, 220-len(got))
}

// strictly makes slices.IsSortedFunc refuse equal neighbours.
func strictly(a, b int) int {
	if a > b {
		return 1
	}
	return -1
}

// pauseWhileReadBlocked: a read that waits gets nothing of the pause.
func pauseWhileReadBlocked(g *rig) {
	r, w := g.reader().start(), g.witness()
	r.awaitPartition()
	g.publish(0, 5)
	r.expect(upTo(0, 5))
	r.gate.Hold(gate.ReasonOperator)
	g.quiet(r)
	g.publish(5, 25)
	w.expect(upTo(0, 25))
	require.Equal(g.t, upTo(0, 5), r.values())
	g.costs(r, 20)
	g.release(r)
	g.publish(25, 30)
	r.expect(slices.Concat(upTo(0, 5), g.after(5, 25), upTo(25, 30)))
	r.linkIs(true)
}

// pauseWhilePaused: a pause lasts until its last reason is gone.
func pauseWhilePaused(g *rig) {
	r, w := g.reader().start(), g.witness()
	r.awaitPartition()
	holds := []struct{ take, give func() }{
		{func() { r.gate.Hold(gate.ReasonOperator) }, func() { r.gate.Release(gate.ReasonOperator) }},
		{func() { r.gate.Hold(gate.ReasonLevel) }, func() { r.gate.Release(gate.ReasonLevel) }},
		{func() { r.gate.HoldInputs() }, func() { r.gate.ReleaseInputs() }},
	}
	n := 0
	for _, h := range holds {
		h.take()
		g.quiet(r)
		g.publish(n, n+10)
		n += 10
		w.expect(upTo(0, n))
		require.Empty(g.t, r.values())
	}
	for _, h := range holds {
		require.True(g.t, r.stats.Paused())
		g.publish(n, n+10)
		n += 10
		w.expect(upTo(0, n))
		require.Empty(g.t, r.values())
		g.costs(r, n)
		h.give()
	}
	require.False(g.t, r.stats.Paused())
	r.awaitAttached()
	g.publish(n, n+10)
	r.expect(append(g.after(0, n), upTo(n, n+10)...))
	require.EqualValues(g.t, 1, r.gate.State().PauseCount, "the gate closed once")
}

// pausesInTheFlow: pauses hit every state of fetching, and lose and repeat nothing.
func pausesInTheFlow(g *rig) {
	const total, parts = 4000, 40
	r := g.reader().start()
	r.awaitPartition()
	published, flapped := make(chan struct{}), make(chan int)
	go func() { flapped <- r.flap(published) }()
	for i := range parts {
		g.publish(i*total/parts, (i+1)*total/parts)
	}
	close(published)
	pauses := <-flapped
	r.awaitAttached()
	g.publish(total, total+10)
	await(g.t, "the last one comes", func() bool { return slices.Contains(r.values(), total+9) })
	r.close()
	got := r.values()
	require.True(g.t, slices.IsSortedFunc(got, strictly), "in order, and once: %s", brief(got))
	if g.can(Keeps) {
		require.Equal(g.t, upTo(0, total+10), got)
	}
	g.missed(r, total+10-len(got))
	require.Greater(g.t, pauses, 1)
}

// flap closes and opens the gate, each time that something has come, until all is
// published. It returns how often.
func (r *reader) flap(published <-chan struct{}) (pauses int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		before := len(r.delivered())
		r.gate.Hold(gate.ReasonOperator)
		r.gate.Release(gate.ReasonOperator)
		pauses++
		for len(r.delivered()) == before {
			select {
			case <-published:
				return pauses
			case <-tick.C:
			}
		}
	}
}
