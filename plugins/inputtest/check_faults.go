package inputtest

import (
	"slices"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// pauseWhileConnecting: a pause that falls between the attempt to connect and its
// success holds the input from the beginning.
func pauseWhileConnecting(g *rig) {
	g.publish(0, 20)
	require.NoError(g.t, g.server.Link().Timeout(0))
	clearLink := sync.OnceFunc(g.server.Link().Clear)
	defer clearLink()
	r := g.reader()
	r.begin()
	r.awaitConnecting()
	r.gate.Hold(gate.ReasonOperator)
	clearLink()
	r.awaitAttached()
	r.awaitPartition()
	w := g.witness()
	g.publish(20, 40)
	w.expect(append(g.kept(0, 20), upTo(20, 40)...))
	require.Empty(g.t, r.values())
	g.costs(r, 20)
	g.release(r)
	g.publish(40, 45)
	r.expect(append(g.after(0, 40), upTo(40, 45)...))
}

// slowLink: what needs seconds to come comes once, and a pause in between changes
// nothing.
func slowLink(g *rig) {
	const records, size, rate = 120, 4_000, 250_000
	r := g.reader()
	r.connect()
	r.awaitPartition()
	require.NoError(g.t, g.server.Link().Downlink(rate))
	defer g.server.Link().Clear()
	g.publishWide(0, records, size)
	r.begin()
	if g.can(Keeps) {
		r.awaitCount(1)
		r.gate.Hold(gate.ReasonOperator)
		r.gate.Release(gate.ReasonOperator)
	}
	r.expect(upTo(0, records))
	require.True(g.t, r.stats.Link.State().Connected)
	r.close()
	require.Equal(g.t, upTo(0, records), r.values())
}

// pauseOverAnOutage: an input that was paused when its connection broke is paused
// when it is back.
func pauseOverAnOutage(g *rig) {
	r := g.reader().start()
	r.awaitPartition()
	g.publish(0, 10)
	r.expect(upTo(0, 10))
	r.gate.Hold(gate.ReasonOperator)
	g.quiet(r)
	g.settled(r)
	g.server.Link().Down()
	r.linkIs(false)
	require.NoError(g.t, g.server.Link().Up())
	r.linkIs(true)
	w := g.witness()
	r.awaitAttached()
	r.awaitPartition()
	g.publish(10, 30)
	await(g.t, "the witness gets it", func() bool { return slices.Contains(w.values(), 29) })
	require.Equal(g.t, upTo(0, 10), r.values())
	g.costs(r, 20)
	g.release(r)
	g.publish(30, 35)
	r.expect(slices.Concat(upTo(0, 10), g.after(10, 30), upTo(30, 35)))
}

// closeWithoutServer: nobody has to be there to say goodbye to.
func closeWithoutServer(g *rig) {
	r := g.reader().hold().start()
	r.awaitPartition()
	g.publish(0, 10)
	r.expect(upTo(0, 10))
	g.server.Link().Down()
	r.linkIs(false)
	for _, b := range r.delivered() {
		_ = b.answer(nil) // it may say that it cannot be told
	}
	r.close()
	require.Equal(g.t, upTo(0, 10), r.values())
	require.NoError(g.t, r.stats.Link.State().Err, "to be closed is no fault")
	require.NoError(g.t, g.server.Link().Up())
}

// reconnect: a server that is away and comes back costs nothing that it keeps.
func reconnect(g *rig) {
	r := g.reader().start()
	r.awaitPartition()
	g.publish(0, 50)
	r.expect(upTo(0, 50))
	g.settled(r)
	g.server.Stop(g.t)
	r.linkIs(false)
	g.server.Start(g.t)
	r.linkIs(true)
	r.awaitAttached()
	g.publish(50, 100)
	r.expect(upTo(0, 100))
	r.close()
	g.nextGets(nil)
	require.Equal(g.t, upTo(0, 100), r.values())
}

// permission: what a reader may not read shows, and comes when it may again.
func permission(g *rig) {
	r := g.reader().start()
	r.awaitPartition()
	g.publish(0, 20)
	r.expect(upTo(0, 20))
	g.settled(r)
	g.source.Revoke(g.t)
	granted := false
	defer func() {
		if !granted {
			g.source.Grant(g.t)
		}
	}()
	g.publish(20, 40)
	r.linkIs(false)
	require.NotEmpty(g.t, r.stats.Link.State().Err.Error())
	g.source.Grant(g.t)
	granted = true
	r.linkIs(true)
	g.publish(40, 60)
	await(g.t, "the last one comes", func() bool { return slices.Contains(r.values(), 59) })
	r.expectSetOf(g, upTo(0, 20), g.kept(20, 40), upTo(40, 60))
	r.close()
	g.nextGets(nil)
}

// expectSetOf is expectSet of several ranges.
func (r *reader) expectSetOf(g *rig, parts ...[]int) {
	g.t.Helper()
	r.expectSet(slices.Concat(parts...))
}

// sourceMadeAnew: what is deleted and made anew is read from its start.
func sourceMadeAnew(g *rig) {
	if !g.can(Renews) {
		g.t.Logf("by its nature: %s", g.row.Cannot[Renews])
		r := g.reader().start()
		g.publish(0, 20)
		r.expect(upTo(0, 20))
		return
	}
	r := g.reader().start()
	r.awaitPartition()
	g.publish(0, 50)
	r.expect(upTo(0, 50))
	g.settled(r)
	g.source.Remake(g.t)
	g.publish(100, 150)
	r.expect(append(upTo(0, 50), upTo(100, 150)...))
	r.linkIs(true)
	g.publish(150, 160)
	r.expect(append(upTo(0, 50), upTo(100, 160)...))
	r.close()
	g.nextGets(nil)
}
