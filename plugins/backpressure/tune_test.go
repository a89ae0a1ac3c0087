package backpressure

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const tunable = "max_buffer_size: 50\npause_threshold: 80%\nresume_threshold: 40%\nmax_bytes: 0\nbatch: {count: 3, period: 1s}\n"

// The emergency switch resumes what is paused, at once and not with the next record,
// and pauses again when it is taken back.
func TestTheEmergencySwitchWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, op := operated(t, tunable)
		defer r.Close(context.Background())
		r.write(t, "ticks", 0, 41)
		r.logs.take()
		require.NoError(t, op.ChangeSettings(map[string]any{"enabled": false}))
		assert.Equal(t, []string{
			"INFO An operator changes a setting until the stream stops",
			"INFO ⚡ Backpressure: DISABLED",
			"INFO ✅ BACKPRESSURE RELEASED: Buffer normal (41/50), resuming data ingestion (ticks: 41, external: 0)",
			"INFO ▶️  ticks subscriber resumed", "INFO ▶️  external subscriber resumed",
		}, r.logs.take())
		h := r.board.Health()
		assert.False(t, h.Metrics.Backpressure.Active)
		assert.False(t, h.Metrics.Backpressure.Enabled)
		assert.Equal(t, []status.Override{{Setting: "enabled", Configured: true, Current: false, Since: status.Time(time.Now())}}, h.Overrides)
		r.write(t, "ticks", 41, 9)
		assert.Empty(t, r.logs.take(), "the bound alone holds")
		pauses, _ := r.board.Pauses()
		require.Len(t, pauses, 1)
		assert.False(t, pauses[0].End.IsZero())

		require.NoError(t, op.ResetSettings())
		assert.Contains(t, r.logs.take(), "INFO ⏸️  ticks subscriber paused")
		assert.Empty(t, r.board.Health().Overrides)
		assert.True(t, r.board.Health().Metrics.Backpressure.Enabled)
	})
}

// Thresholds, in each form that the configuration takes: they are at work before the
// call returns, and the rest follows them.
func TestThresholdsWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, op := operated(t, tunable)
		defer r.Close(context.Background())
		r.write(t, "ticks", 0, 30)
		require.NoError(t, op.ChangeSettings(map[string]any{"pause_threshold": 29, "resume_threshold": "20%"}))
		assert.Equal(t, []string{
			"INFO An operator changes a setting until the stream stops", "INFO An operator changes a setting until the stream stops",
			"INFO An operator changes a setting until the stream stops",
			"INFO ⚡ Backpressure: ENABLED", "INFO    └─ Pause threshold: 29 messages (58%)", "INFO    └─ Resume threshold: 10 messages (20%)",
			"WARN ⚠️  BACKPRESSURE ACTIVE: Buffer high (30/50), pausing data ingestion (ticks: 30, external: 0)",
			"INFO ⏸️  ticks subscriber paused", "INFO ⏸️  external subscriber paused",
		}, r.logs.take(), "the yield threshold is three quarters of the pause threshold")
		assert.Equal(t, gate.Limits{Max: 50, Pause: 29, Yield: 21, Resume: 10}, r.gate.State().Limits)
		p := r.board.Health().Metrics.Backpressure
		assert.Equal(t, []int64{29, 21, 10}, []int64{p.PauseThreshold, p.YieldThreshold, p.ResumeThreshold})
		assert.Equal(t, "pause_threshold,yield_threshold,resume_threshold", r.overridden())

		require.NoError(t, op.ChangeSettings(map[string]any{"pause_threshold": "62%", "alert_after": "1m"}))
		assert.Contains(t, r.logs.take(), "INFO ▶️  ticks subscriber resumed", "it is not above any more")
		require.NoError(t, op.ChangeSettings(map[string]any{"pause_threshold": nil}))
		assert.Equal(t, "resume_threshold,alert_after", r.overridden(), "what the configuration says")
		assert.Equal(t, time.Minute, r.figures().AlertAfter)
	})
}

// A pause that lasts is judged by the new alert_after.
func TestAlertAfterWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, op := operated(t, small+"alert_after: 1h")
		defer r.Close(context.Background())
		r.write(t, "ticks", 0, 9)
		time.Sleep(2 * time.Minute)
		assert.Equal(t, "healthy", r.board.Health().Status)
		require.NoError(t, op.ChangeSettings(map[string]any{"alert_after": "90s"}))
		assert.Equal(t, []string{"backpressure active for 2m0s, longer than alert_after (1m30s): ClickHouse write bottleneck"}, r.board.Health().Reasons)
		r.logs.take()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		assert.Contains(t, strings.Join(r.logs.take(), "\n"), "🔴 CRITICAL")
	})
}

// Whatever is asked for, it is refused if, and in the words in which, the buffer would
// not have been built with it; then nothing has changed. Otherwise it is as if it had.
func TestChangesAreCheckedAsTheConfigurationIs(t *testing.T) {
	const rest = "max_buffer_size: 1000\nmax_bytes: %s\nbatch: {count: 10, byte_size: %s}\n"
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
		// lengths of batch that fit the limits of the start
		base := fmt.Sprintf(rest, draw("bytes", "0", "10000", "1MiB"), draw("batch", "''", "3000"))
		r := newRig(t, base)
		defer r.Close(context.Background())
		r.run()
		text := map[string]string{}
		for round := range 3 {
			changes := map[string]any{}
			next := map[string]string{}
			for k, v := range text {
				next[k] = v
			}
			for field, from := range map[string][]string{
				"enabled":          {"true", "false", "'maybe'"},
				"pause_threshold":  {"500", "80%", "99.9%", "101%", "1001", "-1", "x", "2"},
				"yield_threshold":  {"''", "300", "20%", "90%", "0"},
				"resume_threshold": {"400", "40%", "9", "0.5%", "33.3%", "1.5", "790"},
				"alert_after":      {"1m", "0s", "-1s", "soon", "1h30m"},
			} {
				if !rapid.Bool().Draw(rt, field) {
					continue
				}
				next[field] = draw(fmt.Sprint(field, round), from...)
				changes[field] = strings.Trim(next[field], "'")
			}
			if len(changes) == 0 {
				continue
			}
			yaml := base
			for field, v := range next {
				yaml += field + ": " + v + "\n"
			}
			before := *r.now()
			err := operator{buffer: r.buffer}.ChangeSettings(changes)
			fresh, refused := parse(yaml+"status_server: {enabled: false}", service.MockResources())
			switch {
			case strings.Contains(yaml, "maybe"): // the host refuses it first, in its words
				require.Error(rt, err)
			case refused != nil:
				require.Error(rt, err, yaml)
				require.Equal(rt, refused.Error(), "backpressure: "+err.Error())
			default:
				require.NoError(rt, err, yaml)
				text = next
				require.Equal(rt, fresh.conf.settings(), r.now().settings(), yaml)
				require.Equal(rt, fresh.conf.byteSize, r.now().byteSize)
				require.Equal(rt, fresh.conf.limits, r.gate.State().Limits)
				continue
			}
			require.Equal(rt, before, *r.now(), "all or nothing")
			require.Equal(rt, before.limits, r.gate.State().Limits)
		}
	})
}

func TestWhatCannotBeChanged(t *testing.T) {
	r, op := operated(t, tunable)
	before := *r.now()
	for field, value := range map[string]any{"max_buffer_size": 100, "groups": nil, "paus_threshold": "80%", "": 1} {
		err := op.ChangeSettings(map[string]any{"enabled": false, field: value})
		assert.EqualError(t, err, field+" cannot be changed while the stream runs; what can: enabled, pause_threshold, yield_threshold, resume_threshold, alert_after")
	}
	assert.Equal(t, before, *r.now())
	r.gate.Drain()
	assert.ErrorIs(t, op.ChangeSettings(map[string]any{"enabled": false}), status.ErrStopping)
	require.NoError(t, r.Close(t.Context()))
	assert.ErrorIs(t, op.ResetSettings(), status.ErrStopping)
}

// Operators that change settings at the same time, beside records: no change is lost,
// none is half made, and the gate is what the last one says.
func TestChangesBesideEachOtherAndRecords(t *testing.T) {
	r, op := operated(t, "max_buffer_size: 1000\nmax_bytes: 0\nbatch: {count: 1, period: 1s}\nheartbeat_interval: 10ms")
	ctx, stop := context.WithCancel(context.Background())
	var work, changers sync.WaitGroup
	work.Go(func() {
		for ctx.Err() == nil {
			_ = r.WriteBatch(ctx, r.batch("ticks", 0, 7), (&verdict{}).ack)
		}
	})
	work.Go(func() {
		for ctx.Err() == nil {
			if _, ack, err := r.ReadBatch(ctx); err == nil {
				_ = ack(context.Background(), nil)
			}
		}
	})
	pairs := []map[string]any{
		{"pause_threshold": 900, "resume_threshold": 100}, {"pause_threshold": 50, "resume_threshold": 10}, {"pause_threshold": "80%", "resume_threshold": "40%"},
	}
	for i := range 3 {
		changers.Go(func() {
			for range 100 {
				assert.NoError(t, op.ChangeSettings(pairs[i]))
				h := r.board.Health().Metrics.Backpressure
				assert.Contains(t, [][2]int64{{900, 100}, {50, 10}, {800, 400}}, [2]int64{h.PauseThreshold, h.ResumeThreshold})
			}
		})
	}
	changers.Go(func() {
		for i := range 100 {
			assert.NoError(t, op.ChangeSettings(map[string]any{"enabled": i%2 == 0, "alert_after": "3m"}))
		}
	})
	changers.Wait()
	stop()
	work.Wait()
	now, s := r.now(), r.gate.State()
	assert.False(t, now.enabled)
	assert.Equal(t, 3*time.Minute, now.alertAfter)
	assert.Equal(t, now.limits, s.Limits)
	assert.True(t, s.PausingOff)
	assert.False(t, s.Paused)
	require.NoError(t, r.Close(context.Background()))
}

// A stream that is built anew is what its configuration says.
func TestAReloadReturnsToTheConfiguration(t *testing.T) {
	r, op := operated(t, tunable)
	require.NoError(t, op.ChangeSettings(map[string]any{"enabled": false, "pause_threshold": 30}))
	next, err := parse(tunable+"status_server: {enabled: false}", r.res)
	require.NoError(t, err)
	require.NoError(t, r.Close(t.Context()))
	next.run()
	defer next.Close(t.Context())
	assert.Empty(t, next.board.Health().Overrides)
	assert.Equal(t, 40, next.gate.State().Limits.Pause)
	assert.False(t, next.gate.State().PausingOff)
}

// The log says who changed what, and the heartbeat for how long that holds; the gauges
// follow.
func TestChangesAreToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newJSONRig(t, tunable)
		r.run()
		require.NoError(t, operator{buffer: r.buffer}.By("192.0.2.7:1234").ChangeSettings(map[string]any{"pause_threshold": "60%", "yield_threshold": 25}))
		time.Sleep(6 * time.Second)
		require.NoError(t, r.Close(t.Context()))
		changes := entries(t, log, "An operator changes a setting")
		for _, c := range changes {
			delete(c, "time")
		}
		assert.Equal(t, []map[string]string{
			{"setting": "pause_threshold", "from": "40", "to": "30", "remote": "192.0.2.7:1234"},
			{"setting": "yield_threshold", "from": "30", "to": "25", "remote": "192.0.2.7:1234"},
		}, changes)
		assert.Equal(t, "pause_threshold,yield_threshold", entries(t, log, "💓 Heartbeat")[0]["overridden"])
	})
}

// Over HTTP, by the path that the docs name: of two streams that share a listener and a
// process the one that is named.
func TestSettingsOverHTTP(t *testing.T) {
	res, servers := service.MockResources(), status.NewServers()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	var streams []*rig
	for _, name := range []string{"a", "b"} {
		b, err := parse(tunable+"gate: "+name+"\nstatus_server: {enabled: false}", res)
		require.NoError(t, err)
		r := &rig{buffer: b, res: res}
		defer r.Close(t.Context())
		r.run()
		r.board.SetOperator(operator{buffer: b}, status.Admin{Enabled: true, Token: "secret"})
		_, leave, err := servers.Serve(address, r.board)
		require.NoError(t, err)
		defer leave()
		r.write(t, "ticks", 0, 41)
		require.True(t, r.gate.Paused())
		streams = append(streams, r)
	}
	post := func(path, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer secret")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusBadRequest, post("/backpressure", `{"enabled": false}`), "which of them?")
	assert.Equal(t, http.StatusBadRequest, post("/backpressure?stream=b", `{"enabled": false, "pause_threshold": "110%"}`))
	assert.True(t, streams[1].gate.Paused(), "all or nothing")
	assert.Equal(t, http.StatusOK, post("/backpressure?stream=b", `{"enabled": false}`))
	assert.Equal(t, []bool{true, false}, []bool{streams[0].gate.Paused(), streams[1].gate.Paused()})
	assert.Equal(t, http.StatusOK, post("/backpressure/reset?stream=b", ""))
	assert.True(t, streams[1].gate.Paused())
}
