package inputtest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// check is one promise of the contract.
type check struct {
	name string
	run  func(*rig)
}

// together are the checks that may run beside each other on one server.
var together = []check{
	{"delivers", delivers},
	{"pause before it connects", pauseBeforeConnect},
	{"pause with records waiting", pauseWithRecordsWaiting},
	{"pause while a read is blocked", pauseWhileReadBlocked},
	{"pause while paused already", pauseWhilePaused},
	{"pauses in the middle of the flow", pausesInTheFlow},
	{"yields", yields},
	{"drain", drain},
	{"drain while paused", drainWhilePaused},
	{"drain before it connects", drainBeforeConnect},
	{"close before it connects", closeBeforeConnect},
	{"close while a read is blocked", closeWhileReadBlocked},
	{"close with records waiting", closeWithRecordsWaiting},
	{"close while paused", closeWhilePaused},
	{"close while draining", closeWhileDraining},
	{"stop without a close", stopWithoutClose},
	{"nack", nack},
	{"replay", replay},
	{"two streams", twoStreams},
	{"replacement", replacement},
	{"replacement of one that drains", replacementOfADraining},
}

// alone are the checks that do something to the server which others would notice.
var alone = []check{
	{"pause while connecting", pauseWhileConnecting},
	{"close while connecting", closeWhileConnecting},
	{"slow link", slowLink},
	{"pause over an outage", pauseOverAnOutage},
	{"close without a server", closeWithoutServer},
	{"reconnect", reconnect},
	{"permission lost and back", permission},
	{"source made anew", sourceMadeAnew},
}

// Run checks that an input keeps the contract of Input. Where the source cannot do
// what a check is about, the check proves that, and that it costs no more than the
// row says.
func Run(t *testing.T, row Row) {
	for ability, why := range row.Cannot {
		require.True(t, slices.Contains(Abilities(), ability), "%q is no ability", ability)
		require.NotEmpty(t, strings.TrimSpace(why), "a reason why the source cannot: %s", ability)
		t.Logf("by its nature not: %s (%s)", ability, why)
	}
	server := row.Start(t)
	atOnce(t, together, func(t *testing.T, c check) { row.check(t, server, c) })
	if row.Light {
		atOnce(t, alone, func(t *testing.T, c check) { row.check(t, row.Start(t), c) })
		return
	}
	for _, c := range alone {
		t.Run(c.name, func(t *testing.T) { row.check(t, server, c) })
	}
}

func (row Row) check(t *testing.T, server Server, c check) {
	c.run(&rig{t: t, row: row, server: server, source: server.Source(t)})
}

// atOnce runs checks beside each other, all of them: they wait more than they work,
// so how many processors there are does not matter.
func atOnce(t *testing.T, checks []check, run func(*testing.T, check)) {
	var all sync.WaitGroup
	for _, c := range checks {
		all.Go(func() { t.Run(c.name, func(t *testing.T) { run(t, c) }) })
	}
	all.Wait()
}
