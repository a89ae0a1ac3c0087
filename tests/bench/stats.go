package main

import "slices"

// spread is the middle of some figures, and how far they lie apart.
type spread struct{ Median, Min, Max float64 }

// spreadOf is the zero spread without figures.
func spreadOf(figures []float64) spread {
	if len(figures) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(figures))
	return spread{Median: quantile(sorted, 0.5), Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// quantile is between the two sorted figures that are next to it. There has to
// be one at least.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// line is one row of the table: the runs of one competitor that did not fail.
type line struct {
	Source       source
	Name         string
	Records      int
	Runs, Failed int
	Rate         spread // rows a second
	Cost         spread // CPU seconds a million rows
	Memory       spread // MiB
	Duplicated   int    // rows beyond one for each record, in all runs
}

// lines sums up runs, in the order in which competitors first ran.
func lines(runs []run) []line {
	type key struct {
		source source
		name   string
	}
	grouped := map[key][]run{}
	var keys []key
	for _, r := range runs {
		k := key{r.Source, r.Name}
		if grouped[k] == nil {
			keys = append(keys, k)
		}
		grouped[k] = append(grouped[k], r)
	}
	var all []line
	for _, k := range keys {
		all = append(all, lineOf(grouped[k]))
	}
	return all
}

// lineOf sums up the runs of one competitor. A run that failed counts as failed
// and in nothing else.
func lineOf(runs []run) line {
	l := line{Source: runs[0].Source, Name: runs[0].Name, Records: runs[0].Records}
	var rates, costs, memories []float64
	for _, r := range runs {
		if r.Failure != "" {
			l.Failed++
			continue
		}
		l.Runs++
		l.Duplicated += r.Rows - r.Distinct
		rates, costs, memories = append(rates, r.rate()), append(costs, r.cost()), append(memories, r.memory())
	}
	l.Rate, l.Cost, l.Memory = spreadOf(rates), spreadOf(costs), spreadOf(memories)
	return l
}

// of finds the line of a competitor, if it has a run that did not fail.
func of(all []line, from source, name string) (line, bool) {
	for _, l := range all {
		if l.Source == from && l.Name == name && l.Runs > 0 {
			return l, true
		}
	}
	return line{}, false
}
