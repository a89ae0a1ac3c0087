package backpressure

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/logtest"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// A pause is in the history with its reason and its peak, whatever began it; the
// history outlives the buffer.
func TestPausesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, op := operated(t, small)
		r.write(t, "ticks", 0, 9) // above 8
		r.write(t, "ticks", 9, 1)
		time.Sleep(3 * time.Second)
		for r.control.Level() > 0 {
			r.settleNext(t)
		}
		require.True(t, op.PauseInput("external"))
		time.Sleep(time.Second)
		op.ResumeInput("external")
		require.True(t, op.PauseInputs())
		time.Sleep(2 * time.Second)
		require.NoError(t, r.Close(t.Context())) // ends the operator's hold

		next, err := parse(small+"\nstatus_server: {enabled: false}", r.res)
		require.NoError(t, err)
		defer next.Close(t.Context())
		pauses, _ := next.board.Pauses()
		require.Len(t, pauses, 3)
		type row struct {
			reason, input string
			length        time.Duration
			peak          int64
		}
		var have []row
		for _, p := range pauses {
			assert.False(t, p.End.IsZero())
			have = append(have, row{p.Reason, p.Input, p.Length(time.Now()), p.PeakLevel})
		}
		assert.Equal(t, []row{
			{status.ReasonLevel, "", 3 * time.Second, 10},
			{status.ReasonOperator, "external", time.Second, 0},
			{status.ReasonOperator, "", 2 * time.Second, 0},
		}, have)
	})
}

func TestPauseByBytesIsKeptAsOne(t *testing.T) {
	r := newRig(t, "max_bytes: 100B")
	r.write(t, "ticks", 10000000, 11) // 88 bytes, above 80
	pauses, _ := r.board.Pauses()
	require.Len(t, pauses, 1)
	assert.Equal(t, status.ReasonBytes, pauses[0].Reason)
	assert.EqualValues(t, 88, pauses[0].PeakBytes)
	require.NoError(t, r.Close(t.Context()))
	pauses, _ = r.board.Pauses()
	assert.False(t, pauses[0].End.IsZero(), "a stream that stops ends its pause")
}

// The summary of a day is logged at midnight, and at a stop if there is anything
// to tell.
func TestDailySummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newJSONRig(t, small)
		time.Sleep(23 * time.Hour)
		r.write(t, "ticks", 0, 9)
		time.Sleep(90 * time.Second)
		r.board.Input("ticks", status.KindNATS).Dropped.Add(4)
		r.board.Output("clickhouse").Table("ticks").DeadLetters.Add(2)
		for r.control.Level() > 0 {
			r.settleNext(t)
		}
		time.Sleep(time.Hour)
		synctest.Wait() // the log is read: nothing is being written until time goes on
		assert.Equal(t, []map[string]string{
			{
				"time": "2000-01-02T00:00:00Z", "since": "2000-01-01T00:00:00.000000Z", "pauses": "1", "paused_seconds": "90.000",
				"longest_seconds": "90.000", "dropped": "4", "dead_letters": "2",
			},
		}, summaries(t, log))

		r.write(t, "ticks", 0, 9)
		time.Sleep(time.Second)
		require.NoError(t, r.Close(t.Context()))
		assert.Len(t, summaries(t, log), 2)

		quiet, err := parse(small+"status_server: {enabled: false}", r.res)
		require.NoError(t, err)
		quiet.run()
		require.NoError(t, quiet.Close(t.Context()))
		assert.Len(t, summaries(t, log), 2, "nothing to tell")
	})
}

// summaries are the fields of the daily summaries in a log.
func summaries(t *testing.T, log *logtest.Text) []map[string]string {
	t.Helper()
	return entries(t, log, "📅 Daily summary")
}
