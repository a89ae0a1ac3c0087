package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSpread(t *testing.T) {
	assert.Equal(t, spread{}, spreadOf(nil))
	assert.Equal(t, spread{Median: 7, Min: 7, Max: 7}, spreadOf([]float64{7}))
	assert.Equal(t, spread{Median: 3, Min: 1, Max: 9}, spreadOf([]float64{9, 1, 3}))
	assert.Equal(t, spread{Median: 2.5, Min: 1, Max: 9}, spreadOf([]float64{3, 9, 1, 2}))
}

func TestQuantile(t *testing.T) {
	sorted := []float64{0, 10, 20, 30, 40}
	for q, want := range map[float64]float64{0: 0, 0.5: 20, 0.99: 39.6, 1: 40} {
		assert.InDelta(t, want, quantile(sorted, q), 1e-9, q)
	}
}

func TestFiguresOfARunAreNormalised(t *testing.T) {
	r := run{Records: 500_000, Seconds: 2, CPU: 0.75, Peak: 64 << 20}
	assert.InDelta(t, 250_000, r.rate(), 0)
	assert.InDelta(t, 1.5, r.cost(), 0)
	assert.InDelta(t, 64, r.memory(), 0)
}

// A run that lacks rows must not make anybody's median better.
func TestAFailedRunIsInNoFigure(t *testing.T) {
	good := run{Source: sourceKafka, Name: nameBridge, Records: 100, Rows: 102, Distinct: 100, Seconds: 1, CPU: 1}
	bad := run{Source: sourceKafka, Name: nameBridge, Records: 100, Seconds: 0.001, CPU: 0.001, Failure: "missing"}
	other := run{Source: sourceNATS, Name: nameBridge, Records: 100, Seconds: 1, Failure: "missing"}
	all := lines([]run{good, bad, good, other})
	require.Len(t, all, 2)
	l, ok := of(all, sourceKafka, nameBridge)
	require.True(t, ok)
	assert.Equal(t, 2, l.Runs)
	assert.Equal(t, 1, l.Failed)
	assert.Equal(t, 4, l.Duplicated)
	assert.Equal(t, spreadOf([]float64{good.rate(), good.rate()}), l.Rate)
	_, ok = of(all, sourceNATS, nameBridge)
	assert.False(t, ok, "a competitor without a good run has no line")
}
