// Package nats brings NATS messages into a stream as inputs that can be paused.
//
// The input pausable_nats subscribes to subjects of core NATS. Core NATS keeps
// nothing for a subscriber that does not read, so a pause means: stay
// subscribed, discard what arrives or keep the newest of each key, and count.
//
// The way of a message, and who counts it:
//
//	server ─▶ nats.go's pending queue ─▶ hold ─▶ ReadBatch ─▶ buffer
//	  received      slow consumer   dropped, conflated    handed over
//
// The pending queue is bounded by pending_limits; the hold by batch.count and
// batch.byte_size; what a pause keeps, which leaves the hold first, by conflate.
// When the hold is full its callbacks wait, the pending queue fills, and beyond its
// limits nats.go discards: the only loss that is not a pause, and it is counted.
// At any moment
//
//	received = handed over + dropped + conflated + slow consumer + what is still queued
//
// because received is what the connection itself counted on the wire and the
// other figures are counted where they happen; see tally.
//
// The input pausable_nats_jetstream pulls from a durable consumer. The server
// keeps what is not asked for, so a pause means: ask for nothing. The parts, by
// file:
//
//	session   asks, over a connection; keeps what is held alive; looks for the
//	          consumer when it does not answer, or stands where nothing comes (reset)
//	watch     looks where the consumer stands: lag, ack floor, settings
//	intake    takes in what comes, and hands it out in batches; its requests
//	          (one at a time, for no more than there is room for) are beside it
//	ledger    knows every message until the server has confirmed that it is
//	          settled: none is passed on twice, none acknowledged too soon. By
//	          sequence in a map, and by when the server must hear of it in a heap (due)
//	receipts  are the acknowledgements that the server has not confirmed
//
// Locks: gate, then coreInput.mu or jetInput.mu, then hold.mu or intake.mu. The callbacks
// of nats.go take only the last.
package nats
