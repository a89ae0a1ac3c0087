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
	a.gate.Release(gate.ReasonOperator)
	g.publish(40, 60)
	b.close()
	g.publish(60, 65)
	a.expect(slices.Concat(upTo(0, 20), g.kept(20, 40), upTo(40, 65)))
	require.Equal(g.t, upTo(0, 40), b.values())
}

// replacement: an input takes the place of one that is still there, reads, and has
// records that nobody has answered yet.
func replacement(g *rig) {
	res := resources(g.t)
	old := g.readerIn(res, "bridge", "").hold().start()
	old.awaitPartition()
	g.publish(0, 20)
	old.expect(upTo(0, 20))

	next := g.readerIn(res, "bridge", "")
	next.start()
	old.end()
	for _, b := range old.delivered() {
		require.NoError(g.t, b.answer(nil), "late, but in time")
	}
	old.close()
	next.awaitPartition()
	g.publish(20, 60)
	next.expectSet(upTo(20, 60))
	next.linkIs(true)

	w := g.witness()
	next.gate.Hold(gate.ReasonOperator)
	g.quiet(next)
	g.publish(60, 80)
	await(g.t, "the witness gets it", func() bool { v := w.values(); return len(v) > 0 && v[len(v)-1] == 79 })
	require.Len(g.t, next.values(), 40, "the gate holds it like any other")
	next.gate.Release(gate.ReasonOperator)
	g.publish(80, 90)
	await(g.t, "the last one comes", func() bool { v := next.values(); return v[len(v)-1] == 89 })
	require.Equal(g.t, slices.Concat(upTo(20, 60), g.kept(60, 80), upTo(80, 90)), sorted(next.values()))
	require.Equal(g.t, upTo(0, 20), old.values())
}
