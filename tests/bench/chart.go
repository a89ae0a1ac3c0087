package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"
)

//go:embed chart.svg.tmpl
var chartText string

var chartTemplate = template.Must(template.New("chart").Parse(chartText))

// Measures of the chart, in pixels.
const (
	chartTop    = 78
	chartLabels = 250 // width of the names
	panelWidth  = 250 // of the longest bar
	panelGap    = 100 // room for the figure behind it
	barPitch    = 20
	groupGap    = 34 // with the source's name
)

// chart is what the template draws: every bar twice, by CPU time and by rate.
type chart struct {
	Width, Height int
	Panels        []panel
	Groups        []group
	Footer        string
}

// The paper is inside the picture by the width of its line.
func (c chart) PaperWidth() int  { return c.Width - 2 }
func (c chart) PaperHeight() int { return c.Height - 2 }

type panel struct {
	X            int
	Title, Small string
}

// group is one source.
type group struct {
	Y    int
	Name string
	Bars []bar
}

// bar is one competitor: its name, and a rectangle in each panel.
type bar struct {
	Y     int
	Name  string
	Class string // of the colour
	Marks []mark
}

type mark struct {
	X, Width, LabelX int
	Label            string
}

// names in the chart, which has less room than the table.
var chartNames = []struct{ competitor, label, class string }{
	{nameCeiling, "hand-written, ch-go", "hand"},
	{nameColumnar, "hand-written, clickhouse-go", "hand"},
	{nameBridge, "data-bridge", "ours"},
	{nameTogether, "data-bridge, 1,000 a message", "ours"},
	{nameConnect, "Redpanda Connect", "peer"},
}

// svg draws the medians of all sources that have several competitors.
func (r *report) svg() ([]byte, error) {
	var out bytes.Buffer
	if err := chartTemplate.Execute(&out, r.chart()); err != nil {
		return nil, fmt.Errorf("drawing the chart: %w", err)
	}
	return out.Bytes(), nil
}

func (r *report) chart() chart {
	all := lines(r.Runs)
	second := chartLabels + panelWidth + panelGap
	c := chart{
		Width: second + panelWidth + panelGap,
		Panels: []panel{
			{chartLabels, "CPU seconds per million rows", "less is better"},
			{second, "million rows a second", "more is better"},
		},
		Footer: fmt.Sprintf("Medians of %d rounds, %s; one record a message", r.Plan.Rounds, r.Date.Format("2 January 2006")),
	}
	cost, rate := highest(all)
	y := chartTop
	for _, from := range sources {
		g := group{Y: y + groupGap - 16, Name: title(from)}
		for _, n := range chartNames {
			l, ok := of(all, from, n.competitor)
			if !ok {
				continue
			}
			g.Bars = append(g.Bars, bar{
				Y: y + groupGap + len(g.Bars)*barPitch, Name: n.label, Class: n.class,
				Marks: []mark{
					markAt(chartLabels, l.Cost.Median/cost, hundredths(l.Cost.Median)),
					markAt(second, l.Rate.Median/rate, hundredths(l.Rate.Median/1e6)),
				},
			})
		}
		if len(g.Bars) > 0 {
			c.Groups = append(c.Groups, g)
			y += groupGap + len(g.Bars)*barPitch
		}
	}
	c.Height = y + 44
	return c
}

// highest is what the longest bar of each panel stands for.
func highest(all []line) (cost, rate float64) {
	for _, l := range all {
		if l.Name != nameFramed {
			cost, rate = max(cost, l.Cost.Median), max(rate, l.Rate.Median)
		}
	}
	return cost, rate
}

func markAt(x int, share float64, label string) mark {
	width := max(1, int(share*panelWidth))
	return mark{X: x, Width: width, LabelX: x + width + 6, Label: label}
}
