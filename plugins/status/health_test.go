package status_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// golden is the body that monitoring reads; keys may be added, none renamed.
const golden = `{
  "service": "data-bridge",
  "status": "healthy", "state": "paused",
  "metrics": {
    "ticks": 125000,
    "ch_candles": 45000,
    "external": 320,
    "nats_msgs": 170000,
    "ch_buffer": 35000,
    "retry_queue_size": 15,
    "backpressure": {
      "active": true,
      "nats_paused": true,
      "kafka_paused": false,
      "current_buffer": 35100,
      "pause_threshold": 40000,
      "resume_threshold": 20000,
      "yield_threshold": 30000,
      "enabled": true,
      "max_buffer_size": 50000,
      "current_bytes": 4000000,
      "max_bytes": 134217728,
      "oldest_seconds": null,
      "pause_count": 3,
      "last_pause": "2025-10-12T10:30:15.123456Z",
      "last_resume": "2025-10-12T10:25:10.987654Z"
    }
  },
  "reasons": [],
  "overrides": [],
  "lost_at_stop": 25,
  "inputs": {
    "ch_candles": {
      "kind": "nats",
      "connected": true,
      "paused": true,
      "paused_by": [{"reason": "backpressure", "since": "2025-10-12T10:30:15.123456Z"}],
      "received": 45000,
      "accepted": 0,
      "dropped": 0,
      "conflated": 0,
      "slow_consumer": 0,
      "yielding": false,
      "yielded_seconds": 0.000,
      "records_lost": 0, "lost_at_stop": 0,
      "buffered": 5000,
      "lag": null,
      "partitions": null
    },
    "external": {
      "kind": "kafka",
      "connected": true,
      "paused": false,
      "paused_by": [],
      "received": 320,
      "accepted": 0,
      "dropped": 0,
      "conflated": 0,
      "slow_consumer": 0,
      "yielding": true,
      "yielded_seconds": 2.500,
      "records_lost": 110, "lost_at_stop": 0,
      "buffered": 100,
      "lag": null,
      "partitions": null
    },
    "ticks": {
      "kind": "nats",
      "connected": true,
      "paused": true,
      "paused_by": [
        {"reason": "backpressure", "since": "2025-10-12T10:30:15.123456Z"},
        {"reason": "operator", "since": "2025-10-12T09:00:00.000000Z"}
      ],
      "received": 125000,
      "accepted": 120000,
      "dropped": 3900,
      "conflated": 100,
      "slow_consumer": 1000,
      "yielding": false,
      "yielded_seconds": 0.000,
      "records_lost": 0, "lost_at_stop": 25,
      "buffered": 30000,
      "lag": null,
      "partitions": null
    }
  },
  "outputs": {
    "clickhouse": {
      "connected": true,
      "rows": 135000,
      "batches": 20,
      "retries": 30,
      "retry_queue_size": 15, "retry_rows": 40, "held_rows": 7,
      "retry_oldest_seconds": 90.000,
      "retry_attempts": 4,
      "dead_letters": 3,
      "dead_letters_waiting": 0, "parked_rows": 0,
      "insert_oldest_seconds": null, "insert_seconds": null,
      "deduplicated": 0, "processor_errors": 3,
      "unmatched": 0,
      "error": "retry: connection refused",
      "tables": {
        "ticks": {
          "rows": 100000,
          "batches": 15,
          "retries": 30,
          "retry_queue_size": 15, "retry_rows": 40, "held_rows": 0,
          "retry_oldest_seconds": 90.000,
          "retry_attempts": 4,
          "dead_letters": 2,
          "insert_oldest_seconds": null, "insert_seconds": null,
      "deduplicated": 0, "processor_errors": 0,
          "unmatched": 0,
          "error": "retry: connection refused"
        },
        "candles": {
          "rows": 35000,
          "batches": 5,
          "retries": 0,
          "retry_queue_size": 0, "retry_rows": 0, "held_rows": 7,
          "retry_oldest_seconds": null,
          "retry_attempts": 0,
          "dead_letters": 0,
          "insert_oldest_seconds": null, "insert_seconds": null,
      "deduplicated": 0, "processor_errors": 2,
          "unmatched": 0
        }
      }
    }
  }
}`

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.In(time.FixedZone("elsewhere", 3600))
}

// feeds are the labels of the shipped configuration.
var feeds = status.Feeds{Ticks: []string{"ticks"}, Candles: []string{"ch_candles"}, External: []string{"external"}, CHBuffer: "CH"}

func example() *status.Board {
	b := status.NewBoard("")
	fill := func(label string, kind status.Kind, received, level int64, paused bool) *status.Input {
		in := b.Input(label, kind)
		in.Received.Store(received)
		in.Level.Store(level)
		in.Pausing().Set(paused)
		in.Link.Up()
		return in
	}
	ticks := fill("ticks", status.KindNATS, 125000, 30000, true)
	ticks.Accepted.Store(120000)
	ticks.Dropped.Store(3900)
	ticks.Conflated.Store(100)
	ticks.SlowConsumer.Store(1000)
	ticks.LoseAtStop(25)
	fill("ch_candles", status.KindNATS, 45000, 5000, true)
	fill("external", status.KindKafka, 320, 100, false).Lost.Store(110)
	out := b.Output("clickhouse")
	table := out.Table("ticks")
	table.Rows.Store(100000)
	table.Batches.Store(15)
	table.Retries.Store(30)
	table.DeadLetters.Store(2)
	out.Table("candles").Rows.Store(35000)
	out.Table("candles").Batches.Store(5)
	out.Table("candles").Held.Store(7)
	out.Table("candles").ProcessorErrors.Store(2)
	out.UnroutedErrors.Store(1)
	out.Unrouted.Store(1)
	out.Link.Up()
	b.SetBuffer(func() status.Buffer {
		return status.Buffer{
			Level: 35100, MaxSize: 50000, Bytes: 4000000, MaxBytes: 128 << 20, PauseThreshold: 40000, YieldThreshold: 30000, ResumeThreshold: 20000,
			Feeds:  feeds,
			Active: true, PauseCount: 3, AlertAfter: 1e6 * time.Hour, LinkGrace: time.Minute,
			LastPause:  at("2025-10-12T10:30:15.123456Z"),
			LastResume: at("2025-10-12T10:25:10.987654Z"),
			Held:       map[string]time.Time{"ticks": at("2025-10-12T09:00:00Z")},
			Groups:     []status.Group{{Name: "CH", Labels: []string{"ticks", "ch_candles"}}, {Name: "Ext", Labels: []string{"external"}}},
		}
	})
	return b
}

func TestHealthBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock stands still
		b := example()
		external := b.Input("external", status.KindKafka)
		ended := external.Yield()
		time.Sleep(2 * time.Second)
		ended()
		time.Sleep(time.Hour)
		external.Yield()
		time.Sleep(500 * time.Millisecond)
		b.Output("clickhouse").Table("ticks").SetQueue(status.Queue{
			Batches: 15, Rows: 40, Since: time.Now().Add(-90 * time.Second), Attempts: 4, Err: "retry: connection refused",
		})
		body, err := json.MarshalIndent(b.Health(), "", "  ")
		require.NoError(t, err)
		assert.JSONEq(t, golden, string(body))
	})
}

func TestHealthTellsTheAgeOfTheOldestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var boards []*status.Board
		now := time.Now()
		for _, since := range []time.Time{{}, now.Add(-time.Minute), now.Add(-2 * time.Minute), now.Add(time.Hour)} {
			b := status.NewBoard("")
			b.SetBuffer(func() status.Buffer { return status.Buffer{OldestSince: since} })
			boards = append(boards, b)
		}
		oldest := func(boards ...*status.Board) *status.Age {
			return status.HealthOf(boards...).Metrics.Backpressure.Oldest
		}
		assert.Nil(t, oldest(boards[0]), "nothing is held")
		assert.EqualValues(t, time.Minute, *oldest(boards[1]))
		assert.EqualValues(t, 2*time.Minute, *oldest(boards...), "of all streams")
		assert.Zero(t, *oldest(boards[3]), "a clock that was set back makes nothing younger than new")
	})
}

func TestUnhealthyWhenSomebodyHasToAct(t *testing.T) {
	b := example()
	b.Output("clickhouse").Table("ticks").SetQueue(status.Queue{Batches: 1, Stuck: true, Err: "access fault: no INSERT right"})
	h := b.Health()
	assert.Equal(t, "unhealthy", h.Status)
	assert.Equal(t, []string{`output "clickhouse": table "ticks" waits for somebody to act: access fault: no INSERT right`}, h.Reasons)
}

// Which table holds how many rows, and since when, is in the words as well.
func TestUnhealthyWordsSayHowMuchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		out := b.Output("clickhouse")
		out.Link.Up()
		ticks := out.Table("ticks")
		ticks.SetQueue(status.Queue{Batches: 1, Rows: 12, Since: time.Now(), Stuck: true, Err: "schema fault: no table"})
		time.Sleep(25 * time.Minute)
		assert.Equal(t, []string{`output "clickhouse": table "ticks" waits for somebody to act: schema fault: no table (12 rows, for 25m0s)`}, b.Health().Reasons)
		ticks.Held.Store(298)
		assert.Equal(t, []string{`output "clickhouse": table "ticks" waits for somebody to act: schema fault: no table (12 rows, for 25m0s; 298 settled rows that came with them are held)`}, b.Health().Reasons)
		ticks.SetQueue(status.Queue{})

		waiting := out.AwaitRepair(150)
		waiting.Failed(errors.New("so many are bad"))
		time.Sleep(time.Minute)
		h := b.Health()
		assert.Equal(t, []string{`output "clickhouse": 150 rows are kept for somebody to act, for 1m0s: so many are bad`}, h.Reasons)
		assert.EqualValues(t, 150, h.Outputs["clickhouse"].ParkedRows)
		waiting.Done()
		assert.Equal(t, "healthy", b.Health().Status)
	})
}

func TestHealthOfAFreshBridge(t *testing.T) {
	body, err := json.Marshal(status.NewBoard("").Health())
	require.NoError(t, err)
	assert.Contains(t, string(body), `"last_pause":null,"last_resume":null`)
	assert.Contains(t, string(body), `"reasons":[],"inputs":{},"outputs":{}`)
}

func TestUnhealthyWhenDisconnectedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		b.SetBuffer(func() status.Buffer { return status.Buffer{LinkGrace: 30 * time.Second} })
		in, out := b.Input("ticks", status.KindNATS), b.Output("clickhouse")
		in.Link.Up()
		time.Sleep(30 * time.Second)
		assert.Equal(t, "healthy", b.Health().Status, "an output that starts has its grace")

		time.Sleep(time.Second)
		assert.Equal(t, []string{`output "clickhouse" disconnected for 31s`}, b.Health().Reasons)
		out.Link.Up()
		in.Link.Down(errors.New("connection refused"))
		time.Sleep(20 * time.Second)
		in.Link.Down(errors.New("no route to host")) // again: the clock goes on
		time.Sleep(20 * time.Second)
		h := b.Health()
		assert.Equal(t, "unhealthy", h.Status)
		assert.Equal(t, []string{`input "ticks" disconnected for 40s: no route to host`}, h.Reasons)
		assert.False(t, h.Inputs["ticks"].Connected)

		in.Link.Closed()
		time.Sleep(time.Hour)
		assert.Equal(t, "healthy", b.Health().Status, "closed on purpose is not a fault")
	})
}

// What has never been reached has no grace: nobody looks at a bridge more than in the
// moments after its start.
func TestUnhealthyBeforeTheFirstConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		b.SetBuffer(func() status.Buffer { return status.Buffer{LinkGrace: 30 * time.Second} })
		out := b.Output("clickhouse")
		assert.Equal(t, "healthy", b.Health().Status, "it has not tried yet")
		time.Sleep(2 * time.Second)
		out.Link.Down(errors.New("table \"ticks\" does not exist"))
		assert.Equal(t, []string{`output "clickhouse" has not been connected yet, for 2s: table "ticks" does not exist`}, b.Health().Reasons)
		out.Link.Up()
		assert.Empty(t, b.Health().Reasons)
		out.Link.Down(errors.New("connection refused"))
		assert.Empty(t, b.Health().Reasons, "an outage has its grace")
	})
}

func TestUnhealthyWhenPausedForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, start := status.NewBoard(""), time.Now()
		b.SetBuffer(func() status.Buffer {
			return status.Buffer{Active: true, LastPause: start, AlertAfter: 10 * time.Minute}
		})
		time.Sleep(10 * time.Minute)
		assert.Equal(t, "healthy", b.Health().Status)
		time.Sleep(time.Second)
		assert.Equal(t, []string{"backpressure active for 10m1s, longer than alert_after (10m0s): ClickHouse write bottleneck"}, b.Health().Reasons)
	})
}

func TestStreamsOfOneListenerAreSummedUp(t *testing.T) {
	a, b := status.NewBoard("a"), status.NewBoard("b")
	a.Input("ticks", status.KindNATS).Received.Store(5)
	b.Input("ticks", status.KindNATS).Received.Store(7)
	b.Input("k", status.KindKafka).Pausing().Set(true)
	a.SetBuffer(func() status.Buffer {
		return status.Buffer{Level: 1, LastPause: at("2025-01-01T00:00:00Z"), LinkGrace: time.Minute, Feeds: feeds}
	})
	b.SetBuffer(func() status.Buffer {
		return status.Buffer{Level: 2, LastPause: at("2025-01-02T00:00:00Z"), LinkGrace: time.Minute, Feeds: feeds}
	})
	h := status.HealthOf(a, b)
	assert.EqualValues(t, 12, h.Metrics.Ticks)
	assert.EqualValues(t, 3, h.Metrics.Backpressure.CurrentBuffer)
	assert.True(t, h.Metrics.Backpressure.KafkaPaused)
	assert.False(t, h.Metrics.Backpressure.NATSPaused)
	assert.Equal(t, "2025-01-02T00:00:00.000000Z", h.Metrics.Backpressure.LastPause.String())
	assert.EqualValues(t, 7, h.Inputs["b.ticks"].Received)
}

func TestLagIsThereWhereItIsKnown(t *testing.T) {
	b := status.NewBoard("")
	b.Input("ticks", status.KindNATS)
	b.Input("external", status.KindKafka).SetLag(0)
	h := b.Health()
	require.Nil(t, h.Inputs["ticks"].Lag)
	require.EqualValues(t, 0, *h.Inputs["external"].Lag, "nothing is left: that is known")
}

// A member without partitions knows no lag, and one that waits for its group for
// longer than the grace is not healthy.
func TestHealthOfAMemberThatWaitsForItsGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := status.NewBoard("")
		b.SetBuffer(func() status.Buffer { return status.Buffer{LinkGrace: 30 * time.Second} })
		in := b.Input("external", status.KindKafka)
		in.Link.Up()
		in.SetLag(7)
		in.ForgetLag()
		in.SetShare(status.GroupJoining, 0)
		time.Sleep(20 * time.Second)
		in.SetShare(status.GroupJoining, 0)
		h := b.Health()
		require.Equal(t, "healthy", h.Status)
		require.Nil(t, h.Inputs["external"].Lag)
		require.EqualValues(t, 0, *h.Inputs["external"].Partitions)
		require.Equal(t, status.GroupJoining, h.Inputs["external"].Group)
		time.Sleep(11 * time.Second)
		require.Equal(t, []string{`input "external" has waited for 31s to be let into its consumer group: the group forms, or waits for a member that is gone`}, b.Health().Reasons)
		in.SetShare(status.GroupMember, 4)
		require.Equal(t, "healthy", b.Health().Status)
		require.EqualValues(t, 4, *b.Health().Inputs["external"].Partitions)
	})
}
