package e2e

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// SIGTERM while ClickHouse was never reached and nothing is held: there is nothing to
// wait for. The shutdown_timeout is far longer than any test waits. A look at ClickHouse
// that nobody interrupts takes another half a minute.
func TestTerminatedBeforeClickHouseWasReached(t *testing.T) {
	r := newRig(t, oneEngine())
	b := r.start(env{"CLICKHOUSE_ADDRESSES": freeAddress(t), "SHUTDOWN_TIMEOUT": "1h"})
	b.until("the inputs are connected", func(h harness.Health) bool {
		return h.Inputs["ticks"].Connected && h.Inputs["ch_candles"].Connected && h.Inputs["external"].Connected
	})
	b.await("Failed to connect to clickhouse")
	b.terminate()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	code, err := b.Wait(ctx)
	require.NoError(t, err)
	t.Logf("the process ended %s after SIGTERM", time.Since(began).Round(time.Millisecond))
	assert.Zero(t, code)
	assert.Equal(t, 1, b.Count(logStopped))
}

// The same where a source was never reached: NATS takes the connection and says nothing.
func TestTerminatedBeforeNATSAnswered(t *testing.T) {
	r := newRig(t, oneEngine())
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, mute.Close()) })
	b := r.start(env{"NATS_URLS": "nats://" + mute.Addr().String(), "SHUTDOWN_TIMEOUT": "1h"})
	conn, err := mute.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	b.terminate()
	began := time.Now()
	code, err := b.Wait(within(t))
	require.NoError(t, err)
	t.Logf("the process ended %s after SIGTERM", time.Since(began).Round(time.Millisecond))
	assert.Zero(t, code)
}

// What is held is still tried: records that came in before ClickHouse was there are
// stored when it is reached during the stop.
func TestTerminatedBeforeClickHouseWasReachedKeepsRecords(t *testing.T) {
	r := newRig(t, oneEngine())
	r.stopClickHouse()
	b := r.start()
	b.until("the inputs are connected", func(h harness.Health) bool {
		return h.Inputs["ticks"].Connected && h.Inputs["ch_candles"].Connected && h.Inputs["external"].Connected
	})
	r.publish(marketdata.Ticks, 1000)
	b.until("it is held", func(h harness.Health) bool { return h.Metrics.Backpressure.Level == 1000 })
	b.terminate()
	b.await(logFlushing)
	r.startClickHouse()
	assert.Zero(t, b.exitCode())
	assert.EqualValues(t, 1000, r.tally(marketdata.Ticks).Distinct)
}
