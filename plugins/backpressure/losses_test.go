package backpressure

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// What is not stored is in the heartbeat as soon as there is any, behind what was
// always there.
func TestHeartbeatTellsOfLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newJSONRig(t, small+"heartbeat_interval: 5s")
		defer r.Close(t.Context())
		r.run()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		beats := entries(t, log, "💓 Heartbeat")
		for _, field := range []string{"dead_letters", "dropped", "conflated", "slow_consumer", "records_lost", "lag"} {
			assert.NotContains(t, beats[len(beats)-1], field)
		}

		nats := r.board.Input("ticks", status.KindNATS)
		nats.Dropped.Store(3)
		nats.Conflated.Store(4)
		nats.SlowConsumer.Store(5)
		kafka := r.board.Input("external", status.KindKafka)
		kafka.Dropped.Store(10)
		kafka.Lost.Store(6)
		kafka.SetLag(0)
		out := r.board.Output("clickhouse")
		out.Unrouted.Store(1)
		out.Table("ticks").DeadLetters.Store(7)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		beats = entries(t, log, "💓 Heartbeat")
		last := beats[len(beats)-1]
		for field, want := range map[string]string{
			"dead_letters": "8", "dropped": "13", "conflated": "4", "slow_consumer": "5", "records_lost": "6", "lag": "0",
		} {
			assert.Equal(t, want, last[field], field)
		}
	})
}
