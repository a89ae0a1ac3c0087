package backpressure

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const grouped = "groups: {CH: [ticks, ch_candles], Ext: [external]}"

// subscriber is an input that logs as the real ones do.
type subscriber struct {
	r    *rig
	name string
}

func (s subscriber) Pause()  { s.r.log.Infof("⏸️  %s subscriber paused", s.name) }
func (s subscriber) Resume() { s.r.log.Infof("▶️  %s subscriber resumed", s.name) }
func (s subscriber) Drain()  {}

var _ gate.Input = subscriber{}

// A pause that ends while a heartbeat is on its way is not alerted behind its end.
func TestNoAlertFollowsTheEndOfItsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, grouped)
		r.run()
		r.write(t, "ticks", 0, 41000)
		settle := func() {
			for r.control.Level() >= 20000 {
				_, ack := r.read(t)
				require.NoError(t, ack(t.Context(), nil))
			}
		}
		time.Sleep(10*time.Minute + time.Second)
		r.logs.take()
		r.logs.mu.Lock()
		r.logs.after = func(line string) {
			if strings.Contains(line, "Heartbeat") {
				settle()
			}
		}
		r.logs.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		lines := r.logs.take()
		require.NotEmpty(t, lines)
		assert.Contains(t, lines[len(lines)-1], "RELEASED", lines)
		for r.control.Level() > 0 {
			_, ack := r.read(t)
			require.NoError(t, ack(t.Context(), nil))
		}
		r.EndOfInput()
		require.NoError(t, r.Close(t.Context()))
	})
}

// The words and number formats that operators grep for, over one life.
func TestLogLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, grouped)
		r.gate.Join(subscriber{r, "NATS"})
		r.gate.Join(subscriber{r, "Kafka"})
		r.run()
		assert.Equal(t, []string{
			"INFO ✅ DATA BRIDGE STARTED - HYBRID PHASE 1 + RETRY QUEUE + BACKPRESSURE",
			"INFO ⚡ Backpressure: ENABLED",
			"INFO    └─ Pause threshold: 40,000 messages (80%)",
			"INFO    └─ Resume threshold: 20,000 messages (40%)",
		}, r.logs.take())

		r.write(t, "ticks", 0, 30000)
		r.write(t, "external", 0, 234)
		r.write(t, "ch_candles", 0, 11000)
		paused := []string{
			"WARN ⚠️  BACKPRESSURE ACTIVE: Buffer high (41,234/50,000), pausing data ingestion (CH: 41,000, Ext: 234)",
			"INFO ⏸️  NATS subscriber paused",
			"INFO ⏸️  Kafka subscriber paused",
		}
		assert.Equal(t, paused, r.logs.take())

		time.Sleep(10*time.Minute + 30*time.Second)
		synctest.Wait()
		lines := r.logs.take()
		require.Len(t, lines, 6, "one alert a heartbeat, from the first one after ten minutes on")
		assert.Equal(t, "ERROR 🔴 CRITICAL: Backpressure active for 10.1 minutes! ClickHouse write bottleneck detected. Current buffer: 41,234", lines[0])
		assert.Equal(t, "ERROR 🔴 CRITICAL: Backpressure active for 10.5 minutes! ClickHouse write bottleneck detected. Current buffer: 41,234", lines[5])

		for r.control.Level() >= 20000 {
			_, ack := r.read(t)
			require.NoError(t, ack(t.Context(), nil))
		}
		assert.Equal(t, []string{
			"INFO ✅ BACKPRESSURE RELEASED: Buffer normal (11,234/50,000), resuming data ingestion (CH: 11,000, Ext: 234)",
			"INFO ▶️  NATS subscriber resumed",
			"INFO ▶️  Kafka subscriber resumed",
		}, r.logs.take())

		r.write(t, "ticks", 0, 30000)
		r.logs.take()
		r.gate.Drain()
		assert.Equal(t, []string{
			"INFO 🛑 Stopping Data Bridge...",
			"INFO ▶️  Resuming paused subscribers before shutdown...",
			"INFO ▶️  NATS subscriber resumed",
			"INFO ▶️  Kafka subscriber resumed",
			"INFO 📊 Stopping heartbeat logger...",
			"INFO 💾 Flushing buffered data...",
		}, r.logs.take())
		for r.control.Level() > 0 {
			_, ack := r.read(t)
			require.NoError(t, ack(t.Context(), nil))
		}
		r.EndOfInput()
		require.NoError(t, r.Close(t.Context()))
		assert.Equal(t, []string{"INFO 📅 Daily summary", "INFO ✅ Data Bridge stopped gracefully"}, r.logs.take())
	})
}

func TestLogLinesOfTheEmergencySwitch(t *testing.T) {
	r := newRig(t, "enabled: false")
	r.run()
	assert.Equal(t, []string{
		"INFO ✅ DATA BRIDGE STARTED - HYBRID PHASE 1 + RETRY QUEUE + BACKPRESSURE",
		"INFO ⚡ Backpressure: DISABLED",
	}, r.logs.take())
	require.NoError(t, r.Close(t.Context()))
	assert.Equal(t, []string{
		"INFO 🛑 Stopping Data Bridge...",
		"INFO 📊 Stopping heartbeat logger...",
		"INFO 💾 Flushing buffered data...",
		"INFO ✅ Data Bridge stopped gracefully",
	}, r.logs.take())
}

// What core NATS has sent comes never again, what others have may.
func TestForcedStopSaysWhatIsLeft(t *testing.T) {
	const again = "not acknowledged, and sources that can replay deliver them again"
	for want, records := range map[string]map[status.Kind]int{
		"1,234 messages unsettled: they were " + again:                                                                          {status.KindKafka: 1000, status.KindJetStream: 234},
		"1,234 messages unsettled: they are lost, since core NATS cannot deliver them again":                                    {status.KindNATS: 1234},
		"3,234 messages unsettled: 2,000 of them are lost, since core NATS cannot deliver them again; the others were " + again: {status.KindNATS: 2000, status.KindKafka: 1234},
		"5 messages unsettled: they were " + again:                                                                              {"": 5},
	} {
		t.Run(want, func(t *testing.T) {
			r := newRig(t, "")
			total := 0
			for kind, n := range records {
				batch, ctx := r.batch("input", 0, n), t.Context()
				if kind != "" {
					ctx = r.board.Input(string(kind), kind).Mark(ctx)
				}
				for i := range batch {
					batch[i] = batch[i].WithContext(ctx)
				}
				require.NoError(t, r.WriteBatch(t.Context(), batch, func(context.Context, error) error { return nil }))
				total += n
			}
			r.logs.take()
			require.NoError(t, r.Close(t.Context()))
			lines := r.logs.take()
			assert.Equal(t, "ERROR Data Bridge stopped with "+want, lines[len(lines)-1])
			assert.EqualValues(t, total, gate.RegistryOf(r.res).Unsettled())
			assert.EqualValues(t, records[status.KindNATS], r.board.Health().LostAtStop, "of core NATS alone")
		})
	}
}

func TestHeartbeatInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "")
		r.run()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		assert.Equal(t, 12, r.logs.beats())
		r.gate.Drain()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		assert.Equal(t, 12, r.logs.beats(), "none after the heartbeat logger was stopped")
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestBreakdownWithoutGroups(t *testing.T) {
	r := newRig(t, "")
	defer r.Close(t.Context())
	r.write(t, "ticks", 0, 1500)
	r.write(t, "news", 0, 2)
	assert.Equal(t, " (ticks: 1,500, news: 2)", r.breakdown())

	named := newRig(t, grouped)
	defer named.Close(t.Context())
	named.write(t, "ticks", 0, 3)
	named.write(t, "unheard_of", 0, 4)
	assert.Equal(t, " (CH: 3, Ext: 0, other: 4)", named.breakdown())
}

func TestNumberFormats(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 41234: "41,234", 1234567: "1,234,567", -1234: "-1,234", -999: "-999"} {
		assert.Equal(t, want, thousands(n))
	}
	for want, n := range map[string]int{"80%": 40000, "40%": 20000, "33.3%": 16650, "100%": 50000} {
		assert.Equal(t, want, percent(n, 50000))
	}
}
