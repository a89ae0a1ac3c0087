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
//	place     is how far the consumer has gone over the stream: it finds what was
//	          deleted before it was delivered, which loss counts
//	receipts  are the acknowledgements that the server has not confirmed
//
// # Why the pull is written here
//
// nats.go has two ways to pull, and this package uses neither. Measured beside each
// other on one stream of a server in this process (BenchmarkPull: nine rounds of 100,000
// ticks, medians of the CPU time of the process, the server's own included, which is the
// same for all; those of nats.go keep no ledger):
//
//	                       speed for the CPU time    requests     messages that come again after a
//	                       explicit      all         per million  pause longer than ack_wait
//	this package           1             1           125          none
//	Consume                0.96          0.91        200          those that were asked for ahead
//	Fetch, one ahead       0.89          0.91        200          none
//
// Consume asks for more while it hands out what it has. In a pause that waits in its
// channel, where nobody can tell the server that it is being worked on (7,199 messages of
// 7,199 came again), or is thrown away when it is stopped (7,477 of 8,563): see
// TestLongPauseOfTheClientsOwnConsume. Here what a request brings is in our own hands, at
// most pending_limits, and kept alive.
//
// Fetch could be paused as this is. But it subscribes and unsubscribes for each request,
// so that what is late is delivered to nobody and comes again after ack_wait; and it does
// not tell a message that is larger than the bytes asked for from an empty stream
// (TestTheClientsOwnFetchHidesALargeMessage), so that one with a bound in bytes may
// starve in silence, and one without has no bound.
//
// Locks: gate, then coreInput.mu or jetInput.mu, then hold.mu or intake.mu. The callbacks
// of nats.go take only the last.
package nats
