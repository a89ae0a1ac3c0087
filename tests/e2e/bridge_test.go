package e2e

import (
	"context"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
)

// Words of the log, as operators grep for them.
const (
	logStarted   = "✅ DATA BRIDGE STARTED - HYBRID PHASE 1 + RETRY QUEUE + BACKPRESSURE"
	logPause     = "⚠️  BACKPRESSURE ACTIVE: "
	logResume    = "✅ BACKPRESSURE RELEASED: "
	logHeartbeat = "💓 Heartbeat"
	logCritical  = "🔴 CRITICAL: "
	logFlushing  = "💾 Flushing buffered data..."
	logStopped   = "✅ Data Bridge stopped gracefully"
)

const number = `(\d{1,3}(?:,\d{3})*)`

var (
	pauseLine  = regexp.MustCompile(`^⚠️  BACKPRESSURE ACTIVE: Buffer high \(` + number + `/` + number + `\), pausing data ingestion \(CH: ` + number + `, Ext: ` + number + `\)$`)
	resumeLine = regexp.MustCompile(`^✅ BACKPRESSURE RELEASED: Buffer normal \(` + number + `/` + number + `\), resuming data ingestion \(CH: ` + number + `, Ext: ` + number + `\)$`)
)

// bridge is a running data-bridge that belongs to a test.
type bridge struct {
	*harness.Bridge
	t *testing.T
}

// startBridge runs a command of data-bridge. It is killed at the end of the
// test, and its log shown if the test failed.
func startBridge(t *testing.T, path, health string, vars env, args ...string) *bridge {
	t.Helper()
	b, err := harness.Start(harness.Options{Binary: path, Args: args, Env: vars, Health: health})
	require.NoError(t, err)
	t.Cleanup(func() {
		b.Kill()
		assert.Empty(t, b.Crashes())
		if t.Failed() {
			t.Logf("the end of the bridge's log:\n%s", b.Tail(60))
		}
	})
	return &bridge{b, t}
}

// ready waits until all inputs and the output of config/bridge.yaml are connected.
func (b *bridge) ready() *bridge {
	b.t.Helper()
	b.awaitNth("Subscribed to NATS", 2)
	b.until("everything is connected", func(h harness.Health) bool {
		return h.Inputs["ticks"].Connected && h.Inputs["ch_candles"].Connected &&
			h.Inputs["external"].Connected && h.Outputs["clickhouse"].Connected
	})
	return b
}

func (b *bridge) await(text string) string {
	b.t.Helper()
	return b.awaitNth(text, 1)
}

func (b *bridge) awaitNth(text string, nth int) string {
	b.t.Helper()
	line, err := b.AwaitNth(within(b.t), text, nth)
	require.NoError(b.t, err)
	return line.Message
}

// until waits for an answer of /health that satisfies ok.
func (b *bridge) until(what string, ok func(harness.Health) bool) harness.Health {
	b.t.Helper()
	h, err := b.AwaitHealth(within(b.t), what, ok)
	require.NoError(b.t, err)
	return h
}

func (b *bridge) health() harness.Health {
	b.t.Helper()
	h, err := b.Health(within(b.t))
	require.NoError(b.t, err)
	return h
}

// beats waits for n more heartbeats: long enough for what must not happen to
// have happened.
func (b *bridge) beats(n int) {
	b.t.Helper()
	b.awaitNth(logHeartbeat, b.Count(logHeartbeat)+n)
}

// stop ends the bridge as an operator does and expects that to go well.
func (b *bridge) stop() {
	b.t.Helper()
	b.terminate()
	assert.Zero(b.t, b.exitCode())
	b.await(logStopped)
}

func (b *bridge) terminate() {
	b.t.Helper()
	require.NoError(b.t, b.Signal(syscall.SIGTERM))
}

// kill ends the bridge as a crash does.
func (b *bridge) kill() {
	b.t.Helper()
	require.NoError(b.t, b.Signal(os.Kill))
	b.exitCode()
}

func (b *bridge) exitCode() int {
	b.t.Helper()
	code, err := b.Wait(within(b.t))
	require.NoError(b.t, err)
	return code
}

// inOrder expects lines that contain the texts to follow one another, each
// searched for behind the one before. It returns what follows the last.
func (b *bridge) inOrder(texts ...string) []harness.Line {
	b.t.Helper()
	lines := b.Lines()
	for _, text := range texts {
		at := -1
		for i, l := range lines {
			if strings.Contains(l.Message, text) {
				at = i
				break
			}
		}
		require.GreaterOrEqual(b.t, at, 0, "no line with %q at its place", text)
		lines = lines[at+1:]
	}
	return lines
}

// watchLevel looks at the level all the time, and returns a function that ends
// that and tells the highest level seen and how often it looked.
func (b *bridge) watchLevel() (stop func() (highest int64, looks int)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	done := make(chan struct{})
	var highest atomic.Int64
	looks := 0
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			if h, err := b.Health(ctx); err == nil {
				highest.Store(max(highest.Load(), h.Metrics.Backpressure.Level))
				looks++
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	b.t.Cleanup(func() { cancel(); <-done })
	return func() (int64, int) {
		cancel()
		<-done
		return highest.Load(), looks
	}
}
