package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// padded makes records large: a field that no table has.
type padded struct {
	marketdata.Sink
	tail []byte
}

// pad lets the rig's feed publish records that are larger by so many bytes.
func (r *rig) pad(kind marketdata.Kind, bytes int) {
	r.t.Helper()
	f := r.feed(kind)
	f.sink = padded{f.sink, []byte(`,"pad":"` + strings.Repeat("x", bytes) + `"}`)}
}

func (p padded) Publish(ctx context.Context, key string, record []byte) error {
	return p.Sink.Publish(ctx, key, append(slices.Clone(record[:len(record)-1]), p.tail...))
}

// weight is what /health says of the bytes in the buffer.
type weight struct {
	Held int64 `json:"current_bytes"`
	Max  int64 `json:"max_bytes"`
}

func weightOf(t *testing.T, h harness.Health) weight {
	t.Helper()
	var body struct{ Metrics struct{ Backpressure weight } }
	require.NoError(t, json.Unmarshal([]byte(h.Body), &body))
	return body.Metrics.Backpressure
}

const size = `(\d+(?:\.\d)? [KM]iB)`

var pauseLineBytes = regexp.MustCompile(`^⚠️  BACKPRESSURE ACTIVE: Buffer high \(` + size + `/128 MiB in ` + number + ` messages\), pausing data ingestion \(CH: ` + number + `, Ext: ` + number + `\)$`)

// Messages of 100 KB while ClickHouse stalls: the bytes pause the inputs long
// before the count would, the memory stays within its bound, and nothing is lost
// that is not counted.
func TestLargeMessagesPauseByBytes(t *testing.T) {
	r := newRig(t, oneEngine())
	r.pad(marketdata.External, 100_000)
	r.pad(marketdata.Ticks, 100_000)
	b := r.startBinary(plain).ready()
	r.publish(marketdata.External, 100)
	r.awaitStored(marketdata.External, 100)

	r.stall()
	r.publish(marketdata.External, 3000)
	r.publish(marketdata.Ticks, 1000)
	line := b.await(logPause)
	assert.Regexp(t, pauseLineBytes, line)
	b.awaitNth("⏸️  NATS subscriber paused", 2)
	b.await("⏸️  Kafka subscriber paused")
	b.beats(3)
	h := b.health()
	w := weightOf(t, h)
	assert.EqualValues(t, 128<<20, w.Max)
	assert.LessOrEqual(t, w.Held, w.Max)
	assert.Greater(t, w.Held, w.Max*8/10)
	assert.Less(t, h.Metrics.Backpressure.Level, int64(2000))

	r.unstall()
	r.publish(marketdata.External, 6000)
	r.stall()
	r.publish(marketdata.External, 3000)
	b.awaitNth(logPause, 2)
	b.beats(3)
	r.unstall()
	assert.Contains(t, b.await(logResume), "/128 MiB in ")
	h = r.awaitBooks(b)
	r.checkBooks(h)
	assert.Zero(t, weightOf(t, h).Held)
	peak, err := b.PeakRSS()
	require.NoError(t, err)
	t.Logf("peak resident memory %d MB; %d pauses", peak>>20, h.Metrics.Backpressure.PauseCount)
	assert.Less(t, peak, int64(500_000_000))
}

// wordy makes records large where it is stored: in the payload.
type wordy struct {
	marketdata.Sink
	words string
}

func (w wordy) Publish(ctx context.Context, key string, record []byte) error {
	return w.Sink.Publish(ctx, key, bytes.Replace(record, []byte(`"payload":"`), []byte(`"payload":"`+w.words), 1))
}

// Rows of 3 KB, all of it stored, at full speed and after a stall: what the output
// has in hand beside the buffer stays small.
func TestMemoryWithLargeRows(t *testing.T) {
	r := newRig(t, oneEngine())
	f := r.feed(marketdata.External)
	f.sink = wordy{f.sink, strings.Repeat("all work and no play ", 150)}
	b := r.startBinary(plain).ready()
	r.publish(marketdata.External, 40_000)
	r.stall()
	r.publish(marketdata.External, 60_000)
	b.await(logPause)
	r.unstall()
	r.checkBooks(r.awaitBooks(b))
	peak, err := b.PeakRSS()
	require.NoError(t, err)
	t.Logf("peak resident memory %d MB", peak>>20)
	assert.Less(t, peak, int64(500_000_000))
}
