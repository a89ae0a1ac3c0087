package status_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func anyPause(status.Pause) bool { return true }

func operators(p status.Pause) bool { return p.Reason == status.ReasonOperator }

func TestHistoryOfOnePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("market")
		ticks := b.Input("ticks", status.KindNATS)
		ticks.Dropped.Add(7)
		b.SettlePauses()
		time.Sleep(time.Minute)
		b.ObserveLevel(99999, 99999)
		start := time.Now()
		b.BeginPause(status.ReasonLevel, "", 41000, 900)
		b.BeginPause(status.ReasonLevel, "", 1, 1) // it lasts already
		b.ObserveLevel(41234, 1000)
		b.ObserveLevel(30000, 800)
		ticks.Dropped.Add(5)
		ticks.Conflated.Add(3)
		time.Sleep(10 * time.Second)

		want := status.Pause{
			Stream: "market", Reason: status.ReasonLevel, Start: start, PeakLevel: 41234, PeakBytes: 1000,
			Dropped: map[string]int64{"ticks": 8},
		}
		have, forgotten := b.Pauses()
		assert.Equal(t, []status.Pause{want}, have)
		assert.Zero(t, forgotten)
		assert.Equal(t, 10*time.Second, have[0].Length(time.Now()), "it grows while it lasts")
		assert.Equal(t, status.PauseTotal{Count: 1, Time: 10 * time.Second}, b.TakePauseTotals()[status.ReasonLevel])
		time.Sleep(time.Second)
		assert.Equal(t, status.PauseTotal{Time: time.Second}, b.TakePauseTotals()[status.ReasonLevel], "what has come since")

		ended := b.EndPauses(anyPause)
		want.End = start.Add(11 * time.Second)
		assert.Equal(t, []status.Pause{want}, ended)
		assert.Empty(t, b.EndPauses(anyPause))
		ticks.Dropped.Add(2) // before the input has heard of the end
		b.ObserveLevel(99999, 99999)
		settle(b, 5)
		ticks.Dropped.Add(100) // long after: of no pause
		settle(b, 5)

		want.Dropped = map[string]int64{"ticks": 10}
		have, _ = b.Pauses()
		assert.Equal(t, []status.Pause{want}, have)
		assert.Equal(t, 11*time.Second, have[0].Length(time.Now()))
		assert.Zero(t, b.TakePauseTotals()[status.ReasonLevel])
	})
}

// settle lets seconds pass as a buffer does.
func settle(b *status.Board, seconds int) {
	for range seconds {
		time.Sleep(time.Second)
		b.SettlePauses()
	}
}

// What is dropped while several pauses last counts once.
func TestDropsOfPausesThatOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		ticks, candles := b.Input("ticks", status.KindNATS), b.Input("ch_candles", status.KindNATS)
		drop := func() {
			ticks.Dropped.Add(1)
			candles.Dropped.Add(10)
		}
		b.BeginPause(status.ReasonOperator, "ticks", 0, 0)
		ticks.Dropped.Add(1)
		b.BeginPause(status.ReasonBytes, "", 0, 0)
		drop()
		b.EndPauses(operators)
		drop()
		b.EndPauses(anyPause)

		pauses, _ := b.Pauses()
		assert.Equal(t, map[string]int64{"ticks": 2}, pauses[0].Dropped)
		assert.Equal(t, map[string]int64{"ticks": 1, "ch_candles": 20}, pauses[1].Dropped)
	})
}

func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		b.BeginPause(status.ReasonOperator, "ticks", 0, 0) // lasts through all of it
		for i := range 1004 {
			b.BeginPause(status.ReasonLevel, "", int64(i), 0)
			time.Sleep(time.Second)
			b.EndPauses(func(p status.Pause) bool { return p.Reason == status.ReasonLevel })
		}
		pauses, forgotten := b.Pauses()
		require.Len(t, pauses, 1000)
		assert.EqualValues(t, 5, forgotten)
		assert.Equal(t, status.ReasonOperator, pauses[0].Reason, "what lasts is kept")
		assert.EqualValues(t, 5, pauses[1].PeakLevel, "the oldest went")
		assert.EqualValues(t, 1004, b.TakePauseTotals()[status.ReasonLevel].Count, "but are counted")

		time.Sleep(24*time.Hour - 500*time.Second)
		pauses, forgotten = b.Pauses()
		assert.Len(t, pauses, 502, "of the last 24 hours, and the one that lasts")
		assert.EqualValues(t, 5, forgotten, "what is old was not forgotten")
	})
}

func TestSummaryOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		b := status.NewBoard("")
		ticks, out := b.Input("ticks", status.KindNATS), b.Output("clickhouse")
		time.Sleep(time.Hour)
		b.BeginPause(status.ReasonLevel, "", 0, 0)
		time.Sleep(time.Minute)
		b.BeginPause(status.ReasonOperator, "ticks", 0, 0) // overlaps: the time counts once
		ticks.Dropped.Add(5)
		out.Table("ticks").DeadLetters.Add(3)
		out.Unrouted.Add(1)
		time.Sleep(time.Minute)
		b.EndPauses(anyPause)
		time.Sleep(time.Hour)
		b.BeginPause(status.ReasonLevel, "", 0, 0) // goes on into the next period
		time.Sleep(90 * time.Second)
		assert.Equal(t, status.Summary{
			Since: start, Pauses: 3, Paused: 210 * time.Second, Longest: 2 * time.Minute, Dropped: 5, DeadLetters: 4,
		}, b.TakeSummary())

		next := time.Now()
		time.Sleep(30 * time.Second)
		b.EndPauses(anyPause)
		s := b.TakeSummary()
		assert.Equal(t, status.Summary{Since: next, Paused: 30 * time.Second, Longest: 30 * time.Second}, s)
		assert.True(t, s.Eventful())
		assert.False(t, b.TakeSummary().Eventful())
	})
}

// goldenPauses is the body that monitoring reads; keys may be added, none renamed.
const goldenPauses = `{
  "pauses": [
    {"stream": "a", "reason": "level", "input": null, "start": "2000-01-01T00:00:00.000000Z", "end": "2000-01-01T00:00:12.345000Z",
     "seconds": 12.345, "peak_level": 41234, "peak_bytes": 123456, "dropped": {"ticks": 91681}},
    {"stream": "b", "reason": "operator", "input": "external", "start": "2000-01-01T00:00:10.000000Z", "end": null,
     "seconds": 50.000, "peak_level": 0, "peak_bytes": 0, "dropped": {}}
  ],
  "forgotten": 0,
  "total": {"count": 2, "paused_seconds": 60.000, "longest_seconds": 50.000, "dropped": 91681}
}`

func TestPausesOverHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := status.NewBoard("a"), status.NewBoard("b")
		h := status.Handler(b, a)
		assert.JSONEq(t, `{"pauses": [], "forgotten": 0, "total": {"count": 0, "paused_seconds": 0.000, "longest_seconds": 0.000, "dropped": 0}}`,
			bodyOf(t, h, "/pauses"))

		a.BeginPause(status.ReasonLevel, "", 41234, 123456)
		a.Input("ticks", status.KindNATS).Dropped.Add(91681)
		time.Sleep(10 * time.Second)
		b.BeginPause(status.ReasonOperator, "external", 0, 0)
		time.Sleep(2345 * time.Millisecond)
		a.EndPauses(anyPause)
		time.Sleep(47655 * time.Millisecond)
		assert.JSONEq(t, goldenPauses, bodyOf(t, h, "/pauses"))
	})
}

func bodyOf(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	return w.Body.String()
}
