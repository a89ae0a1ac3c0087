package main

import (
	"fmt"
	"strings"
)

const header = `# Benchmarks

Written by ` + "`make bench`" + `; every run is in [results.json](results.json), and what is measured and how is described in
[tests/bench/doc.go](../../tests/bench/doc.go). Figures are medians, with the lowest and the highest run in brackets. Compare the ratios,
not the absolute figures, with other machines: competitors and servers share this one. CPU time is normalised to a million rows, so that slower
competitors may have fewer records.

![CPU seconds per million rows](results.svg)
`

// markdown is the page with the results.
func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString(header)
	r.write(&b, r.Plan.Rounds)
	all := lines(r.Runs)
	for _, from := range sources {
		writeSource(&b, from, all)
	}
	r.writeLatency(&b)
	r.writeResumes(&b)
	r.writeFailures(&b)
	return b.String()
}

func writeSource(b *strings.Builder, from source, all []line) {
	ceiling, hasCeiling := of(all, from, nameCeiling)
	connect, hasConnect := of(all, from, nameConnect)
	wrote := false
	for _, name := range []string{nameCeiling, nameColumnar, nameFramed, nameBridge, nameTogether, nameConnect} {
		l, ok := of(all, from, name)
		if !ok {
			continue
		}
		if !wrote {
			fmt.Fprintf(b, "\n## %s\n\n", title(from))
			b.WriteString("| competitor | records | rows/s | against hand-written | against Connect | CPU s per million rows | against hand-written | against Connect | peak memory, MiB | rows verified |\n")
			b.WriteString("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
			wrote = true
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			l.Name, thousands(float64(l.Records)),
			l.Rate.text(thousands), ratio(l.Rate, ceiling.Rate, hasCeiling), ratio(l.Rate, connect.Rate, hasConnect),
			l.Cost.text(hundredths),
			ratio(l.Cost, ceiling.Cost, hasCeiling), ratio(l.Cost, connect.Cost, hasConnect),
			l.Memory.text(thousands), verified(l))
	}
}

func title(s source) string {
	text := string(s)
	return strings.ToUpper(text[:1]) + text[1:]
}

func verified(l line) string {
	text := fmt.Sprintf("all, %d of %d runs", l.Runs, l.Runs+l.Failed)
	if l.Duplicated > 0 {
		text += fmt.Sprintf(", %d twice", l.Duplicated)
	}
	return text
}

// text is the median with the spread.
func (s spread) text(format func(float64) string) string {
	return fmt.Sprintf("%s (%s–%s)", format(s.Median), format(s.Min), format(s.Max))
}

// ratio is how many times the other figure one is.
func ratio(one, other spread, known bool) string {
	if !known || other.Median == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f×", one.Median/other.Median)
}

func hundredths(f float64) string { return fmt.Sprintf("%.2f", f) }

// thousands is a whole number with commas.
func thousands(f float64) string {
	text := fmt.Sprintf("%.0f", f)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func (r *report) writeLatency(b *strings.Builder) {
	if len(r.Latency) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## From publication to a query's result\n\nThe shipped pipeline, %s records a second in all, over %s.\n\n", thousands(latencyRate), r.Plan.Latency)
	b.WriteString("| stream | records/s | records | p50, ms | p99, ms | highest, ms |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, l := range r.Latency {
		fmt.Fprintf(b, "| %s | %s | %s | %.0f | %.0f | %.0f |\n", l.Stream, thousands(float64(l.Rate)), thousands(float64(l.Records)), l.P50, l.P99, l.Max)
	}
}

func (r *report) writeResumes(b *strings.Builder) {
	if len(r.Resumes) == 0 {
		return
	}
	b.WriteString("\n## From a resume to the full rate\n\nClickHouse stalls until the inputs are paused, and goes on. How late the first ")
	fmt.Fprintf(b, "%s records are that come in after\nthe resume, against the rate of before the stall; zero is at once. The thresholds are the default ones.\n\n", thousands(resumeRecords))
	b.WriteString("| source | records/s before | late, ms | first record, ms |\n| --- | ---: | ---: | ---: |\n")
	for _, l := range r.Resumes {
		if len(l.Late) == 0 {
			continue // it is among the failures
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", l.Source, thousands(float64(l.Rate)), spreadOf(l.Late).text(thousands), spreadOf(l.First).text(thousands))
	}
}

// writeFailures says loudly what is in no median.
func (r *report) writeFailures(b *strings.Builder) {
	if r.failures() == nil {
		return
	}
	b.WriteString("\n## NOT MEASURED\n\nThese failed, and are in no figure above.\n\n")
	for line := range strings.Lines(r.failures().Error()) {
		fmt.Fprintf(b, "- %s\n", strings.TrimSpace(line))
	}
}
