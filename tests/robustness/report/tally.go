package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// cell is where a fault met a kind of source on an engine.
type cell struct {
	engine string
	fault  string
	kind   model.Kind
}

func (c cell) compare(o cell) int {
	return cmp.Or(cmp.Compare(c.engine, o.engine), cmp.Compare(c.fault, o.fault), cmp.Compare(c.kind, o.kind))
}

// figures are the sums of a cell, or of all of them.
type figures struct {
	Counts
	times, overlapping int
	slowest            time.Duration
}

func (f *figures) add(c Counts) {
	f.Records += c.Records
	f.Missing += c.Missing
	f.Uncounted += c.Uncounted
	f.Duplicated += c.Duplicated
	f.Reordered += c.Reordered
}

// tally sums up rounds by cell. A round of several faults counts for each of them.
func tally(runs []Run) (cells []cell, sums map[cell]*figures) {
	sums = map[cell]*figures{}
	for _, run := range runs {
		for _, v := range run.Verdicts {
			for _, round := range run.Rounds {
				for _, fault := range round.Faults {
					at := cell{run.Engine, fault, v.Kind}
					f := sums[at]
					if f == nil {
						f = &figures{}
						sums[at] = f
						cells = append(cells, at)
					}
					f.add(round.Counts[v.Source])
					f.times++
					if len(round.Faults) > 1 {
						f.overlapping++
					}
					f.slowest = max(f.slowest, round.Recovery)
				}
			}
		}
	}
	slices.SortFunc(cells, cell.compare)
	return cells, sums
}

// total are the sums over all runs, each record and each fault once.
func total(runs []Run) (sum figures, lost, counted, letters int64) {
	for _, run := range runs {
		for _, v := range run.Verdicts {
			sum.add(Counts{v.Records, v.Missing, v.Uncounted, v.Duplicated, v.Reordered})
			lost += v.Lost
			counted += v.Counted
			letters += v.DeadLettered
		}
		for _, round := range run.Rounds {
			sum.times += len(round.Faults)
			if len(round.Faults) > 1 {
				sum.overlapping += len(round.Faults)
			}
			if len(round.Faults) > 0 {
				sum.slowest = max(sum.slowest, round.Recovery)
			}
		}
	}
	return sum, lost, counted, letters
}
