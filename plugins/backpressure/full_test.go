package backpressure

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// Where nothing pauses, a buffer without room blocks all inputs: that is alerted as a
// pause is, and over when a pause would be.
func TestAFullBufferIsAlertedWithPausingOff(t *testing.T) {
	for name, yaml := range map[string]string{
		"the emergency switch":          "enabled: false\n",
		"a threshold that is the bound": "pause_threshold: 100%\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, yaml+"max_buffer_size: 10\nresume_threshold: 4\nbatch: {count: 3, period: 1s}\n")
				defer r.Close(context.Background())
				r.board.Input("ticks", status.KindNATS).Link.Up()
				r.write(t, "ticks", 0, 10)
				time.Sleep(20 * time.Minute)
				r.logs.take()
				assert.Equal(t, "healthy", r.board.Health().Status, "all that came found room")

				blocked := make(chan error, 1)
				go func() { blocked <- r.WriteBatch(t.Context(), r.batch("ticks", 10, 1), (&verdict{}).ack) }()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				assert.Empty(t, r.logs.take(), "not yet")
				time.Sleep(30 * time.Second)
				synctest.Wait()
				lines := r.logs.take()
				require.Len(t, lines, 6)
				assert.Equal(t, "ERROR 🔴 CRITICAL: Backpressure active for 10.5 minutes! ClickHouse write bottleneck detected. Current buffer: 10", lines[5])
				h := r.board.Health()
				assert.Equal(t, []string{"buffer full for 10m30s, longer than alert_after (10m0s): ClickHouse write bottleneck"}, h.Reasons)
				assert.Zero(t, h.Metrics.Backpressure.PauseCount)

				r.settleNext(t)
				require.NoError(t, <-blocked)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				assert.Len(t, r.logs.take(), 2, "there is room, but not much")
				for r.control.Level() >= 4 {
					r.settleNext(t)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Empty(t, r.logs.take())
				assert.Equal(t, "healthy", r.board.Health().Status)
			})
		})
	}
}

// Nothing of a stream that is gone is kept, and its flags are not those of the next
// one of its name.
func TestAStreamThatIsGoneIsForgotten(t *testing.T) {
	res := service.MockResources()
	const yaml = "gate: market\nstatus_server: {enabled: false}\n"
	for range 3 {
		b, err := parse(yaml, res)
		require.NoError(t, err)
		g, board := gate.Of(res, "market"), status.Of(res, "market")
		require.Same(t, b.board, board)
		require.Empty(t, board.Inputs())
		require.False(t, g.State().Draining)
		board.Input("ticks", status.KindNATS)
		m := g.JoinAs("ticks", &feedInput{})
		b.run()
		g.HoldInput("ticks")
		m.Leave()
		require.NoError(t, b.Close(t.Context()))
		require.NotSame(t, g, gate.Of(res, "market"))
		require.NotSame(t, board, status.Of(res, "market"))
		require.Empty(t, gate.Of(res, "market").State().Held)
	}
}

// What feeds the figures with fixed names is the configuration's to say, in /health
// and in the heartbeat.
func TestFiguresOfOtherLabels(t *testing.T) {
	const yaml = `
groups: {Market: [trades, bars], Ext: [news]}
figures: {ticks: [trades], ch_candles: [bars], external: [news], ch_buffer: Market}
`
	synctest.Test(t, func(t *testing.T) {
		assert.Empty(t, lint(t, strings.TrimSpace(yaml)))
		r, log := newJSONRig(t, yaml)
		for i, label := range []string{"trades", "bars", "news", "ticks"} {
			r.write(t, label, 0, i+1)
			r.board.Input(label, status.KindNATS).Received.Store(int64(i + 1))
		}
		time.Sleep(6 * time.Second)
		require.NoError(t, r.Close(t.Context()))
		beats := entries(t, log, "💓 Heartbeat")
		require.NotEmpty(t, beats)
		for field, want := range map[string]string{"ticks": "1", "ch_candles": "2", "external": "3", "ch_buffer": "3", "yielding": "", "yield_threshold": "30000"} {
			assert.Equal(t, want, beats[0][field], field)
		}
	})
}
