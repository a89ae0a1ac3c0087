package backpressure

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// What core NATS loses at a stop is counted once, whether it was accepted, waited for
// room, or came when the buffer was closed; and not what its input has counted already.
func TestWhatAStopCostsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "max_buffer_size: 10\npause_threshold: 8\nyield_threshold: 6\nresume_threshold: 4\nbatch: {count: 4}")
		nats, kafka := r.board.Input("ticks", status.KindNATS), r.board.Input("external", status.KindKafka)
		parcel := &gate.Parcel{}
		marked := func(in *status.Input, n int) service.MessageBatch {
			batch := r.batch(in.Label, 0, n)
			for i := range batch {
				batch[i] = batch[i].WithContext(parcel.Mark(in.Mark(t.Context())))
			}
			return batch
		}
		ack := func(context.Context, error) error { return nil }
		require.NoError(t, r.WriteBatch(t.Context(), marked(kafka, 3), ack))
		require.NoError(t, r.WriteBatch(t.Context(), marked(nats, 3), ack))
		assert.False(t, parcel.Lose(), "the buffer answers for it")
		parcel = &gate.Parcel{}
		stopping, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.WriteBatch(stopping, marked(nats, 5), ack) }() // room for 4
		synctest.Wait()
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
		assert.EqualValues(t, 5, nats.LostAtStop.Load())
		require.NoError(t, r.Close(t.Context()))
		assert.EqualValues(t, 8, nats.LostAtStop.Load())
		parcel = &gate.Parcel{}
		require.Error(t, r.WriteBatch(t.Context(), marked(nats, 2), ack), "it is closed")
		assert.EqualValues(t, 10, nats.LostAtStop.Load())
		parcel = &gate.Parcel{}
		assert.True(t, parcel.Lose())
		require.Error(t, r.WriteBatch(t.Context(), marked(nats, 2), ack))
		assert.EqualValues(t, 10, nats.LostAtStop.Load(), "the input has counted it")
		assert.Zero(t, kafka.LostAtStop.Load())
		assert.EqualValues(t, 10, r.board.Health().LostAtStop)
	})
}

// The last line of a stop tells of batches too that it has cut off half way.
func TestTheLastLineTellsOfABatchThatWaitedForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newJSONRig(t, "max_buffer_size: 10\npause_threshold: 8\nyield_threshold: 6\nresume_threshold: 4\nbatch: {count: 4}")
		write := func(ctx context.Context, n int) error {
			batch := r.batch("ticks", 0, n)
			in := r.board.Input("ticks", status.KindNATS)
			for i := range batch {
				batch[i] = batch[i].WithContext((&gate.Parcel{}).Mark(in.Mark(t.Context())))
			}
			return r.WriteBatch(ctx, batch, func(context.Context, error) error { return nil })
		}
		require.NoError(t, write(t.Context(), 6))
		stopping, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- write(stopping, 7) }() // room for 4
		synctest.Wait()
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, r.Close(t.Context()))
		lines := entries(t, log, "Data Bridge stopped with 13 messages unsettled: they are lost, since core NATS cannot deliver them again")
		require.Len(t, lines, 1)
		assert.Equal(t, "13", lines[0]["lost"])
		assert.EqualValues(t, 13, r.board.Health().LostAtStop)
	})
}

// Every heartbeat tells for how long the oldest record has been held.
func TestHeartbeatTellsTheAgeOfTheOldestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newJSONRig(t, small+"heartbeat_interval: 5s")
		defer r.Close(t.Context())
		r.run()
		last := func() string {
			synctest.Wait()
			beats := entries(t, log, "💓 Heartbeat")
			return beats[len(beats)-1]["oldest_seconds"]
		}
		time.Sleep(8 * time.Second)
		assert.Equal(t, "0.000", last(), "nothing is held")
		r.write(t, "ticks", 0, 1)
		time.Sleep(3500 * time.Millisecond)
		assert.Equal(t, "2.000", last())
		time.Sleep(5 * time.Second)
		assert.Equal(t, "7.000", last())
		r.settleNext(t)
		time.Sleep(5 * time.Second)
		assert.Equal(t, "0.000", last(), "it is stored")
	})
}

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
		for _, field := range []string{"dead_letters", "dropped", "conflated", "slow_consumer", "records_lost", "lost_at_stop", "lag"} {
			assert.NotContains(t, beats[len(beats)-1], field)
		}

		nats := r.board.Input("ticks", status.KindNATS)
		nats.Dropped.Store(3)
		nats.Conflated.Store(4)
		nats.SlowConsumer.Store(5)
		nats.LoseAtStop(2)
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
			"dead_letters": "8", "dropped": "13", "conflated": "4", "slow_consumer": "5", "records_lost": "6", "lost_at_stop": "2", "lag": "0",
		} {
			assert.Equal(t, want, last[field], field)
		}
	})
}
