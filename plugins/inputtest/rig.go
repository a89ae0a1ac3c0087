package inputtest

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/logtest"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// patience bounds every wait: a check that reaches it has failed.
const patience = 3 * time.Minute

// rig is a source for one check, and what reads from it.
type rig struct {
	t      *testing.T
	row    Row
	server Server
	source Source
}

// can reports whether the source is able to.
func (g *rig) can(a Ability) bool { _, not := g.row.Cannot[a]; return !not }

// reader makes an input of the name "bridge" that nobody has connected, in a
// stream of its own.
func (g *rig) reader() *reader { return g.readerIn(resources(g.t), "bridge", "") }

// witness reads the source too, and is never paused: what it has was to be had.
func (g *rig) witness() *reader { return g.readerIn(resources(g.t), "witness", "").start() }

// readerIn makes an input in the stream of these resources, under the gate of that name.
func (g *rig) readerIn(res *service.Resources, name, gateName string) *reader {
	g.t.Helper()
	yaml := g.source.Config(name)
	if gateName != "" {
		yaml += "\ngate: " + gateName
	}
	conf, err := g.row.Spec.ParseYAML(yaml, nil)
	require.NoError(g.t, err)
	in, err := g.row.New(conf, res)
	require.NoError(g.t, err)
	r := &reader{
		t: g.t, name: name, in: in, res: res,
		gate:  gate.Of(res, gateName),
		stats: status.Of(res, gateName).Input(status.LabelOf(res), g.row.Kind),
	}
	r.ready = func() bool { return g.away(r) || g.source.Ready(name) }
	g.t.Cleanup(r.close)
	return r
}

// resources are those of a stream. What is logged there is shown when the test fails.
func resources(t *testing.T) *service.Resources {
	log := &logtest.Text{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil)))))
}

// publish adds the numbers from up to but not including to.
func (g *rig) publish(from, to int) {
	g.t.Helper()
	g.publishWide(from, to, 0)
}

// publishWide is publish with records of that many bytes.
func (g *rig) publishWide(from, to, size int) {
	g.t.Helper()
	records := make([][]byte, 0, to-from)
	for i := from; i < to; i++ {
		records = append(records, fmt.Appendf(nil, "%-*d", size, i))
	}
	g.source.Publish(g.t, records)
}

// quiet waits until the server has no request of the reader.
func (g *rig) quiet(r *reader) {
	g.t.Helper()
	await(g.t, "nothing is asked for", func() bool { return g.source.Quiet(g.t, r.name) })
}

// settled waits until the server knows what the reader has acknowledged: everything.
func (g *rig) settled(r *reader) {
	g.t.Helper()
	await(g.t, "everything is settled", func() bool { return g.source.Settled(g.t, r.name) })
}

// away reports whether the source knows nothing of a reader because it is paused.
func (g *rig) away(r *reader) bool { return g.row.Pausing == Leaves && r.stats.Paused() }

// conflated waits until newer records have taken the place of so many, no more and no
// less, and nothing was dropped.
func (g *rig) conflated(r *reader, n int64) {
	g.t.Helper()
	await(g.t, fmt.Sprint(n, " records are counted as conflated"), func() bool { return r.stats.Conflated.Load() >= n })
	require.Equal(g.t, n, r.stats.Conflated.Load())
	g.dropped(r, 0)
}

// dropped waits until a pause has cost so many records, no more and no less.
func (g *rig) dropped(r *reader, n int64) {
	g.t.Helper()
	awaitOr(g.t, func() bool { return r.stats.Dropped.Load() >= n }, func() string {
		return fmt.Sprintf("%d records are counted as dropped; it is %d", n, r.stats.Dropped.Load())
	})
	require.Equal(g.t, n, r.stats.Dropped.Load())
}

// gaveUp waits until so many records are counted that the client had when the reader
// ended, and nobody got: those that its own queue had no room for are counted as such.
func (g *rig) gaveUp(r *reader, n int64) {
	g.t.Helper()
	counted := func() int64 { return r.stats.Dropped.Load() + r.stats.SlowConsumer.Load() }
	awaitOr(g.t, func() bool { return counted() >= n }, func() string {
		return fmt.Sprintf("%d records are counted; it is %d", n, counted())
	})
	require.Equal(g.t, n, counted())
}

// upTo is from..to-1.
func upTo(from, to int) []int {
	out := []int{}
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func sorted(values []int) []int { return slices.Sorted(slices.Values(values)) }

// brief is a list of numbers, shortened in the middle.
func brief(values []int) string {
	if len(values) <= 20 {
		return fmt.Sprint(len(values), " ", values)
	}
	return fmt.Sprint(len(values), " ", values[:10], "...", values[len(values)-10:])
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	awaitOr(t, is, func() string { return what })
}

// awaitOr looks until it is so, and fails with what was waited for if it never is.
func awaitOr(t *testing.T, is func() bool, what func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			require.FailNow(t, "it never happened that "+what())
		}
		<-tick.C
	}
}
