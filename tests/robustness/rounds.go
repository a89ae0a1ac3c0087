package robustness

import (
	"sort"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/report"
	"github.com/data-bridge-io/data-bridge/tests/robustness/validate"
)

// rounds shares out what became of the records among the rounds of a run.
type rounds struct {
	of   []round
	done []report.Round
}

func (r *Run) newRounds() *rounds {
	rs := &rounds{of: r.rounds}
	for _, one := range r.rounds {
		rs.done = append(rs.done, report.Round{Faults: one.faults, Recovery: one.recovery, Counts: map[string]report.Counts{}})
	}
	return rs
}

// published is the round in which a record was.
func (rs *rounds) published(source string, part int, seq int64) int {
	return rs.clip(sort.Search(len(rs.of), func(i int) bool {
		last := rs.of[i].last[source]
		return part < len(last) && seq <= last[part]
	}))
}

// inserted is the round in which a row was.
func (rs *rounds) inserted(at int64) int {
	return rs.clip(sort.Search(len(rs.of), func(i int) bool { return at <= rs.of[i].ends.Unix() }))
}

// clip counts what comes after the last round to it.
func (rs *rounds) clip(i int) int { return min(i, len(rs.of)-1) }

func (rs *rounds) add(i int, source string, change func(c *report.Counts)) {
	c := rs.done[i].Counts[source]
	change(&c)
	rs.done[i].Counts[source] = c
}

func (rs *rounds) share(source string, v model.Verdict, history []model.Record, rows []validate.Row) {
	for _, rec := range history {
		if rec.Outcome != model.Refused {
			rs.add(rs.published(source, rec.Part, rec.Seq), source, func(c *report.Counts) { c.Records++ })
		}
	}
	for _, k := range v.Absent {
		rs.add(rs.published(source, k.Part, k.Seq), source, func(c *report.Counts) { c.Missing++ })
	}
	seen, last := map[model.Key]bool{}, map[int]int64{}
	for _, row := range rows {
		k := model.Key{Part: row.Part, Seq: row.Seq}
		switch {
		case seen[k]:
			rs.add(rs.inserted(row.At), source, func(c *report.Counts) { c.Duplicated++ })
		case row.Seq < last[row.Part]:
			rs.add(rs.inserted(row.At), source, func(c *report.Counts) { c.Reordered++ })
		default:
			last[row.Part] = row.Seq
		}
		seen[k] = true
	}
}
