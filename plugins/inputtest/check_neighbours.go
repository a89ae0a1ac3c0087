package inputtest

import (
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// twoStreams: what one gate says is nothing to the inputs of another, although both
// live in one process.
func twoStreams(g *rig) {
	res := resources(g.t)
	a, b := g.readerIn(res, "bridge", "one"), g.readerIn(res, "neighbour", "two")
	require.NotSame(g.t, a.gate, b.gate)
	a.start()
	b.start()
	a.awaitPartition()
	b.awaitPartition()
	g.publish(0, 20)
	a.expect(upTo(0, 20))
	b.expect(upTo(0, 20))

	a.gate.Hold(gate.ReasonOperator)
	g.quiet(a)
	g.publish(20, 40)
	b.expect(upTo(0, 40))
	require.Equal(g.t, upTo(0, 20), a.values())
	require.True(g.t, a.stats.Paused())
	require.False(g.t, b.stats.Paused())
	g.costs(a, 20)
	g.dropped(b, 0)

	b.gate.Drain()
	require.ErrorIs(g.t, b.ended(), service.ErrEndOfInput)
	require.False(g.t, a.gate.State().Draining)
	g.release(a)
	g.publish(40, 60)
	b.close()
	g.publish(60, 65)
	a.expect(slices.Concat(upTo(0, 20), g.after(20, 40), upTo(40, 65)))
	require.Equal(g.t, upTo(0, 40), b.values())
}

// replacement: an input takes the place of one that still reads, and has records
// that nobody has answered yet.
func replacement(g *rig) {
	old, next := g.pair()
	next.start()
	old.end()
	g.handOver(old, next, 20)
}

// replacementOfADraining: the same when the old one was told to end before the new
// one is there. What it does not read any more is the new one's.
func replacementOfADraining(g *rig) {
	old, next := g.pair()
	old.end()
	next.start()
	g.publish(20, 40)
	g.handOver(old, next, 40)
}

// pair is an input with 20 unanswered records, and one of the same name in the same
// stream that nobody has connected yet.
func (g *rig) pair() (old, next *reader) {
	g.t.Helper()
	res := resources(g.t)
	old = g.readerIn(res, "bridge", "").hold().start()
	old.awaitPartition()
	g.publish(0, 20)
	old.expect(upTo(0, 20))
	return old, g.readerIn(res, "bridge", "")
}

// handOver closes the old input: nothing that it had comes again, nothing else is
// left out, and the gate holds the new one like any other. Published is what was
// before.
func (g *rig) handOver(old, next *reader, published int) {
	g.t.Helper()
	for _, b := range old.delivered() {
		require.NoError(g.t, b.answer(nil), "late, but in time")
	}
	old.close()
	next.awaitPartition()
	g.publish(published, 60)
	next.expectSet(upTo(20, 60))
	next.linkIs(true)

	w := g.witness()
	next.gate.Hold(gate.ReasonOperator)
	g.quiet(next)
	g.publish(60, 80)
	await(g.t, "the witness gets it", func() bool { return slices.Contains(w.values(), 79) })
	g.costs(next, 20) // also: it has heard of them, before it is let go on
	require.Len(g.t, next.values(), 40, "the gate holds it like any other")
	require.True(g.t, next.stats.Paused())
	g.release(next)
	g.publish(80, 90)
	next.expectSet(slices.Concat(upTo(20, 60), g.after(60, 80), upTo(80, 90)))
	require.Equal(g.t, upTo(0, 20), old.values())
}
