package faults

import (
	"maps"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// Timeline is what has happened. It is used from one goroutine.
type Timeline struct {
	// Sent is the last record that the server has for certain, of each source of
	// core NATS.
	Sent func() map[string]int64
	// Reach is what the sources that deliver again have not been told to be settled, as
	// far as it can be known now.
	Reach func() map[string]model.Reach
	// Last are the last records of a source, by part.
	Last func(source string) []int64

	start  time.Time
	events []*open
	fault  string // that happens now
}

// open is an event, which lasts until its fault ends and whose spans reach until the
// sources are heard again.
type open struct {
	model.Event
	fault string // empty when that is over
	heard bool
}

// never is the end of what is not over.
const never = time.Duration(1<<63 - 1)

// NewTimeline begins now.
func NewTimeline() *Timeline { return &Timeline{start: time.Now()} }

func (t *Timeline) begin(what model.What, source string) *model.Event {
	e := &open{Event: model.Event{What: what, Source: source, Begin: time.Since(t.start), End: never}, fault: t.fault}
	e.Spans, e.Reach = map[string]model.Span{}, t.Reach()
	for name, sent := range t.Sent() {
		e.Spans[name] = model.Span{Before: sent, Until: 1<<63 - 1}
	}
	t.events = append(t.events, e)
	return &e.Event
}

// end tells that a fault is over.
func (t *Timeline) end(fault string) {
	for _, e := range t.events {
		if e.fault == fault {
			e.End, e.fault = time.Since(t.start), ""
		}
	}
}

// Heard tells of each source of core NATS a record that was received after all that
// has happened so far was over.
func (t *Timeline) Heard(record map[string]int64) {
	for _, e := range t.events {
		if e.heard || e.fault != "" {
			continue
		}
		e.heard = true
		for name, seq := range record {
			e.Spans[name] = model.Span{Before: e.Spans[name].Before, Until: seq}
		}
		for source, reach := range e.Reach {
			reach.Last = t.Last(source)
			e.Reach[source] = reach
		}
	}
}

// Events are all that have happened.
func (t *Timeline) Events() (events []model.Event) {
	for _, e := range t.events {
		one := e.Event
		one.Spans, one.Reach = maps.Clone(one.Spans), maps.Clone(one.Reach)
		events = append(events, one)
	}
	return events
}
