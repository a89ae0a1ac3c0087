package backpressure

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// operated is a rig with two inputs that log as the real ones do.
func operated(t *testing.T, yaml string) (*rig, operator) {
	t.Helper()
	r := newRig(t, yaml)
	for _, label := range []string{"ticks", "external"} {
		r.board.Input(label, status.KindNATS).Link.Up()
		r.gate.JoinAs(label, subscriber{r, label})
	}
	r.run()
	r.logs.take()
	return r, operator{buffer: r.buffer}
}

func TestOperatorHoldsOneInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, op := operated(t, small)
		defer r.Close(t.Context())
		require.True(t, op.PauseInput("external"))
		assert.Equal(t, []string{"INFO An operator pauses an input", "INFO ⏸️  external subscriber paused"}, r.logs.take())
		h := r.board.Health()
		since := status.Time(time.Now())
		assert.Equal(t, []status.Holder{{Reason: "operator", Since: since}}, h.Inputs["external"].PausedBy)
		assert.Empty(t, h.Inputs["ticks"].PausedBy)
		assert.False(t, h.Metrics.Backpressure.Active)
		assert.Equal(t, "external", r.heldLabels())

		r.write(t, "ticks", 0, 9)
		assert.Contains(t, r.logs.take(), "INFO ⏸️  ticks subscriber paused")
		for r.control.Level() > 0 {
			r.settleNext(t)
		}
		assert.NotContains(t, r.logs.take(), "INFO ▶️  external subscriber resumed")
		op.ResumeInput("external")
		assert.Equal(t, []string{"INFO An operator resumes an input", "INFO ▶️  external subscriber resumed"}, r.logs.take())
		assert.Empty(t, r.heldLabels())
	})
}

// However long an operator holds all inputs, ClickHouse is not to blame.
func TestOperatorsPauseIsNoBottleneck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, op := operated(t, "alert_after: 1m")
		defer r.Close(t.Context())
		require.True(t, op.PauseInputs())
		assert.Equal(t, []string{"INFO An operator pauses all inputs", "INFO ⏸️  ticks subscriber paused", "INFO ⏸️  external subscriber paused"}, r.logs.take())
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Empty(t, r.logs.take())
		assert.Equal(t, "healthy", r.board.Health().Status)
		assert.Zero(t, r.board.Health().Metrics.Backpressure.PauseCount)
		op.ResumeInputs()
		assert.Equal(t, []string{"INFO An operator resumes all inputs", "INFO ▶️  ticks subscriber resumed", "INFO ▶️  external subscriber resumed"}, r.logs.take())
	})
}

// A level that stays high is ClickHouse's, whoever else pauses an input.
func TestBottleneckIsToldWhileAnOperatorHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, op := operated(t, small+"alert_after: 1m")
		defer r.Close(t.Context())
		require.True(t, op.PauseInput("external"))
		time.Sleep(time.Hour)
		r.write(t, "ticks", 0, 9)
		r.logs.take()
		time.Sleep(66 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"ERROR 🔴 CRITICAL: Backpressure active for 1.1 minutes! ClickHouse write bottleneck detected. Current buffer: 9"}, r.logs.take(),
			"counted from the level's pause")
	})
}

func TestOperatorCannotHoldAStoppingStream(t *testing.T) {
	r, op := operated(t, small)
	require.True(t, op.PauseInputs())
	r.gate.Drain()
	assert.Contains(t, r.logs.take(), "INFO ▶️  external subscriber resumed")
	assert.False(t, op.PauseInput("external"))
	assert.False(t, op.PauseInputs())
	require.NoError(t, r.Close(t.Context()))
}

// The log says where a request came from, and refusals do not flood it.
func TestTheAdminLogNamesTheRemoteAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		res := service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewJSONHandler(&log, nil)))))
		b, err := parse("heartbeat_interval: 1h\nstatus_server: {enabled: false}", res)
		require.NoError(t, err)
		defer b.Close(t.Context())
		b.run()
		op := operator{buffer: b}.By("192.0.2.7:1234")
		for name, act := range map[string]func(){
			"An operator pauses an input":        func() { op.PauseInput("ticks") },
			"An operator resumes an input":       func() { op.ResumeInput("ticks") },
			"An operator pauses all inputs":      func() { op.PauseInputs() },
			"An operator resumes all inputs":     func() { op.ResumeInputs() },
			"Refused to operate this stream: no": func() { op.Refused("/inputs/pause", "no") },
		} {
			log.Reset()
			act()
			assert.Contains(t, log.String(), name)
			assert.Contains(t, log.String(), `"remote":"192.0.2.7:1234"`, name)
		}
		log.Reset()
		for range 1000 {
			op.Refused("/inputs/pause", "no")
		}
		assert.Empty(t, log.String())
		time.Sleep(refusedEvery)
		op.Refused("/inputs/pause", "no")
		assert.Contains(t, log.String(), `"repeats":"1000"`)
	})
}
