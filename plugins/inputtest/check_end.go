package inputtest

import (
	"context"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// drain: the input ends by itself; nothing of what it knew of is lost.
func drain(g *rig) {
	r := g.reader()
	r.connect()
	r.awaitPartition()
	g.publish(0, 100)
	r.gate.Drain()
	r.begin()
	require.ErrorIs(g.t, r.ended(), service.ErrEndOfInput)
	r.close()
	got := r.values()
	require.Equal(g.t, upTo(0, len(got)), got, "the first ones, in order")
	if !g.can(Keeps) {
		require.Len(g.t, got, 100, "what was published before is handed over")
		g.dropped(r, 0)
	}
	g.nextGets(upTo(len(got), 100))
}

// drainWhilePaused: a drain ends a pause, and the input.
func drainWhilePaused(g *rig) {
	r, w := g.reader().start(), g.witness()
	r.awaitPartition()
	g.publish(0, 10)
	r.expect(upTo(0, 10))
	r.gate.Hold(gate.ReasonOperator)
	g.quiet(r)
	g.publish(10, 30)
	w.expect(upTo(0, 30))
	g.costs(r, 20)
	r.gate.Drain()
	require.ErrorIs(g.t, r.ended(), service.ErrEndOfInput)
	require.False(g.t, r.stats.Paused())
	r.close()
	want := upTo(0, 10)
	if g.row.Pausing == Conflates {
		want = append(want, 29) // it was kept
	}
	require.Equal(g.t, want, r.values(), "a drain asks for nothing")
	g.nextGets(g.kept(10, 30))
}

// drainBeforeConnect: an input that connects while its stream drains ends at once.
func drainBeforeConnect(g *rig) {
	r := g.reader()
	other := r.gate.Join(bystander{}) // without any input the gate would forget
	defer other.Leave()
	r.gate.Drain()
	r.begin()
	require.ErrorIs(g.t, r.ended(), service.ErrEndOfInput)
	require.Empty(g.t, r.values())
	g.publish(0, 10)
	r.close()
	require.Empty(g.t, r.values())
	g.nextGets(g.kept(0, 10))
}

// bystander is an input that does nothing.
type bystander struct{}

func (bystander) Pause()  {}
func (bystander) Resume() {}
func (bystander) Drain()  {}

// gone: a closed input delivers nothing, has left the gate and hears of nothing;
// closing it again, and late answers, do no harm.
func (g *rig) gone(r *reader) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(g.t, gate.RegistryOf(r.res).AwaitLeave(ctx), "the input has left its gate")
	r.closeInput()
	for _, b := range r.delivered() {
		require.NoError(g.t, b.answer(nil))
	}
	r.gate.Hold(gate.ReasonLevel)
	require.False(g.t, r.stats.Paused(), "a closed input hears of nothing")
	r.gate.Release(gate.ReasonLevel)
	before := r.values()
	g.publish(900, 905)
	require.Equal(g.t, before, r.values())
	require.False(g.t, r.stats.Link.State().Connected)
	require.NoError(g.t, r.stats.Link.State().Err, "to be closed is no fault")
	if r.isConnected() {
		messages, _, err := r.in.ReadBatch(ctx)
		require.Error(g.t, err)
		require.Empty(g.t, messages)
		require.NoError(g.t, ctx.Err(), "a closed input does not wait")
	}
}

// closeBeforeConnect: an input that never connected closes, and has left no trace.
func closeBeforeConnect(g *rig) {
	r := g.reader()
	r.closeInput()
	g.gone(r)
	g.nextGets(g.kept(900, 905))
}

// closeWhileReadBlocked: the end of its context ends a read that waits.
func closeWhileReadBlocked(g *rig) {
	r := g.reader().start()
	r.awaitPartition()
	r.stop()
	require.ErrorIs(g.t, r.ended(), context.Canceled)
	r.close()
	g.gone(r)
	g.nextGets(g.kept(900, 905))
}

// closeWithRecordsWaiting: a read whose context has ended hands nothing over, and
// what waited is there for the next one, or counted.
func closeWithRecordsWaiting(g *rig) {
	r := g.reader().hold()
	r.start()
	r.awaitPartition()
	g.publish(0, 50)
	r.awaitCount(1)
	g.arrived(r, 50)
	r.end()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got := r.values()
	messages, _, err := r.in.ReadBatch(ctx)
	require.ErrorIs(g.t, err, context.Canceled)
	require.Empty(g.t, messages, "the host would drop it")
	r.close()
	if !g.can(Keeps) {
		g.gaveUp(r, int64(50-len(got)))
	}
	g.gone(r)
	if g.can(Replays) {
		g.nextGets(append(upTo(0, 50), upTo(900, 905)...))
		return
	}
	g.nextGets(g.kept(900, 905))
}

// arrived waits until the client has what the source does not keep: only that can
// be counted.
func (g *rig) arrived(r *reader, n int64) {
	g.t.Helper()
	if !g.can(Keeps) {
		await(g.t, "the client has everything", func() bool { return r.stats.Received.Load() == n })
	}
}

// closeWhilePaused: a pause keeps nobody from closing, and what was acknowledged
// during it is settled.
func closeWhilePaused(g *rig) {
	r := g.reader().hold().start()
	r.awaitPartition()
	g.publish(0, 20)
	r.expect(upTo(0, 20))
	r.gate.Hold(gate.ReasonOperator)
	for _, b := range r.delivered() {
		require.NoError(g.t, b.answer(nil))
	}
	r.close()
	r.gate.Release(gate.ReasonOperator)
	g.gone(r)
	g.nextGets(g.kept(900, 905))
}

// closeWhileDraining: nobody has to read a drain to its end.
func closeWhileDraining(g *rig) {
	r := g.reader()
	r.connect()
	r.awaitPartition()
	g.publish(0, 50)
	r.gate.Drain()
	g.arrived(r, 50)
	r.close()
	if !g.can(Keeps) {
		g.gaveUp(r, 50)
	}
	g.gone(r)
	g.nextGets(append(g.kept(0, 50), g.kept(900, 905)...))
}

// stopWithoutClose: the host is busy with a batch when the input is to stop, and neither
// reads nor closes it. It does not wait for that.
func stopWithoutClose(g *rig) {
	r := g.reader().hold()
	life, stop := context.WithCancel(context.Background())
	defer stop()
	require.NoError(g.t, r.keepConnecting(life))
	r.awaitAttached()
	r.awaitPartition()
	g.publish(0, 50)
	messages, ack, err := r.in.ReadBatch(life)
	require.NoError(g.t, err)
	r.take(messages, ack)
	g.arrived(r, 50)
	got := r.values()
	stop()
	if !g.can(Keeps) {
		g.gaveUp(r, int64(50-len(got)))
		await(g.t, "it has unsubscribed", func() bool { return !g.source.Ready(r.name) })
	}
	for _, b := range r.delivered() {
		require.NoError(g.t, b.answer(nil))
	}
	r.close()
	require.Equal(g.t, upTo(0, len(got)), r.values())
	if !g.can(Keeps) {
		g.gaveUp(r, int64(50-len(got)))
	}
	g.gone(r)
	g.nextGets(append(g.kept(len(got), 50), g.kept(900, 905)...))
}

// closeWhileConnecting: an input whose server does not answer gives up when it is
// told to.
func closeWhileConnecting(g *rig) {
	require.NoError(g.t, g.server.Link().Timeout(0))
	clearLink := sync.OnceFunc(g.server.Link().Clear)
	defer clearLink()
	r := g.reader()
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() { failed <- r.tryConnect(ctx) }()
	r.awaitConnecting()
	cancel()
	assert.Error(g.t, <-failed)
	r.close()
	clearLink()
	g.gone(r)
	g.nextGets(g.kept(900, 905))
}

// awaitConnecting waits until an attempt to connect was begun.
func (r *reader) awaitConnecting() {
	r.t.Helper()
	await(r.t, r.name+" tries to connect", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.connects > 0
	})
}
