package model

// InTransit is how many records may be between a NATS server and its subscriber when
// their connection breaks: core NATS sends them once.
const InTransit = 1000

// repeats is why records of the source may be stored twice, by docs/delivery.md;
// empty where they may not.
func repeats(s Source, events []Event) string {
	if s.Kind != KafkaOnce {
		for _, e := range events {
			if why := delivered(s, e, events); why != "" {
				return why
			}
		}
	}
	if !s.Window {
		for _, e := range events {
			if e.What == StoreBroken {
				return "an insert of unknown outcome, and a table without a window"
			}
		}
	}
	return ""
}

// delivered is why the source may deliver a record a second time that was settled.
func delivered(s Source, e Event, events []Event) string {
	if s.Kind == Core || !e.touches(s) {
		return ""
	}
	switch e.What {
	case BridgeKilled, Rebalanced:
		return string(e.What)
	case Remade:
		if s.Kind == Jet {
			return "a stream that was set back"
		}
	case BridgeEnded:
		if e.ExitCode != 0 {
			return "a bridge that ended with records unsettled"
		}
		for _, o := range events {
			if o.What == SourceBroken && o.touches(s) && o.overlaps(e) {
				return "a bridge that ended without its source"
			}
		}
	}
	return ""
}

// repeatsLetters is why dead letters may be there twice.
func repeatsLetters(s Source, events []Event) string {
	s.Kind, s.Window = letterKind(s.Kind), true // no token stands for a dead letter
	return repeats(s, events)
}

func letterKind(k Kind) Kind {
	if k == KafkaOnce {
		return Kafka
	}
	return k
}

// ordered tells whether records of a part are promised to be stored, each for the
// first time, in the order in which they were published.
func ordered(s Source, events []Event) bool {
	if !s.Ordered {
		return false
	}
	for _, e := range events {
		if s.Kind == Core || !e.touches(s) {
			continue
		}
		if e.What == Rebalanced || e.What == Remade || (s.Kind == Jet && delivered(s, e, events) != "") {
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
