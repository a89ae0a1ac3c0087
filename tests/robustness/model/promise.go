package model

import "slices"

// InTransit is how many records may be between a NATS server and its subscriber when
// their connection breaks: core NATS sends them once.
const InTransit = 1000

// repeats tells whether a record of the source may be stored twice, by docs/delivery.md.
func repeats(s Source, rec Record, events []Event) bool {
	for _, e := range events {
		if e.What == ConsumerGone && shared(s, e, events) {
			e.Reach = withoutFloor(e.Reach)
		}
		if !e.reaches(s, rec) {
			continue
		}
		if s.Kind != KafkaOnce && (redelivers(s, e, events) || lostInFlight(s, e, rec)) {
			return true
		}
		if !s.Window && e.What == StoreBroken { // the outcome of an insert is unknown
			return true
		}
	}
	return false
}

// shared tells whether a consumer that is gone had delivered to others, or to a
// connection that broke. The one that takes its place then begins behind the last floor
// that the bridge has seen, which is some seconds old.
func shared(s Source, gone Event, events []Event) bool {
	return slices.ContainsFunc(events, func(e Event) bool {
		switch e.What {
		case BridgeKilled, BridgeEnded, Rebalanced, SourceBroken:
			return e.touches(s) && e.Begin <= gone.End
		}
		return false
	})
}

func withoutFloor(reach map[string]Reach) map[string]Reach {
	free := make(map[string]Reach, len(reach))
	for source, r := range reach {
		r.Floor = nil
		free[source] = r
	}
	return free
}

// redelivers tells whether the source may deliver records a second time that were
// settled, because of an event.
func redelivers(s Source, e Event, events []Event) bool {
	if s.Kind == Core || !e.touches(s) {
		return false
	}
	switch e.What {
	case BridgeKilled, Rebalanced:
		return true
	case Remade, ConsumerGone: // a consumer that is made anew begins at the first that is not settled
		return s.Kind == Jet
	case BridgeEnded: // by force, or without a source to tell what is settled
		return e.ExitCode != 0 || during(e, events, func(o Event) bool { return o.What == SourceBroken && o.touches(s) })
	case SourceBroken: // what is in flight gets two seconds, and may need more
		return s.Kind != Jet && during(e, events, func(o Event) bool {
			return o.What == StoreBroken || o.What == StoreRefuses || o.What == BridgeFrozen
		})
	}
	return false
}

// lostInFlight tells whether a record was in flight when the member of a Kafka group may
// have lost its partitions: it has two seconds to be settled, which may be too short.
func lostInFlight(s Source, e Event, rec Record) bool {
	return s.Kind == Kafka && e.What == SourceBroken && e.touches(s) && e.Reach[s.Name].inFlight(rec)
}

// during tells whether there was an event of a kind while another one lasted.
func during(e Event, events []Event, is func(Event) bool) bool {
	return slices.ContainsFunc(events, func(o Event) bool { return is(o) && o.overlaps(e) })
}

// repeatsLetters tells whether a dead letter may be there twice.
func repeatsLetters(s Source, rec Record, events []Event) bool {
	s.Window = true // no token stands for a dead letter
	if s.Kind == KafkaOnce {
		s.Kind = Kafka
	}
	return repeats(s, rec, events)
}

// ordered tells whether records of a part are promised to be stored, each for the
// first time, in the order in which they were published.
func ordered(s Source, events []Event) bool {
	if !s.Ordered {
		return false
	}
	for _, e := range events {
		switch {
		case !e.touches(s):
		case e.What == Rebalanced: // two inputs, which are in no order
			return false
		case s.Kind != Core && e.What == Remade:
			return false
		case s.Kind == Jet && (e.What == SourceBroken || redelivers(s, e, events)): // what the link lost comes again, later
			return false
		}
	}
	return true
}

// unheard are the spans of a core NATS source in which records may be lost that
// nobody counts.
func unheard(s Source, events []Event) (spans []Span) {
	for _, e := range events {
		span, ok := e.Spans[s.Name]
		if !ok || !e.touches(s) {
			continue
		}
		switch e.What {
		case BridgeKilled:
			span.Before -= s.Held
		case BridgeEnded:
			if e.Paused || e.ExitCode != 0 { // what it discards last, /health does not tell any more
				span.Before -= s.Held
			}
		case SourceBroken:
			span.Before = unread(s, e, events) - InTransit
		case Left:
		default:
			continue
		}
		spans = append(spans, span)
	}
	return spans
}

// unread is what had been published when the bridge last took something from a
// connection that broke: earlier than that, where it stood still meanwhile.
func unread(s Source, broken Event, events []Event) int64 {
	before := broken.Spans[s.Name].Before
	for _, e := range events {
		if frozen, ok := e.Spans[s.Name]; ok && e.What == BridgeFrozen && e.overlaps(broken) {
			before = min(before, frozen.Before)
		}
	}
	return before
}

// gone tells whether the source itself has deleted the record.
func gone(s Source, r Record, events []Event) bool {
	for _, e := range events {
		if !e.touches(s) {
			continue
		}
		switch e.What {
		case Remade:
			if r.Epoch <= e.Epoch {
				return true
			}
		case Trimmed:
			if r.Epoch == e.Epoch && (s.Kind == Jet || r.Part == e.Part) && r.Position < e.Position {
				return true
			}
		}
	}
	return false
}

// counters tells whether the figures of all lives are known to the last record.
func counters(lives []Life) bool { return len(lives) == 1 && lives[0].Ending == Running }
