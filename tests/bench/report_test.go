package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sample() *report {
	r := &report{
		conditions: conditions{
			Date: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), Machine: "2 cores", Software: []string{"ClickHouse 1"},
		},
		Plan:    plan{Rounds: 2, Latency: 10 * time.Second},
		Latency: []latencyResult{{Stream: "ticks", Rate: 6000, Records: 60000, P50: 300, P99: 600, Max: 700}},
	}
	for round := range 2 {
		for i, name := range []string{nameCeiling, nameBridge, nameConnect} {
			r.Runs = append(r.Runs, run{
				Source: sourceKafka, Name: name, Round: round + 1, Records: 1_000_000, Rows: 1_000_000, Distinct: 1_000_000,
				Seconds: float64(1+i) + float64(round), CPU: float64(1 + 2*i), Peak: 100 << 20,
			})
		}
	}
	return r
}

func TestTable(t *testing.T) {
	text := sample().markdown()
	assert.Contains(t, text, "4 March 2026, 2 cores, 2 rounds.")
	assert.Contains(t, text, "## Kafka")
	assert.NotContains(t, text, "## NATS", "a source without runs has no table")
	assert.Contains(t, text, "| hand-written, ch-go | 1,000,000 | 750,000 (500,000–1,000,000) | 1.00× | 2.57× | 1.00 (1.00–1.00) | 1.00× | 0.20× | 100 (100–100) | all, 2 of 2 runs |")
	assert.Contains(t, text, "| data-bridge | 1,000,000 | 416,667 (333,333–500,000) | 0.56× | 1.43× | 3.00 (3.00–3.00) | 3.00× | 0.60× |")
	assert.Contains(t, text, "| ticks | 6,000 | 60,000 | 300 | 600 | 700 |")
	assert.NotContains(t, text, "NOT MEASURED")
}

func TestAFailureIsSaidLoudlyAndEndsTheProgram(t *testing.T) {
	r := sample()
	r.Runs[1].Failure = "17 of 1000000 records are missing"
	assert.Contains(t, r.markdown(), "## NOT MEASURED")
	assert.Contains(t, r.markdown(), "17 of 1000000 records are missing")
	assert.Contains(t, r.markdown(), "all, 1 of 2 runs")
	require.ErrorContains(t, r.failures(), "round 1: Kafka, data-bridge: 17 of 1000000 records are missing")
}

func TestAResumeThatCouldNotBeMeasuredTakesNothingElseAlong(t *testing.T) {
	r := sample()
	r.Resumes = []resumeResult{{Source: sourceKafka, Failure: "no more records"}, {Source: sourceNATS, Rate: 83_000, Late: []float64{7}, First: []float64{3}}}
	require.ErrorContains(t, r.failures(), "resumes from Kafka: no more records")
	assert.Contains(t, r.markdown(), "- resumes from Kafka: no more records")
	assert.Contains(t, r.markdown(), "| NATS | 83,000 | 7 (7–7) | 3 (3–3) |")
	assert.NotContains(t, r.markdown(), "| Kafka | 0 |")
}

func TestRatioNeedsBoth(t *testing.T) {
	assert.Equal(t, "2.00×", ratio(spread{Median: 4}, spread{Median: 2}, true))
	assert.Empty(t, ratio(spread{Median: 4}, spread{Median: 2}, false))
	assert.Empty(t, ratio(spread{Median: 4}, spread{}, true))
}

func TestThousands(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 999.6: "1,000", 1234: "1,234", 1234567: "1,234,567", 123: "123"} {
		assert.Equal(t, want, thousands(f))
	}
}

func TestResultsSurviveTheirFile(t *testing.T) {
	dir := t.TempDir()
	want := sample()
	require.NoError(t, want.deliver(io.Discard, dir))
	got, err := readReport(filepath.Join(dir, "results.json"))
	require.NoError(t, err)
	assert.Equal(t, want, got)
	written, err := os.ReadFile(filepath.Join(dir, "results.md"))
	require.NoError(t, err)
	assert.Equal(t, want.markdown(), string(written))
}

func TestChartIsXMLWithABarOfEachFigure(t *testing.T) {
	image, err := sample().svg()
	require.NoError(t, err)
	decoder := xml.NewDecoder(strings.NewReader(string(image)))
	bars := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "rect" {
			bars++
		}
	}
	assert.Equal(t, 1+3*2, bars, "the paper, and three competitors in two panels")
	assert.Contains(t, string(image), "prefers-color-scheme: dark")
	assert.Contains(t, string(image), ">5.00<")
}

func TestTheLongestBarFillsItsPanel(t *testing.T) {
	assert.Equal(t, panelWidth, markAt(10, 1, "").Width)
	assert.Equal(t, 1, markAt(10, 0.0001, "").Width, "a bar that is there can be seen")
}
