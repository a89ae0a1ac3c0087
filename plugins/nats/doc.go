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
// Locks: gate, then coreInput.mu, then hold.mu. The callbacks of nats.go take
// only hold.mu.
package nats
