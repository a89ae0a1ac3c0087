package top

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// What the bridge writes too is written as it writes it.
var (
	count = status.Thousands
	rate  = status.PerSecond
	size  = status.Size
)

// age writes how long something lasts, in seconds, without fractions.
func age(seconds float64) string {
	return status.Lasting(time.Duration(seconds * float64(time.Second)))
}

// clean makes a text of others fit for a terminal: on one line, without what would
// command it.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf):
			return -1
		}
		return r
	}, ansi.Strip(text))
}

func percent(part, all int64) string {
	if all <= 0 {
		return "0%"
	}
	share := 100 * float64(part) / float64(all)
	if share > 0 && share < 1 {
		return "<1%"
	}
	return fmt.Sprintf("%.0f%%", share)
}

// latency writes how long something takes, in seconds: from milliseconds on.
func latency(seconds float64) string {
	switch {
	case seconds >= 10:
		return age(seconds)
	case seconds >= 1:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds > 0 && seconds < 0.001:
		return "<1 ms"
	}
	return fmt.Sprintf("%.0f ms", 1000*seconds)
}

// known writes a figure that may not be there.
func known[T any](v *T, word func(T) string) string {
	if v == nil {
		return "-"
	}
	return word(*v)
}

func clock(at time.Time) string { return at.Local().Format("15:04:05") }

// sparks draws figures as a line of blocks, the last ones, as many as there is room
// for, below a bound.
func sparks(figures []int64, bound int64, width int) string {
	const blocks = "▁▂▃▄▅▆▇█"
	steps := []rune(blocks)
	figures = figures[max(0, len(figures)-width):]
	var line strings.Builder
	for _, n := range figures {
		at := 0
		if bound > 0 && n > 0 {
			at = int(min(int64(len(steps)-1), n*int64(len(steps))/bound))
		}
		line.WriteRune(steps[at])
	}
	return line.String()
}
