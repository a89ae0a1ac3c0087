package status

import (
	"encoding/json"
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

// How long inserts take is a mean over the last seconds: of a table, of an output, and
// of all of them in the chart, weighed by how many there were.
func TestInsertsAreTimedOverTheLastSeconds(t *testing.T) {
	b := NewBoard("")
	fast, slow := b.Output("a").Table("fast"), b.Output("b").Table("slow")
	observed(b, 4, func(int) { b.Output("a").Table("idle") })
	assert.Nil(t, fast.InsertLatency(), "there was none")
	assert.Nil(t, b.Health().Outputs["a"].Insert)

	observed(b, 10, func(second int) {
		fast.Inserted(50 * time.Millisecond)
		fast.Inserted(150 * time.Millisecond)
		if second == 9 {
			slow.Inserted(2 * time.Second)
		}
	})
	seconds := func(s float64) *Age { age := Age(s * 1e9); return &age }
	h := b.Health()
	assert.Equal(t, seconds(0.1), h.Outputs["a"].Insert)
	assert.Equal(t, seconds(0.1), h.Outputs["a"].Tables["fast"].Insert)
	assert.Nil(t, h.Outputs["a"].Tables["idle"].Insert)
	assert.Equal(t, seconds(2), h.Outputs["b"].Insert)
	s, _, _ := b.history.since(0)
	assert.Equal(t, []Known{-1, -1}, s.Insert[:2])
	assert.Equal(t, []Known{0.1}, s.Insert[len(s.Insert)-1:], "the last sample was before the slow one")

	observed(b, 6, func(int) {})
	assert.Nil(t, b.Health().Outputs["b"].Insert, "that was long ago")
}

func TestSamplesTellAgeAndLag(t *testing.T) {
	b := NewBoard("")
	now := time.Unix(1_700_000_000, 0)
	var since time.Time
	b.SetBuffer(func() Buffer { return Buffer{OldestSince: since} })
	one, two, stream := b.Input("one", KindKafka), b.Input("two", KindKafka), b.Input("three", KindJetStream)
	b.Input("four", KindNATS).SetLag(99) // which has none
	at := func(second int) Samples {
		b.history.observe(b.Figures(), now.Add(time.Duration(second)*time.Second))
		s, _, _ := b.history.since(second / 2)
		require.Len(t, s.Time, 1)
		return s
	}
	s := at(0)
	assert.Equal(t, []float64{0}, s.Oldest)
	assert.Equal(t, []Known{-1}, s.LagKafka)
	assert.Equal(t, []Known{-1}, s.LagJetStream)

	since = now.Add(500 * time.Millisecond)
	one.SetLag(40)
	stream.SetLag(0)
	s = at(2)
	assert.Equal(t, []float64{1.5}, s.Oldest)
	assert.Equal(t, []Known{40}, s.LagKafka)
	assert.Equal(t, []Known{0}, s.LagJetStream, "none is known")

	two.SetLag(2)
	stream.ForgetLag()
	s = at(4)
	assert.Equal(t, []float64{3.5}, s.Oldest)
	assert.Equal(t, []Known{42}, s.LagKafka, "both")
	text, err := json.Marshal(s)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"oldest":[3.5],"insert":[null],"lag_kafka":[42],"lag_jetstream":[null]`)
}
