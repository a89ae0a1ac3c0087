package robustness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/report"
	"github.com/data-bridge-io/data-bridge/tests/robustness/validate"
)

// Laps of a few faults each get round to all that can happen, evenly.
func TestLapsGetRoundToEveryFault(t *testing.T) {
	r := &Run{Options: Options{Most: 5}, scene: &faults.Scene{}}
	possible := faults.Possible(r.scene)
	times := map[string]int{}
	for r.Lap = range len(possible) {
		drawn := r.drawn()
		assert.Len(t, drawn, 5)
		for _, f := range drawn {
			times[f.Name]++
		}
	}
	for _, f := range possible {
		assert.Equal(t, 5, times[f.Name], f.Name)
	}
	r.Faults, r.Most = []string{"bridge.kill"}, 0
	assert.Len(t, r.drawn(), 1)
}

// What became of the records is shared out among the rounds in which they were published,
// and of rows that come again or late, in which they were inserted.
func TestRoundsShareWhatBecameOfTheRecords(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	at := func(i int64) int64 { return start.Unix() + i }
	r := &Run{rounds: []round{
		{ends: start.Add(10 * time.Second), last: map[string][]int64{"feed": {2, 1}}},
		{faults: []string{"bridge.kill"}, ends: start.Add(20 * time.Second), last: map[string][]int64{"feed": {4, 2}}},
	}}
	row := func(part int, seq, when int64) validate.Row {
		return validate.Row{Row: model.Row{Part: part, Seq: seq}, At: at(when)}
	}
	var history []model.Record
	for _, k := range []model.Key{{Part: 0, Seq: 1}, {Part: 0, Seq: 2}, {Part: 0, Seq: 3}, {Part: 0, Seq: 4}, {Part: 0, Seq: 5}, {Part: 1, Seq: 1}, {Part: 1, Seq: 2}} {
		history = append(history, model.Record{Part: k.Part, Seq: k.Seq})
	}
	history = append(history, model.Record{Part: 0, Seq: 6, Outcome: model.Refused})
	rs := r.newRounds()
	rs.share("feed", model.Verdict{Absent: []model.Key{{Part: 1, Seq: 2}}}, history, []validate.Row{
		row(0, 1, 1), row(0, 3, 5), row(0, 2, 12), row(0, 1, 15), row(0, 4, 16), row(0, 5, 30), row(1, 1, 3),
	})
	assert.Equal(t, report.Counts{Records: 3}, rs.done[0].Counts["feed"])
	assert.Equal(t, report.Counts{Records: 4, Missing: 1, Duplicated: 1, Reordered: 1}, rs.done[1].Counts["feed"])
}
