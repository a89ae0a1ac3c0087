package backpressure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// alerted is a rig whose alerts go to a sink.
func alerted(t *testing.T, yaml string) (*rig, *sink) {
	t.Helper()
	r, s := newRig(t, yaml), &sink{}
	r.alerts = newCourier(s, r.log, &r.metrics)
	r.board.Input("ticks", status.KindNATS).Link.Up()
	r.run()
	return r, s
}

// told decodes what has come.
func (s *sink) told(t *testing.T) (all []map[string]any) {
	t.Helper()
	for _, body := range s.take() {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &one), body)
		all = append(all, one)
	}
	return all
}

// later lets time go on, and whoever is about to say something say it.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// A pause is told of once it is longer than alert_after, once, and its end as well; one
// that is short is not.
func TestAlertsOfPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := alerted(t, small+"alert_after: 2m")
		defer r.Close(context.Background())
		r.board.Output("clickhouse").Link.Up()
		r.board.Output("clickhouse").Table("ticks").SetQueue(status.Queue{Batches: 1, Err: "Post http://ch:8123/?query=INSERT: refused"})
		r.write(t, "ticks", 0, 9)
		later(time.Minute)
		for r.control.Level() > 0 {
			r.settleNext(t)
		}
		later(time.Hour)
		assert.Empty(t, s.take(), "short")

		r.write(t, "ticks", 0, 9)
		r.board.Input("ticks", status.KindNATS).Dropped.Add(1234)
		later(2 * time.Minute)
		assert.Empty(t, s.take(), "not yet")
		later(time.Hour)
		told := s.told(t)
		require.Len(t, told, 1)
		host := told[0]["host"].(string)
		assert.NotEmpty(t, host)
		at := told[0]["time"].(string)
		assert.Equal(t, map[string]any{
			"event": "paused", "time": at, "host": host, "stream": "", "reason": "level", "cause": "Post http://ch:8123/*** refused",
			"current_buffer": 9.0, "max_buffer_size": 10.0, "current_bytes": 9.0, "duration_seconds": told[0]["duration_seconds"],
			"text": "🔴 data-bridge on " + host + ": paused for 2.0 minutes, ClickHouse write bottleneck. Buffer 9/10. Cause: Post http://ch:8123/*** refused",
		}, told[0])
		assert.InDelta(t, 120, told[0]["duration_seconds"], 1.5)
		_, err := time.Parse(time.RFC3339Nano, at)
		require.NoError(t, err)

		for r.control.Level() > 0 {
			r.settleNext(t)
		}
		later(2 * time.Second)
		told = s.told(t)
		require.Len(t, told, 1)
		assert.Equal(t, "resumed", told[0]["event"])
		assert.InDelta(t, 3720, told[0]["duration_seconds"], 1)
		assert.EqualValues(t, 1234, told[0]["dropped"])
		assert.Equal(t, "✅ data-bridge on "+host+": resumed after 62.0 minutes. Buffer 0/10. 1,234 records were dropped meanwhile.", told[0]["text"])
		later(time.Hour)
		assert.Empty(t, s.take())
	})
}

// Where nothing pauses, a buffer without room is told of; and a stream that stops in a
// pause says so.
func TestAlertsOfAFullBufferAndOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := alerted(t, small+"alert_after: 1m\nenabled: false")
		r.board.Output("clickhouse").Link.Up()
		r.write(t, "ticks", 0, 10)
		ctx, stop := context.WithCancel(context.Background())
		blocked := make(chan error, 1)
		go func() { blocked <- r.WriteBatch(ctx, r.batch("ticks", 10, 1), (&verdict{}).ack) }()
		later(2 * time.Minute)
		told := s.told(t)
		require.Len(t, told, 1)
		assert.Equal(t, "full", told[0]["reason"])
		assert.Contains(t, told[0]["text"], "the buffer has been full for 1.0 minutes")
		stop()
		<-blocked
		require.NoError(t, r.Close(context.Background()))
		told = s.told(t)
		require.Len(t, told, 1)
		assert.Equal(t, "resumed", told[0]["event"])
		assert.Contains(t, told[0]["text"], "stopped after 2.0 minutes")
		assert.Equal(t, 1, s.closed)
	})
}

// Dead letters: the first at once, then in sums, the last of them with the end.
func TestAlertsOfDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := alerted(t, "alert_interval: 10m\n")
		out := r.board.Output("clickhouse")
		out.Link.Up()
		spoil := func(table string, n int64) { out.Table(table).DeadLetters.Add(n) }
		out.Report(status.Incident{Class: status.ClassDeadLetter, Table: "ticks", Column: "price", Message: "no number", Count: 1})
		spoil("ticks", 1)
		later(time.Second)
		told := s.told(t)
		require.Len(t, told, 1)
		assert.Equal(t, "dead_letters", told[0]["event"])
		assert.EqualValues(t, 1, told[0]["dead_letters"])
		assert.Equal(t, "⚠️ data-bridge on "+told[0]["host"].(string)+": 1 more row became dead letters (ticks: 1). Cause: price: no number", told[0]["text"])
		for range 500 {
			spoil("ticks", 2)
			spoil("candles", 1)
			out.Unrouted.Add(3)
			later(time.Second)
		}
		assert.Empty(t, s.take(), "within ten minutes")
		later(2 * time.Minute)
		told = s.told(t)
		require.Len(t, told, 1)
		assert.EqualValues(t, 3000, told[0]["dead_letters"])
		assert.EqualValues(t, 3001, told[0]["dead_letters_total"])
		assert.Equal(t, map[string]any{"ticks": 1000.0, "candles": 500.0, "unknown": 1500.0}, told[0]["tables"])
		assert.Contains(t, told[0]["text"], "3,000 more rows became dead letters (unknown: 1,500, ticks: 1,000, candles: 500)")
		later(time.Hour)
		assert.Empty(t, s.take(), "nothing new")

		for i := range 15 {
			spoil(fmt.Sprintf("t%02d", i), int64(100-i))
		}
		later(time.Second)
		told = s.told(t)
		require.Len(t, told, 1)
		assert.Len(t, told[0]["tables"], mostTables+1, "their names are made of data")
		assert.EqualValues(t, 90+89+88+87+86, told[0]["tables"].(map[string]any)["others"])
		spoil("ticks", 5)
		require.NoError(t, r.Close(context.Background()))
		told = s.told(t)
		require.Len(t, told, 1, "the last ones are told of, whatever the interval")
		assert.EqualValues(t, 5, told[0]["dead_letters"])
	})
}

// A stream that is unhealthy for other reasons than a pause is told of when that lasts,
// and so is its recovery; what goes to and fro is not told of each time.
func TestAlertsOfHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := alerted(t, "alert_interval: 1m\n")
		defer r.Close(context.Background())
		link := &r.board.Output("clickhouse").Link
		link.Up()
		later(time.Minute)
		link.Down(fmt.Errorf("dial: refused"))
		later(30 * time.Second)
		assert.Empty(t, s.take(), "within the grace")
		later(10 * time.Second)
		told := s.told(t)
		require.Len(t, told, 1)
		assert.Equal(t, "unhealthy", told[0]["event"])
		assert.Contains(t, told[0]["text"], `unhealthy. output "clickhouse" disconnected for 3`)
		assert.Len(t, told[0]["reasons"], 1)
		later(time.Hour)
		assert.Empty(t, s.take(), "once")
		link.Up()
		later(2 * time.Second)
		link.Down(fmt.Errorf("dial: refused"))
		later(time.Second)
		assert.Empty(t, s.take(), "for a moment")
		link.Up()
		later(10 * time.Second)
		told = s.told(t)
		require.Len(t, told, 1)
		assert.Equal(t, "healthy", told[0]["event"])
	})
}

// An output that is down costs the stream nothing, and is a warning alone.
func TestAlertsThatAreNotTakenHoldNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := alerted(t, small+"alert_after: 1s")
		r.board.Output("clickhouse").Link.Up()
		s.answer = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		r.board.Output("clickhouse").Table("ticks").DeadLetters.Add(1)
		later(5 * time.Minute)
		for i := range 20 {
			began := time.Now()
			v := r.write(t, "ticks", i*9, 9)
			assert.Equal(t, began, time.Now())
			for r.control.Level() > 0 {
				r.settleNext(t)
			}
			assert.Equal(t, "acked", v.state())
			assert.LessOrEqual(t, time.Since(began), time.Second, "the batch period")
			later(time.Second)
		}
		h := r.board.Health()
		assert.Equal(t, "healthy", h.Status)
		require.NotNil(t, h.Alerts)
		assert.Equal(t, "context deadline exceeded", h.Alerts.Error)
		assert.EqualValues(t, 1, h.Alerts.Lost)
		r.board.Output("clickhouse").Table("ticks").DeadLetters.Add(1)
		began := time.Now()
		require.NoError(t, r.Close(context.Background()))
		assert.Equal(t, alertsEnd, time.Since(began))
	})
}

// Through the host's http_client to a webhook, mapped as the reference shows.
func TestAlertsOverHTTP(t *testing.T) {
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("Content-Type") + " " + string(body)
	}))
	defer hook.Close()
	yaml := `
alert_interval: 1h
alerts:
  http_client: {url: "` + hook.URL + `/services/secret", verb: POST, headers: {Content-Type: application/json}}
  processors:
    - mapping: 'root = {"text": this.text}'
`
	assert.Empty(t, lint(t, yaml))
	r := newRig(t, yaml)
	r.run()
	r.board.Output("clickhouse").Table("ticks").DeadLetters.Add(7)
	select {
	case body := <-got:
		assert.Regexp(t, `^application/json \{"text":"⚠️ data-bridge on .*: 7 more rows became dead letters \(ticks: 7\)\."\}$`, body)
	case <-t.Context().Done():
	case <-time.After(time.Minute):
		t.Fatal("the webhook was not told")
	}
	require.NoError(t, r.Close(t.Context()))
	assert.Equal(t, &status.Alerts{Sent: 1}, r.alerts.figures())
}

// A webhook that nobody answers: the end comes nevertheless, and what was not told is
// counted.
func TestAlertsToADeadWebhook(t *testing.T) {
	hook := httptest.NewServer(http.NotFoundHandler())
	url := hook.URL
	hook.Close()
	r := newRig(t, `alerts: {http_client: {url: "`+url+`/services/secret", retries: 0}}`)
	r.run()
	r.board.Output("clickhouse").Table("ticks").DeadLetters.Add(7)
	require.NoError(t, r.Close(t.Context()))
	f := r.alerts.figures()
	assert.EqualValues(t, 1, f.Lost)
	assert.Zero(t, f.Sent+f.Waiting)
	assert.NotEmpty(t, f.Error)
	assert.NotContains(t, f.Error, "secret")
}

func TestAlertsThatAreNone(t *testing.T) {
	r := newRig(t, "")
	assert.Nil(t, r.alerts)
	assert.Nil(t, r.figures().Alerts)
	assert.Contains(t, lint(t, "alerts: {}"), "alerts ({}) names no output")
	assert.Contains(t, lint(t, "alerts: {htp_client: {}}"), "htp_client")
	assert.Contains(t, lint(t, "alert_interval: 0s"), "alert_interval (0s) must be a duration above zero")
	_, err := parse("alert_interval: 0s", service.MockResources())
	assert.ErrorContains(t, err, "alert_interval (0s)")
	_, err = parse("alerts: {}", service.MockResources())
	assert.ErrorContains(t, err, "alerts: ")
}
