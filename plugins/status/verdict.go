package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The states of a stream.
const (
	StateHealthy   = "healthy"
	StatePaused    = "paused"    // by the buffer, or by an operator
	StateUnhealthy = "unhealthy" // GET /health answers 503
)

// Verdict is what the figures of a stream mean, in words for people. The live page and
// `data-bridge top` show it as it is.
type Verdict struct {
	// State is that of Health: StateHealthy, StatePaused or StateUnhealthy.
	State string `json:"state"`
	// Title says it in a few words.
	Title string `json:"title"`
	// Since is since when; null where that is not known.
	Since *Time `json:"since"`
	// Why are sentences: the reasons of Health, then what else there is to know.
	Why []string `json:"why"`
	// Stalled is for how long nothing has been stored while records are held; null below
	// ten seconds.
	Stalled *Age `json:"stalled_seconds"`
}

// stalledAfter is how long nothing may be stored before it is worth a word.
const stalledAfter = 10 * time.Second

// facts are what a verdict is made of, of one stream at one moment.
type facts struct {
	stream  string    // its id
	started time.Time // when the process began to count
	resumed time.Time // when a pause ended last; zero when none did
	health  Health
	gate    GateUpdate
	rates   Rates
	stalled time.Duration // for how long nothing has been settled that is held
}

// verdict says what an update means.
func (b *Board) verdict(u StreamUpdate, started time.Time) Verdict {
	all := facts{
		stream: u.ID, started: started, resumed: b.pauses.lastEnd(),
		health: u.Health, gate: u.Gate, rates: u.Rates,
	}
	if u.Health.Metrics.Backpressure.CurrentBuffer > 0 {
		all.stalled = b.history.stalled(time.Now())
	}
	return all.verdict()
}

func (f *facts) verdict() Verdict {
	level, held := f.pauses()
	v := Verdict{State: f.health.State}
	switch {
	case v.State == StateUnhealthy && level != nil:
		v.Title, v.Since = "Unhealthy, and paused", latest(nil, level.Start)
	case v.State == StateUnhealthy:
		v.Title = "Unhealthy"
	case level != nil && level.Reason == ReasonBytes:
		v.Title, v.Since = "Paused: the buffer is heavy", latest(nil, level.Start)
	case level != nil:
		v.Title, v.Since = "Paused: the buffer is full", latest(nil, level.Start)
	case held != nil:
		v.Title, v.Since = "Paused by an operator", latest(nil, held.Start)
	default:
		v.Title, v.Since = "Ready, nothing arrives", latest(latest(nil, f.started), f.resumed)
		if f.flowing() {
			v.Title = "Data is flowing"
		}
	}
	if f.stalled >= stalledAfter {
		v.Stalled = (*Age)(&f.stalled)
	}
	v.Why = append(append([]string{}, f.health.Reasons...), f.observations(level)...)
	return v
}

// pauses are the first pause of the buffer that lasts, and the first of an operator.
func (f *facts) pauses() (level, held *Pause) {
	for i := range f.health.lasting {
		p := &f.health.lasting[i]
		switch {
		case p.Reason == ReasonOperator && held == nil:
			held = p
		case p.Reason != ReasonOperator && level == nil:
			level = p
		}
	}
	if b := f.health.Metrics.Backpressure; level == nil && b.Active && b.LastPause != nil { // it has just begun
		level = &Pause{Reason: ReasonLevel, Start: time.Time(*b.LastPause)}
	}
	return level, held
}

func (f *facts) flowing() bool {
	for _, r := range f.rates.Inputs {
		if r.Received > 0 {
			return true
		}
	}
	for _, r := range f.rates.Outputs {
		if r.Rows > 0 {
			return true
		}
	}
	return false
}

// observations are what the reasons of Health do not say.
func (f *facts) observations(level *Pause) (why []string) {
	say := func(ok bool, format string, args ...any) {
		if ok {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	b := f.health.Metrics.Backpressure
	away := append(f.inputs(func(in InputHealth) bool { return !in.Connected }), f.outputsAway()...)
	say(len(away) > 0 && len(f.health.Reasons) == 0, "Not connected: %s.", strings.Join(away, ", "))
	if level != nil {
		below := Thousands(b.ResumeThreshold) + " records"
		if level.Reason == ReasonBytes {
			below = Size(f.gate.ResumeBytes)
		}
		say(true, "Sources are not read until the level falls below %s; that happens by itself.", below)
	}
	yielding := f.inputs(func(in InputHealth) bool { return in.Yielding && !in.Paused })
	say(len(yielding) > 0, "Yielding: %s. What can wait leaves room for what cannot; that is no fault.", strings.Join(yielding, ", "))
	held := f.inputs(InputHealth.heldByOperator)
	say(len(held) > 0, "Held by an operator: %s. That ends when somebody resumes them.", strings.Join(held, ", "))
	say(f.stalled >= stalledAfter, "Nothing has been stored for %s while %s records wait: ClickHouse does not answer, or is slow.", Lasting(f.stalled), Thousands(b.CurrentBuffer))
	waiting := "batches wait"
	if f.health.Metrics.RetryQueue == 1 {
		waiting = "batch waits"
	}
	say(f.health.Metrics.RetryQueue > 0, "%s %s to be tried again.", Thousands(f.health.Metrics.RetryQueue), waiting)
	discarded := f.discarded()
	say(discarded > 0, "Inputs discard %s records per second, counted.", PerSecond(discarded))
	why = append(why, f.changes()...)
	if a := f.health.Alerts; a != nil {
		say(a.Error != "", "Alerts are not delivered (%s lost): %s", Thousands(a.Lost), a.Error)
	}
	return why
}

// changes are what an operator has changed, and that pausing is off, whoever wanted it.
func (f *facts) changes() (why []string) {
	by := ""
	for _, o := range f.health.Overrides {
		if o.Setting == "enabled" && f.gate.PausingOff {
			by = " by an operator, until the stream stops"
			continue
		}
		why = append(why, fmt.Sprintf("Changed by an operator until the stream stops: %s is %s, configured is %s.", o.Setting, wordOf(o.Current), wordOf(o.Configured)))
	}
	if f.gate.PausingOff {
		why = slices.Insert(why, 0, fmt.Sprintf("Pausing is switched off (enabled: false)%s: a full buffer blocks the inputs instead.", by))
	}
	return why
}

// wordOf writes the value of a setting.
func wordOf(value any) string {
	switch n := value.(type) {
	case int:
		return Thousands(int64(n))
	case int64:
		return Thousands(n)
	}
	return fmt.Sprint(value)
}

func (in InputHealth) heldByOperator() bool {
	return slices.ContainsFunc(in.PausedBy, func(h Holder) bool { return h.Reason == ReasonOperator })
}

// inputs are the labels of those inputs that match, in their order.
func (f *facts) inputs(match func(InputHealth) bool) (labels []string) {
	for _, name := range slices.Sorted(maps.Keys(f.health.Inputs)) {
		if match(f.health.Inputs[name]) {
			labels = append(labels, f.label(name))
		}
	}
	return labels
}

func (f *facts) outputsAway() (labels []string) {
	for _, name := range slices.Sorted(maps.Keys(f.health.Outputs)) {
		if !f.health.Outputs[name].Connected {
			labels = append(labels, f.label(name))
		}
	}
	return labels
}

// label is how an input or an output is called within its stream.
func (f *facts) label(name string) string {
	return strings.TrimPrefix(name, Figures{Stream: f.stream}.prefix())
}

// discarded is the rate at which the inputs discard, in records per second.
func (f *facts) discarded() (n float64) {
	for _, r := range f.rates.Inputs {
		n += r.Discarded
	}
	return n
}
