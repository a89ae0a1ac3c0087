package model

import "cmp"

// Kind is what docs/delivery.md has a column for.
type Kind string

// The kinds of sources.
const (
	Core      Kind = "core NATS"
	Jet       Kind = "JetStream"
	Kafka     Kind = "Kafka"
	KafkaOnce Kind = "Kafka, exactly_once"
)

// Source is one input with the table that its records go to, and no others'.
type Source struct {
	Name string
	Kind Kind
	// Window tells that the table recognises an insert that is repeated.
	Window bool
	// Ordered tells that the output has preserve_order.
	Ordered bool
	// Held is how many records of a source that delivers nothing again a bridge may
	// hold: in its buffer, its batches and the queue of its subscription.
	Held int64
}

// Outcome is what a publisher knows of a record.
type Outcome string

// The outcomes of publishing.
const (
	Acked   Outcome = "acknowledged" // the server has it
	Refused Outcome = "refused"      // it was never sent, or the server said no
	Unknown Outcome = "unknown"      // an error after it was sent
)

// Record is one record as its publisher knows it. Records of a part are numbered
// from 1 in the order in which they were sent.
type Record struct {
	Part    int     // partition or subject
	Seq     int64   // within the part
	Size    int     // bytes of its padding
	Poison  bool    // does not fit its table
	Outcome Outcome //
	// Position is the offset in the partition, or the sequence in the stream; -1 where
	// it is not known. Epoch counts how often topic or stream had been made anew.
	Position int64
	Epoch    int
}

// Key is what a record is found by.
type Key struct {
	Part int
	Seq  int64
}

// compare sorts by part and sequence.
func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Part, o.Part), cmp.Compare(k.Seq, o.Seq))
}

// Row is what the table has of a record, in the order in which it was inserted.
type Row struct {
	Part int
	Seq  int64
	Size int
}

// Letter is what the dead letters have of a record.
type Letter struct {
	Part int
	Seq  int64
	// Whole tells that its bytes are those that were published.
	Whole bool
}

// Observed is what was found of a source in the end.
type Observed struct {
	Rows    []Row
	Letters []Letter
	// Torn is how many rows hold other bytes than were published.
	Torn int64
	// Lives are the processes that ran, in their order.
	Lives []Life
}
