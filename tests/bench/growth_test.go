package main

import (
	"encoding/json"
	"encoding/xml"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecordsHaveTheirShape(t *testing.T) {
	for _, a := range axes {
		for _, value := range a.Values {
			s := a.shape(value)
			gen, tables, bytes := newRecords(s), map[string]bool{}, 0
			for i := range 200 {
				text := gen.next(nil)
				bytes += len(text)
				tables[gen.table()] = true
				var record map[string]any
				require.NoError(t, json.Unmarshal(text, &record))
				require.Len(t, record, s.Columns)
				require.EqualValues(t, i+1, record["seq"])
			}
			assert.Len(t, tables, s.Tables)
			if s.Size > 0 {
				assert.InDelta(t, s.Size, bytes/200, 10)
			}
			assert.GreaterOrEqual(t, s.records(), 40_000, "%d %s", value, a.Unit)
		}
	}
}

func TestExponentsTellGrowth(t *testing.T) {
	g := &growthReport{conditions: conditions{Date: time.Now()}, Rounds: 1}
	for i, cost := range []float64{1, 1, 5, 50, 50} { // none, in proportion, worse, none
		g.Points = append(g.Points, point{Axis: "tables", Value: axes[2].Values[i], Records: 1_000_000, CPU: cost, Seconds: 1, Inserts: 100})
	}
	steps := g.steps(axes[2])
	require.Len(t, steps, 5)
	assert.True(t, math.IsNaN(steps[0].Exponent))
	assert.InDelta(t, 0, steps[1].Exponent, 1e-9)
	assert.Greater(t, steps[2].Exponent, 1.0)
	assert.Equal(t, 10_000, steps[0].RowsAnInsert)

	picture, err := g.svg(axes[2])
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(picture, &struct{}{}))
	page := g.markdown()
	assert.Contains(t, page, "| 25 | 0 | 1,000,000 | 50.00 (50.00–50.00) |")
	assert.NotContains(t, page, "partitions |", "what was not measured is not shown")
}
