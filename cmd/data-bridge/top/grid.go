package top

import (
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// column is one of a table; where there is no room the ones of the highest rank are
// left out first.
type column struct {
	title string
	rank  int
	left  bool // its cells begin at the left
}

type cell struct {
	text string // clean
	tone tone
}

// grid draws a table as far as there is room for its columns.
func (v view) grid(columns []column, rows [][]cell) []string {
	const gap = 2
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = ansi.StringWidth(c.title)
		for _, row := range rows {
			widths[i] = max(widths[i], ansi.StringWidth(row[i].text))
		}
	}
	all := make([]bool, len(columns))
	room := v.width + gap
	for rank := 0; rank < len(columns); rank++ {
		for i, c := range columns {
			if c.rank == rank && (room >= widths[i]+gap || i == 0) {
				all[i] = true
				room -= widths[i] + gap
			}
		}
	}
	line := func(text func(i int) cell) string {
		var parts []string
		for i, c := range columns {
			if !all[i] {
				continue
			}
			one := text(i)
			space := strings.Repeat(" ", max(0, widths[i]-ansi.StringWidth(one.text)))
			if c.left {
				parts = append(parts, v.paint(one.tone, one.text)+space)
			} else {
				parts = append(parts, space+v.paint(one.tone, one.text))
			}
		}
		return strings.TrimRight(strings.Join(parts, strings.Repeat(" ", gap)), " ")
	}
	lines := []string{line(func(i int) cell { return cell{columns[i].title, quiet} })}
	for _, row := range rows {
		lines = append(lines, line(func(i int) cell { return row[i] }))
	}
	return lines
}

// figure is a count that is quiet while it is zero.
func figure(n int64, t tone) cell {
	if n == 0 {
		t = quiet
	}
	return cell{count(n), t}
}

func (v view) inputs(one *stream) []string {
	columns := []column{
		{"INPUT", 0, true},
		{"KIND", 7, true},
		{"STATE", 1, true},
		{"RATE/S", 1, false},
		{"RECEIVED", 4, false},
		{"ACCEPTED", 8, false},
		{"DISCARDED", 2, false},
		{"LOST", 3, false},
		{"AT STOPS", 6, false},
		{"BUFFERED", 5, false},
		{"PARTITIONS", 6, false},
		{"LAG", 2, false},
	}
	var rows [][]cell
	for _, name := range sorted(one.health.Inputs) {
		in := one.health.Inputs[name]
		rows = append(rows, []cell{
			{clean(one.label(name)), strong},
			{clean(in.Kind), quiet},
			in.state(),
			{rate(one.rates.Inputs[name].Received), plain},
			figure(in.Received, plain), figure(in.Accepted, plain), figure(in.discarded(), warning), figure(in.Lost, bad), figure(in.AtStop, bad),
			figure(in.Buffered, plain),
			{known(in.Partitions, count), plain},
			{known(in.Lag, count), plain},
		})
	}
	return v.grid(columns, rows)
}

func (in input) state() cell {
	switch {
	case !in.Connected:
		return cell{"disconnected", bad}
	case in.Paused && len(in.PausedBy) > 0 && in.PausedBy[0].Reason == "operator":
		return cell{"paused by an operator", warning}
	case in.Paused:
		return cell{"paused", warning}
	case in.Group == status.GroupJoining:
		return cell{"joining its group", warning}
	case in.Group == status.GroupRebalancing:
		return cell{"rebalancing", warning}
	case in.Yielding:
		return cell{"yielding", good}
	}
	return cell{"running", good}
}

func (v view) tables(one *stream) []string {
	columns := []column{
		{"TABLE", 0, true},
		{"OUTPUT", 9, true},
		{"STATE", 1, true},
		{"RATE/S", 1, false},
		{"ROWS", 5, false},
		{"INSERTS", 8, false},
		{"LATENCY", 2, false},
		{"RETRIES", 7, false},
		{"RETRY ROWS", 3, false},
		{"HELD ROWS", 6, false},
		{"OLDEST", 4, false},
		{"PROC. ERRORS", 6, false},
		{"DEAD LETTERS", 3, false},
	}
	var rows [][]cell
	for _, name := range sorted(one.health.Outputs) {
		out := one.health.Outputs[name]
		for _, of := range sorted(out.Tables) {
			t := out.Tables[of]
			rows = append(rows, []cell{
				{clean(of), strong},
				{clean(one.label(name)), quiet},
				t.state(out),
				{rate(one.rates.Outputs[name].Tables[of]), plain},
				figure(t.Rows, plain), figure(t.Inserts, plain),
				{known(t.Insert, latency), plain},
				figure(t.Retries, warning),
				figure(t.RetryRows, warning), figure(t.Held, warning),
				{known(t.RetryOldest, age), plain},
				figure(t.ProcessorErrors, bad), figure(t.DeadLetters, bad),
			})
		}
	}
	if len(rows) == 0 {
		return []string{v.paint(quiet, "Nothing has been stored yet")}
	}
	return v.grid(columns, rows)
}

// slowInsert is how long an insert may go without an answer before it is told.
const slowInsert = 10 * time.Second

func (t table) state(out output) cell {
	switch {
	case t.RetryQueue > 0:
		return cell{"retrying, attempt " + count(t.RetryAttempts), warning}
	case t.InsertOldest != nil && *t.InsertOldest >= slowInsert.Seconds():
		return cell{"no answer for " + age(*t.InsertOldest), warning}
	case !out.Connected:
		return cell{"disconnected", bad}
	}
	return cell{"connected", good}
}

// mostListed is how many incidents are shown.
const mostListed = 8

func (v view) incidents(one *stream) []string {
	if len(one.incidents) == 0 {
		return nil
	}
	lines := []string{"", v.paint(quiet, "LAST ERRORS")}
	for _, i := range one.incidents[:min(len(one.incidents), mostListed)] {
		way := []string{strings.TrimPrefix(strings.TrimPrefix(i.Component, "output "), "input "), i.Table, i.Column}
		where := strings.Join(slices.DeleteFunc(way, func(name string) bool { return name == "" }), " > ")
		head := clock(i.Last) + "  " + clean(where) + "  " + v.paint(warning, clean(i.Class)) + "  x" + count(i.Count) + "  "
		lines = append(lines, head+clean(i.Message))
	}
	return lines
}

// configured is what the stream is configured with.
func (v view) configured(one *stream) []string {
	var lines []string
	for _, c := range one.config {
		lines = append(lines, "", v.paint(strong, clean(c.name)))
		var rows [][]cell
		for _, pair := range c.pairs {
			rows = append(rows, []cell{{clean(pair[0]), quiet}, {clean(pair[1]), plain}})
		}
		lines = append(lines, v.grid([]column{{"SETTING", 0, true}, {"VALUE", 0, true}}, rows)...)
	}
	return lines
}
