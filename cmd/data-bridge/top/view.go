package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// view draws a state as lines of at most so many cells.
type view struct {
	width int
	plain bool      // without colours
	now   time.Time // by the clock of the bridge
}

var paints = map[tone]string{quiet: "2", good: "32", warning: "33", bad: "31", strong: "1"}

// paint colours a text that is clean already.
func (v view) paint(t tone, text string) string {
	if v.plain || paints[t] == "" || text == "" {
		return text
	}
	return "\x1b[" + paints[t] + "m" + text + "\x1b[0m"
}

// fit cuts lines off where the terminal ends.
func (v view) fit(lines []string) []string {
	for i, line := range lines {
		lines[i] = strings.TrimRight(ansi.Truncate(line, v.width, "…"), " ")
	}
	return lines
}

// once is everything, or what is shown alone.
func (v view) once(s *state, one bool) []string {
	lines := v.head(s)
	switch shown := s.shown(); {
	case shown == nil:
		lines = append(lines, "", "No stream is running")
	case one:
		lines = append(lines, v.stream(shown)...)
	default:
		for _, each := range s.streams {
			lines = append(lines, v.stream(each)...)
		}
	}
	return v.fit(lines)
}

// head says which bridge this is.
func (v view) head(s *state) []string {
	name := v.paint(strong, "data-bridge")
	if s.version != "" {
		name += " " + clean(s.version)
	}
	if s.host != "" {
		name += " on " + clean(s.host)
	}
	return []string{fmt.Sprintf("%s, up %s, %s", name, age(v.now.Sub(s.started).Seconds()), clock(v.now))}
}

// tabs are the streams with their states, where there are several.
func (v view) tabs(s *state) []string {
	if len(s.streams) < 2 {
		return nil
	}
	var words []string
	for _, one := range s.streams {
		word := v.paint(one.verdict.tone(), clean(one.name()+": "+one.verdict.State))
		if one == s.shown() {
			word = "[" + word + "]"
		}
		words = append(words, word)
	}
	return v.fit([]string{strings.Join(words, "  ")})
}

// stream is all that is shown of one.
func (v view) stream(one *stream) []string {
	lines := append([]string{""}, v.verdict(one)...)
	lines = append(lines, "")
	lines = append(lines, v.gauges(one)...)
	lines = append(lines, v.totals(one)...)
	lines = append(lines, "")
	lines = append(lines, v.inputs(one)...)
	lines = append(lines, "")
	lines = append(lines, v.tables(one)...)
	return append(lines, v.incidents(one)...)
}

func (v view) verdict(one *stream) []string {
	verdict := one.verdict
	title := verdict.Title
	if !strings.HasPrefix(strings.ToLower(title), verdict.State) {
		title = strings.ToUpper(verdict.State[:1]) + verdict.State[1:] + ": " + title
	}
	line := v.paint(verdict.tone(), clean(title))
	if one.id != "" {
		line = v.paint(strong, clean(one.id)) + "  " + line
	}
	if verdict.Since != nil {
		line += fmt.Sprintf(", since %s, for %s", clock(*verdict.Since), age(v.now.Sub(*verdict.Since).Seconds()))
	}
	lines := []string{line}
	for _, why := range verdict.Why {
		lines = append(lines, v.wrapped("- ", clean(why))...)
	}
	return lines
}

// wrapped breaks a sentence, each line behind a margin.
func (v view) wrapped(margin, text string) []string {
	room := max(20, v.width-len(margin))
	lines := strings.Split(ansi.Wordwrap(text, room, ""), "\n")
	for i := range lines {
		lines[i] = margin + lines[i]
		margin = strings.Repeat(" ", len(margin))
	}
	return lines
}

// gauges are the level against its bounds, and how fast things go.
func (v view) gauges(one *stream) []string {
	b := one.health.Metrics.Backpressure
	insert, _ := one.insert()
	lines := v.flow([]string{
		"Received " + rate(one.received()) + "/s",
		"Stored " + rate(one.stored()) + "/s",
		"Oldest record " + known(b.Oldest, latency),
		"Insert latency " + known(insert, latency),
	})
	level := plain
	if b.Active {
		level = warning
	}
	lines = append(lines,
		v.bar("Level", level, b.Level, b.Max, fmt.Sprintf("%s of %s (%s)", count(b.Level), count(b.Max), percent(b.Level, b.Max))))
	if b.MaxBytes > 0 {
		lines = append(lines, v.bar("Bytes", level, b.Bytes, b.MaxBytes, fmt.Sprintf("%s of %s (%s)", size(b.Bytes), size(b.MaxBytes), percent(b.Bytes, b.MaxBytes))))
	} else {
		lines = append(lines, "Bytes  "+size(b.Bytes)+", not bounded")
	}
	if room := v.width - len("Trend  "); room > 0 && len(one.levels) > 0 {
		lines = append(lines, "Trend  "+v.paint(level, sparks(one.levels, b.Max, min(room, 120))))
	}
	return append(lines, v.paint(quiet, fmt.Sprintf("       pauses above %s, yields at %s, resumes below %s", count(b.Pause), count(b.Yield), count(b.Resume))))
}

// insert is how long inserts take, into the slowest output, and into which.
func (one *stream) insert() (seconds *float64, name string) {
	for _, label := range sorted(one.health.Outputs) {
		if took := one.health.Outputs[label].Insert; took != nil && (seconds == nil || *took > *seconds) {
			seconds, name = took, label
		}
	}
	return seconds, name
}

// bar is a share as a bar, with words behind it.
func (v view) bar(name string, t tone, n, bound int64, words string) string {
	room := min(40, v.width-len(name)-2-2-len("50,000 of 50,000 (100%)"))
	line := fmt.Sprintf("%-5s  ", name)
	if room >= 8 {
		full := 0
		if bound > 0 {
			full = int(min(int64(room), max(0, n*int64(room)/bound)))
		}
		line += v.paint(t, strings.Repeat("█", full)) + v.paint(quiet, strings.Repeat("░", room-full)) + "  "
	}
	return line + words
}

// totals are what waits, what was lost, and what was told.
func (v view) totals(one *stream) []string {
	figure := func(name string, n int64, t tone) string {
		text := name + " " + count(n)
		if n == 0 {
			return text
		}
		return v.paint(t, text)
	}
	var dropped, lost int64
	for _, in := range one.health.Inputs {
		dropped += in.discarded()
		lost += in.Lost
	}
	words := []string{
		figure("Retry rows", one.total(func(o output) int64 { return o.RetryRows }), warning),
		figure("Held rows", one.total(func(o output) int64 { return o.Held }), warning),
		figure("Parked rows", one.total(func(o output) int64 { return o.Parked }), bad),
		figure("Discarded", dropped, warning),
		figure("Lost", lost, bad),
		figure("Lost at stops", one.health.LostAtStop, bad),
		figure("Processor errors", one.total(func(o output) int64 { return o.ProcessorErrors }), bad),
		figure("Dead letters", one.total(func(o output) int64 { return o.DeadLetters }), bad),
	}
	if waiting := one.total(func(o output) int64 { return o.LettersWaiting }); waiting > 0 {
		words = append(words, figure("Dead letters waiting", waiting, bad))
	}
	if a := one.health.Alerts; a != nil {
		t := plain
		if a.Lost > 0 {
			t = bad
		}
		words = append(words, v.paint(t, fmt.Sprintf("Alerts sent %s, waiting %s, lost %s", count(a.Sent), count(a.Waiting), count(a.Lost))))
	}
	if t := one.pauses.Total; t.Count > 0 {
		words = append(words, fmt.Sprintf("Pauses in 24 h %s, %s in all", count(t.Count), age(t.Paused)))
	}
	return append(v.flow(words), v.help(lost, one.health.LostAtStop)...)
}

const runbook = "docs/runbook.md#"

// help says where it stands what to do about losses.
func (v view) help(lost, atStops int64) (lines []string) {
	if lost > 0 {
		lines = append(lines, v.wrapped("  ", "Lost: see "+runbook+"databridgerecordslost")...)
	}
	if atStops > 0 {
		lines = append(lines, v.wrapped("  ", "Lost at stops, of all streams since the process started: see "+runbook+"databridgelostatstop")...)
	}
	return lines
}

// flow puts texts beside each other, in as many lines as it takes.
func (v view) flow(words []string) (lines []string) {
	const gap = "   "
	line := ""
	for _, word := range words {
		switch {
		case line == "":
			line = word
		case ansi.StringWidth(line)+len(gap)+ansi.StringWidth(word) <= v.width:
			line += gap + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
