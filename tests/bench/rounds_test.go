package main

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
)

func TestWhoBeginsMovesOnFromRoundToRound(t *testing.T) {
	all := []competitor{
		{Source: sourceKafka, Name: "A"},
		{Source: sourceNATS, Name: "X"},
		{Source: sourceKafka, Name: "B"},
		{Source: sourceNATS, Name: "Y"},
		{Source: sourceKafka, Name: "C"},
	}
	names := func(round int) (text string) {
		for _, c := range order(all, round) {
			text += c.Name
		}
		return text
	}
	assert.Equal(t, "ABCXY", names(0))
	assert.Equal(t, "BCAYX", names(1))
	assert.Equal(t, "CABXY", names(2))
	assert.Equal(t, "ABCYX", names(3))
}

func TestChoosing(t *testing.T) {
	all := competitors(quickPlan, "bin")
	assert.Len(t, choose(all, regexp.MustCompile("")), len(all))
	chosen := choose(all, regexp.MustCompile("^NATS/data-bridge$"))
	require.Len(t, chosen, 1)
	assert.Equal(t, "NATS/data-bridge", chosen[0].String())
	assert.Empty(t, choose(all, regexp.MustCompile("latency")))
}

func TestSettings(t *testing.T) {
	s, err := parse([]string{"-quick", "-rounds", "7", "-only", "Kafka"})
	require.NoError(t, err)
	assert.Equal(t, 7, s.plan.Rounds)
	assert.Equal(t, quickPlan.Kafka, s.plan.Kafka)
	s, err = parse(nil)
	require.NoError(t, err)
	assert.Equal(t, fullPlan, s.plan)
	_, err = parse([]string{"-only", "("})
	require.ErrorContains(t, err, "-only")
}

func TestSharesAreAll(t *testing.T) {
	total := 0
	for _, s := range streams {
		total += s.of(fullPlan.Shipped)
	}
	assert.Equal(t, fullPlan.Shipped, total)
}

func TestADatasetHasItsRecordsInMessagesOfTheFrame(t *testing.T) {
	for _, d := range []dataset{{sourceNATS, 25, 1}, {sourceNATS, 25, 10}} {
		var messages [][]byte
		require.NoError(t, d.messages(func(m []byte) error { messages = append(messages, m); return nil }))
		assert.Len(t, messages, (25+d.frame-1)/d.frame)
		assert.Equal(t, tick.New(1).AppendFrame(nil, d.frame), messages[0])
	}
}

func TestVisibleCountsEachRecordOnce(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	published := []time.Time{at(0), at(10), at(20), at(30)}
	var v visible
	v.found(0, at(5), published) // a query between two inserts
	v.found(2, at(100), published)
	v.found(2, at(150), published)
	v.found(4, at(200), published)
	assert.Equal(t, []float64{100, 90, 180, 170}, v.ms)
	assert.Equal(t, latencyResult{Stream: "ticks", Rate: 5, Records: 4, P50: 135, P99: 179.7, Max: 180}, v.result("ticks", 5))
	assert.Equal(t, latencyResult{Stream: "ticks", Rate: 5}, (&visible{}).result("ticks", 5))
}

type nowhere struct{}

func (nowhere) Publish(context.Context, string, []byte) error { return nil }
func (nowhere) Flush(context.Context) error                   { return nil }
func (nowhere) Published() int64                              { return 0 }

func TestTimedNotesEachPublication(t *testing.T) {
	clocked := &timed{Sink: nowhere{}, at: make([]time.Time, 2)}
	for range 2 {
		require.NoError(t, clocked.Publish(t.Context(), "", nil))
	}
	assert.EqualValues(t, 2, clocked.count.Load())
	assert.False(t, clocked.at[1].Before(clocked.at[0]))
}
