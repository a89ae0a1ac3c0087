package inputtest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// yields: what the source keeps waits from yield_threshold on, and says so; what it does
// not keep is handed over nevertheless. That is no pause.
func yields(g *rig) {
	r := g.reader()
	c := r.gate.Controller(gate.Limits{Max: 1000, Pause: 800, Yield: 100, Resume: 50}, true, nobody{})
	c.Attach()
	c.Observe(gate.Level{Records: 100})
	r.start()
	r.awaitPartition()
	g.publish(0, 20)
	if g.can(Keeps) {
		await(g.t, "it yields", r.stats.Yielding)
		require.Empty(g.t, r.values())
		c.Observe(gate.Level{})
	}
	r.expect(upTo(0, 20))
	await(g.t, "it yields no more", func() bool { return !r.stats.Yielding() })
	require.False(g.t, r.stats.Paused())
	require.Zero(g.t, r.stats.Dropped.Load())
	r.end()
	c.Detach(0)
}

// nobody watches a gate.
type nobody struct{}

func (nobody) Paused()               {}
func (nobody) Resumed(time.Duration) {}
func (nobody) Held(string)           {}
func (nobody) Released(string)       {}
func (nobody) Ending(bool)           {}
func (nobody) Yielding()             {}
func (nobody) Draining(bool)         {}
func (nobody) Flush()                {}
