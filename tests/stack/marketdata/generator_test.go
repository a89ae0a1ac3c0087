package marketdata

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)

func generate(t testing.TB, seed uint64, kind Kind, n int) [][]byte {
	t.Helper()
	g, err := NewAt(start, seed, kind, "s-1")
	require.NoError(t, err)
	var out [][]byte
	for range n {
		out = append(out, g.AppendNext(nil))
	}
	return out
}

func TestSameSeedSameRecords(t *testing.T) {
	for _, kind := range Kinds() {
		first := generate(t, 7, kind, 500)
		assert.Equal(t, first, generate(t, 7, kind, 500), kind)
		assert.NotEqual(t, first, generate(t, 8, kind, 500), kind)
	}
}

func TestUnknownKind(t *testing.T) {
	_, err := New(1, "quotes", "s")
	require.ErrorContains(t, err, `unknown kind "quotes"`)
}

// columnsOf reads the column names of a table out of the shipped SQL.
func columnsOf(t *testing.T, kind Kind) []string {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "config", "sql", "*_"+string(kind)+".sql"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	_, body, ok := bytes.Cut(text, []byte("\n(\n"))
	require.True(t, ok)
	body, _, ok = bytes.Cut(body, []byte("\n)\n"))
	require.True(t, ok)
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^ +(\w+) +\S`).FindAllSubmatch(body, -1) {
		names = append(names, string(match[1]))
	}
	return names
}

func TestRecordsAreTheTablesColumnsNumberedFromOne(t *testing.T) {
	for _, kind := range Kinds() {
		columns := slices.Sorted(slices.Values(columnsOf(t, kind)))
		for i, record := range generate(t, 3, kind, 2000) {
			var fields map[string]any
			decoder := json.NewDecoder(bytes.NewReader(record))
			decoder.UseNumber()
			require.NoError(t, decoder.Decode(&fields), "%s", record)
			require.Equal(t, columns, slices.Sorted(maps.Keys(fields)))
			require.Equal(t, "s-1", fields["stream"])
			require.Equal(t, json.Number(itoa(i+1)), fields["seq"])
		}
	}
}

func itoa(i int) string { b, _ := json.Marshal(i); return string(b) }

func TestTickSizeAndRange(t *testing.T) {
	decimal := regexp.MustCompile(`^\d{1,10}\.\d{1,8}$`)
	last := time.Time{}
	total := 0
	records := generate(t, 1, Ticks, 5000)
	for _, record := range records {
		var tick struct {
			TS         string
			Price, Qty json.Number
		}
		require.NoError(t, json.Unmarshal(record, &tick))
		require.Regexp(t, decimal, tick.Price.String())
		require.Regexp(t, decimal, tick.Qty.String())
		at, err := time.Parse(time.RFC3339Nano, tick.TS)
		require.NoError(t, err)
		require.True(t, at.After(last))
		last = at
		total += len(record)
	}
	assert.InDelta(t, 140, total/len(records), 30, "bytes a tick")
}

func TestCandlesHold(t *testing.T) {
	closed := 0
	for _, record := range generate(t, 1, Candles, 5000) {
		var c struct {
			Open, High, Low, Close float64
			IsClosed               bool `json:"is_closed"`
		}
		require.NoError(t, json.Unmarshal(record, &c))
		require.LessOrEqual(t, c.Low, min(c.Open, c.Close))
		require.GreaterOrEqual(t, c.High, max(c.Open, c.Close))
		if c.IsClosed {
			closed++
		}
	}
	assert.Positive(t, closed)
}

func TestExternalHasNullsAndRealIDs(t *testing.T) {
	nulls, ids := 0, map[string]bool{}
	records := generate(t, 1, External, 1000)
	for _, record := range records {
		var e struct {
			Value   *float64
			EventID string `json:"event_id"`
		}
		require.NoError(t, json.Unmarshal(record, &e))
		_, err := uuid.Parse(e.EventID)
		require.NoError(t, err)
		ids[e.EventID] = true
		if e.Value == nil {
			nulls++
		}
	}
	assert.Positive(t, nulls)
	assert.Len(t, ids, len(records))
}

func TestFixed(t *testing.T) {
	for value, want := range map[int64]string{0: "0.00", 5: "0.05", -5: "-0.05", 12345: "123.45", -100: "-1.00"} {
		assert.Equal(t, `,"f":`+want, string(fixed(nil, "f", value, 2)))
	}
}

func BenchmarkTick(b *testing.B) {
	g, err := NewAt(start, 1, Ticks, "s-1")
	require.NoError(b, err)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = g.AppendNext(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}
