package model

import "time"

// What is something that happened and changes what docs/delivery.md promises.
type What string

// What may happen.
const (
	// BridgeKilled is kill -9: what it held is gone, and its counters are.
	BridgeKilled What = "bridge killed"
	// BridgeEnded is SIGTERM, and the end of the process.
	BridgeEnded What = "bridge ended"
	// BridgeFrozen is a process that stands still: it takes nothing from its connections.
	BridgeFrozen What = "bridge frozen"
	// SourceBroken is a connection to the source that broke, or a server of it that did.
	SourceBroken What = "source broken"
	// StoreBroken is the same of ClickHouse: an insert may be of unknown outcome.
	StoreBroken What = "store broken"
	// StoreRefuses is a ClickHouse that answers by exceptions, or not at all, on
	// connections that live.
	StoreRefuses What = "store refuses"
	// Rebalanced is another member of the group that came or went.
	Rebalanced What = "rebalanced"
	// Trimmed is records that the source deleted: those of Part below Position.
	Trimmed What = "trimmed"
	// Remade is a topic or a stream that was deleted and made anew: all that an
	// earlier epoch held is gone.
	Remade What = "remade"
	// ConsumerGone is a durable consumer of JetStream that was deleted: what it had
	// acknowledged is known to nobody but the bridge.
	ConsumerGone What = "consumer gone"
	// Left is a subscription that was given up for a while, as asked.
	Left What = "left"
)

// Span is a range of sequences of the only part of a core NATS source. What was
// published up to Before had reached the server when it began; Until is a record
// that was received after it was over.
type Span struct{ Before, Until int64 }

// Reach is which records of a source that delivers again an event can have had an
// influence on: those that were not acknowledged to the source when it began, and were
// published by the time that the source was heard again.
type Reach struct {
	Epoch int
	// Floor is the first position that was not acknowledged, by part; of JetStream that
	// of the part AllParts. A part without one has no such bound.
	Floor map[int]int64
	// Last are the last records, by part; nil is no such bound.
	Last []int64
	// Stored are the last records that were stored when it began, by part, as far as
	// that is known.
	Stored []int64
}

// AllParts stands for all parts of a stream, which has one sequence for all of them.
const AllParts = -1

func (r Reach) covers(rec Record) bool {
	if rec.Epoch < r.Epoch {
		return false
	}
	for _, part := range []int{rec.Part, AllParts} {
		floor, known := r.Floor[part]
		if known && rec.Epoch == r.Epoch && rec.Position >= 0 && rec.Position < floor {
			return false
		}
	}
	return rec.Part >= len(r.Last) || rec.Seq <= r.Last[rec.Part]
}

// inFlight tells whether a record was not stored yet, as far as one knows.
func (r Reach) inFlight(rec Record) bool {
	return rec.Part < len(r.Stored) && rec.Seq > r.Stored[rec.Part]
}

// Event is one thing that happened.
type Event struct {
	What   What
	Source string // the name of the only source that it touches; empty for all
	// Begin and End are since the start of the run.
	Begin, End time.Duration
	// Spans are those of the core NATS sources that were there, by name.
	Spans map[string]Span
	// Reach is which records it can have had an influence on, by source.
	Reach map[string]Reach
	// Paused tells, of the end of a bridge, that an input was paused or the buffer full.
	Paused bool
	// ExitCode is that of a bridge that ended.
	ExitCode int

	Part     int   // of Trimmed
	Position int64 // of Trimmed: the first that is left
	Epoch    int   // of Trimmed and Remade: the one that it happened to
}

func (e Event) touches(s Source) bool { return e.Source == "" || e.Source == s.Name }

// reaches tells whether the event can be why a record of the source is there twice.
func (e Event) reaches(s Source, rec Record) bool {
	reach, known := e.Reach[s.Name]
	return !known || reach.covers(rec)
}

func (e Event) overlaps(o Event) bool { return e.Begin <= o.End && o.Begin <= e.End }

// Counters are the figures of one source in /health: of its input, and of its table.
type Counters struct {
	Received, Accepted              int64
	Dropped, Conflated              int64
	SlowConsumer                    int64
	RecordsLost, LostAtStop         int64
	Rows, Deduplicated, DeadLetters int64
	// Held is what is accepted and not settled.
	Held int64
}

// Discarded is what was received, not passed on, and counted.
func (c Counters) Discarded() int64 { return c.Dropped + c.Conflated + c.SlowConsumer }

// Ending is how a process ended.
type Ending string

// The endings.
const (
	Running Ending = "running" // it was asked when all was settled, and ended after that
	Ended   Ending = "ended"   // by SIGTERM; its last figures may be missing
	Killed  Ending = "killed"  // and its last figures with it
)

// Life is one process of the bridge, and the last figures that it gave for a source.
type Life struct {
	Ending   Ending
	Counters Counters
}
