package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// observed is a board whose counters are read once a second, step telling what
// happens in each.
func observed(b *Board, seconds int, step func(second int)) (end time.Time) {
	now := time.Unix(1_700_000_000, 0)
	for i := range seconds {
		step(i)
		b.history.observe(b.Figures(), now)
		now = now.Add(time.Second)
	}
	return now
}

func TestHistoryKeepsTheLastHour(t *testing.T) {
	b := NewBoard("")
	level := int64(0)
	b.SetBuffer(func() Buffer { return Buffer{Level: level, Bytes: 10 * level} })
	end := observed(b, 2*3600, func(second int) { level = int64(second) })
	s, taken, _ := b.history.since(0)
	require.Equal(t, 3600, taken)
	require.Len(t, s.Time, 1800, "bounded")
	assert.Len(t, b.history.samples, 1800)
	assert.Equal(t, end.Add(-2*time.Second).Unix(), int64(s.Time[1799]))
	assert.Equal(t, end.Add(-time.Hour).Unix(), int64(s.Time[0]))
	assert.EqualValues(t, 7198, s.Level[1799])
	assert.EqualValues(t, 71980, s.Bytes[1799])
	for i := range s.Time[1:] {
		require.Greater(t, s.Time[i+1], s.Time[i])
	}

	s, taken, _ = b.history.since(3597)
	assert.Equal(t, 3600, taken)
	assert.Equal(t, []int64{7194, 7196, 7198}, s.Level, "what is new")
	s, _, _ = b.history.since(3600)
	assert.NotNil(t, s.Time)
	assert.Empty(t, s.Time)
}

func TestRatesAreThoseOfTheLastSeconds(t *testing.T) {
	b := NewBoard("s")
	in := b.Input("ticks", KindNATS)
	observed(b, 1, func(int) { in.Received.Add(1_000_000) })
	_, _, rates := b.history.since(0)
	assert.Zero(t, rates.Inputs["s.ticks"].Received, "what was counted before the first look has no rate")

	b = NewBoard("s")
	in = b.Input("ticks", KindNATS)
	out := b.Output("clickhouse")
	observed(b, 20, func(second int) {
		if second >= 10 {
			in.Received.Add(300)
			in.Dropped.Add(50)
			in.Conflated.Add(30)
			in.SlowConsumer.Add(20)
			out.Table("a").Rows.Add(150)
			out.Table("b").Rows.Add(50)
		}
	})
	s, _, rates := b.history.since(0)
	assert.Equal(t, InputRates{Received: 300, Discarded: 100}, rates.Inputs["s.ticks"])
	assert.Equal(t, OutputRates{Rows: 200, Tables: map[string]float64{"a": 150, "b": 50}}, rates.Outputs["s.clickhouse"])
	assert.Equal(t, []float64{0, 0, 0, 0, 0, 60, 180, 300, 300, 300}, s.Received, "over five seconds")
	assert.Equal(t, []float64{200, 200}, s.Stored[8:])
	assert.Equal(t, []float64{100, 100}, s.Discarded[8:])

	observed(b, 6, func(int) {})
	_, _, rates = b.history.since(0)
	assert.Zero(t, rates.Inputs["s.ticks"].Received, "it ends")
}
