package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// growthReport is all that was measured of growth, as growth.json keeps it.
type growthReport struct {
	conditions
	Rounds int     `json:"rounds"`
	Points []point `json:"points"`
}

// cost is in CPU seconds a million rows.
func (p point) cost() float64 { return p.CPU / float64(p.Records) * 1e6 }

// step is the median of the runs with one value of an axis.
type step struct {
	Value, Size, Records, RowsAnInsert int
	Cost, Rate, Memory                 spread
	// Exponent is that of the growth of cost since the step before: 0 is none, 1
	// is in proportion. It is NaN for the first step.
	Exponent float64
}

func (g *growthReport) steps(a axis) (all []step) {
	for _, value := range a.Values {
		var costs, rates, memories, inserts []float64
		st := step{Value: value, Exponent: math.NaN()}
		for _, p := range g.Points {
			if p.Axis != a.Name || p.Value != value {
				continue
			}
			st.Size, st.Records = p.Size, p.Records
			costs, rates = append(costs, p.cost()), append(rates, float64(p.Records)/p.Seconds)
			memories, inserts = append(memories, float64(p.Peak)/(1<<20)), append(inserts, float64(p.Records)/float64(max(1, p.Inserts)))
		}
		if len(costs) == 0 {
			continue
		}
		st.Cost, st.Rate, st.Memory, st.RowsAnInsert = spreadOf(costs), spreadOf(rates), spreadOf(memories), int(spreadOf(inserts).Median)
		if len(all) > 0 {
			last := all[len(all)-1]
			st.Exponent = math.Log(st.Cost.Median/last.Cost.Median) / math.Log(float64(value)/float64(last.Value))
		}
		all = append(all, st)
	}
	return all
}

const growthHeader = `# Growth

Written by ` + "`make bench-growth`" + `; every run is in [growth.json](growth.json). data-bridge alone, from Kafka, one record a message, with its default
buffer and batches (` + "`tests/bench/config/bridge_growth.yaml`" + `). In each plot one thing grows and all else stays: five columns, one table, four
partitions, ten keys. Cost is CPU time of the process, without that of starting up and ending; medians, with the lowest and the highest run in
brackets. The exponent is that of the growth since the step before: 0 is none, 1 is in proportion. What the plots show is discussed in
[growth_notes.md](growth_notes.md).
`

func (g *growthReport) markdown() string {
	var b strings.Builder
	b.WriteString(growthHeader)
	g.write(&b, g.Rounds)
	for _, a := range axes {
		steps := g.steps(a)
		if len(steps) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n![CPU seconds per million rows by %s](growth_%s.svg)\n\n", a.Title, a.Unit, a.Name)
		fmt.Fprintf(&b, "| %s | bytes a record | records | CPU s per million rows | exponent | rows/s | rows an insert | peak memory, MiB |\n", a.Unit)
		b.WriteString("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
		for _, s := range steps {
			exponent := ""
			if !math.IsNaN(s.Exponent) {
				exponent = hundredths(s.Exponent)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", thousands(float64(s.Value)), thousands(float64(s.Size)), thousands(float64(s.Records)),
				s.Cost.text(hundredths), exponent, s.Rate.text(thousands), thousands(float64(s.RowsAnInsert)), s.Memory.text(thousands))
		}
	}
	return b.String()
}

//go:embed growth.svg.tmpl
var plotText string

var plotTemplate = template.Must(template.New("plot").Parse(plotText))

// Measures of a plot, in pixels.
const (
	plotLeft, plotTop      = 60, 56
	plotInner, plotTall    = 520, 220
	plotWidth, plotHeight  = 620, 350
	plotHeadroom           = 1.15
	plotLines, plotDecades = 4, 10
)

// plot is what the template draws: cost over a logarithmic axis, and the line of
// growth in proportion to the first step.
type plot struct {
	Title, Unit, Footer string
	Width, Height       int
	Left, Top, Bottom   int
	Right               int
	Dots                []dot
	Path, Proportion    string
	Grid                []tickMark
}

type dot struct {
	X, Y        int
	Value, Cost string
}

type tickMark struct {
	Y     int
	Label string
}

func (g *growthReport) svg(a axis) ([]byte, error) {
	var out bytes.Buffer
	if err := plotTemplate.Execute(&out, g.plot(a)); err != nil {
		return nil, fmt.Errorf("drawing a plot: %w", err)
	}
	return out.Bytes(), nil
}

func (g *growthReport) plot(a axis) plot {
	steps := g.steps(a)
	p := plot{
		Title: a.Title, Unit: a.Unit, Width: plotWidth, Height: plotHeight, Left: plotLeft, Top: plotTop, Bottom: plotTop + plotTall, Right: plotLeft + plotInner,
		Footer: fmt.Sprintf("Medians of %d rounds, %s", g.Rounds, g.Date.Format("2 January 2006")),
	}
	top := 0.0
	for _, s := range steps {
		top = max(top, s.Cost.Median*plotHeadroom)
	}
	first, last := steps[0], steps[len(steps)-1]
	x := func(value float64) int {
		return plotLeft + int(plotInner*math.Log(value/float64(first.Value))/math.Log(float64(last.Value)/float64(first.Value)))
	}
	y := func(cost float64) int { return plotTop + plotTall - int(plotTall*cost/top) }
	for i, s := range steps {
		p.Dots = append(p.Dots, dot{x(float64(s.Value)), y(s.Cost.Median), thousands(float64(s.Value)), hundredths(s.Cost.Median)})
		p.Path += fmt.Sprintf("%c%d %d", "ML"[min(i, 1)], p.Dots[i].X, p.Dots[i].Y)
	}
	for i := range plotLines {
		cost := top * float64(i) / plotLines
		p.Grid = append(p.Grid, tickMark{y(cost), hundredths(cost)})
	}
	for i := range plotDecades * plotDecades {
		value := float64(first.Value) * (1 + float64(i)/plotDecades)
		if cost := first.Cost.Median * value / float64(first.Value); cost <= top && value <= float64(last.Value) {
			p.Proportion += fmt.Sprintf("%c%d %d", "ML"[min(i, 1)], x(value), y(cost))
		}
	}
	return p
}

// deliver writes the table to w, and all forms of the results to a folder if
// there is one.
func (g *growthReport) deliver(w io.Writer, dir string) error {
	table := g.markdown()
	if _, err := io.WriteString(w, table); err != nil || dir == "" {
		return err
	}
	raw, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	files := map[string][]byte{"growth.md": []byte(table), "growth.json": append(raw, '\n')}
	for _, a := range axes {
		if len(g.steps(a)) < 2 {
			continue
		}
		if files["growth_"+a.Name+".svg"], err = g.svg(a); err != nil {
			return err
		}
	}
	return writeFiles(dir, files)
}

// writeFiles writes results into a folder, which it makes.
func writeFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("writing results: %w", err)
		}
	}
	return nil
}
