package top

import (
	"fmt"
	"strings"
	"time"
)

// tone is what a figure or a state means: it is a colour where there are colours.
type tone int

const (
	plain tone = iota
	quiet
	good
	warning
	bad
	strong
)

// verdict is what the figures of a stream mean: as the page says it.
type verdict struct {
	state string // healthy, paused or unhealthy
	tone  tone
	title string
	since time.Time // zero when not known
	why   []string
}

func (s *state) judge(one *stream) verdict {
	b := one.health.Metrics.Backpressure
	level, held := one.paused()
	v := verdict{why: append(append([]string(nil), one.health.Reasons...), one.observations(level)...)}
	switch {
	case one.health.Status != "healthy":
		v.state, v.tone, v.title = "unhealthy", bad, "Unhealthy"
		if level != nil {
			v.title, v.since = "Unhealthy, and paused", level.Start
		}
	case level != nil:
		v.state, v.tone, v.title, v.since = "paused", warning, "Paused: the buffer is full", level.Start
		if level.Reason == "bytes" {
			v.title = "Paused: the buffer is heavy"
		}
	case held != nil:
		v.state, v.tone, v.title, v.since = "paused", warning, "Paused by an operator", held.Start
	default:
		v.state, v.tone, v.title, v.since = "healthy", good, "Ready, nothing arrives", s.started
		if one.flowing() {
			v.title = "Data is flowing"
		}
		if b.LastEnd != nil && b.LastEnd.After(v.since) {
			v.since = *b.LastEnd
		}
	}
	return v
}

// paused are the first pause of the buffer that lasts, and the first of an operator.
func (one *stream) paused() (level, held *pause) {
	for i := range one.running {
		p := &one.running[i]
		switch {
		case p.Reason == "operator" && held == nil:
			held = p
		case p.Reason != "operator" && level == nil:
			level = p
		}
	}
	return level, held
}

func (one *stream) received() (n float64) {
	for _, r := range one.rates.Inputs {
		n += r.Received
	}
	return n
}

func (one *stream) stored() (n float64) {
	for _, r := range one.rates.Outputs {
		n += r.Rows
	}
	return n
}

func (one *stream) flowing() bool { return one.received() > 0 || one.stored() > 0 }

func (one *stream) observations(level *pause) (why []string) {
	b := one.health.Metrics.Backpressure
	if away := one.away(); len(away) > 0 && len(one.health.Reasons) == 0 {
		why = append(why, "Not connected: "+strings.Join(away, ", "))
	}
	if level != nil && level.Reason != "bytes" {
		why = append(why, fmt.Sprintf("Sources are not read until the level falls below %s records; that happens by itself", count(b.Resume)))
	}
	var yielding []string
	for _, name := range sorted(one.health.Inputs) {
		if in := one.health.Inputs[name]; in.Yielding && !in.Paused {
			yielding = append(yielding, one.label(name))
		}
	}
	if len(yielding) > 0 {
		why = append(why, "Yielding: "+strings.Join(yielding, ", ")+". What can wait leaves room for what cannot; that is no fault")
	}
	if n := one.discardedRate(); n > 0 {
		why = append(why, fmt.Sprintf("Inputs discard %s records per second, counted", rate(n)))
	}
	if one.gate.PausingOff {
		why = append(why, "Pausing is switched off (enabled: false): a full buffer blocks the inputs instead")
	}
	for _, o := range one.health.Overrides {
		why = append(why, fmt.Sprintf("Changed by an operator until the stream stops: %s is %s, configured is %s", o.Setting, wordOf(o.Current), wordOf(o.Configured)))
	}
	if a := one.health.Alerts; a != nil && a.Error != "" {
		why = append(why, fmt.Sprintf("Alerts are not delivered (%s lost): %s", count(a.Lost), a.Error))
	}
	return why
}

func (one *stream) discardedRate() (n float64) {
	for _, r := range one.rates.Inputs {
		n += r.Discarded
	}
	return n
}

// away are the components that are not connected.
func (one *stream) away() (names []string) {
	for _, name := range sorted(one.health.Inputs) {
		if !one.health.Inputs[name].Connected {
			names = append(names, one.label(name))
		}
	}
	for _, name := range sorted(one.health.Outputs) {
		if !one.health.Outputs[name].Connected {
			names = append(names, one.label(name))
		}
	}
	return names
}
