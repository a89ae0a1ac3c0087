// Package plugins is the architecture page of data-bridge; the code is in the
// packages below it.
//
// # Picture
//
//	NATS core ──▶ pausable_nats ───────────┐
//	JetStream ──▶ pausable_nats_jetstream ─┤ acks      ┌──────────────┐ batches ┌────────────┐ columns
//	Kafka ──────▶ pausable_kafka ──────────┼──────────▶│ backpressure │────────▶│ clickhouse │────────▶ ClickHouse
//	                   ▲  ▲  ▲             │           │    buffer    │◀────────│   output   │──▶ dead_letter (any output)
//	                   │  │  │ pause/resume │           └──────┬───────┘  acks   └─────┬──────┘
//	                   └──┴──┴──────────── gate ◀── level ─────┘                       │
//	                                        └─ page, /health, metrics, heartbeat ◀─────┘
//
// A record is accepted when the buffer takes it and settled when ClickHouse, or
// the dead-letter output, has it. The level is accepted minus settled. Only
// settling frees room, and only settling acknowledges the source.
//
// # Where things are
//
//	frame/         many records in one message, and the unframe processor
//	gate/          the hysteresis gate of a stream, and how its parts find it
//	position/      where a record stands in its source: for dead letters and deduplication
//	status/        the figures of a stream, their history, what they mean, its pauses, /health and its listener
//	status/page/   the live page, plain files that the binary serves, and /events behind it
//	reading/       notices that the host reads an input no more, which it does not say
//	topology/      what stands between inputs and output, and what is wrong with it
//	checkup/       how components examine their servers for data-bridge doctor
//	deadletter/    the output dead_letter_file, and what its lines are
//	backpressure/  the buffer: bound, batches, acknowledgements, retries, heartbeat
//	nats/          pausable_nats and pausable_nats_jetstream: connection, sessions, what is held
//	kafka/         pausable_kafka: client, poll loop, checkpoint of each partition
//	clickhouse/    the output: configuration, delivery by table, tokens, dead letters, doctor's checks
//	  lane/        the retry queue of a table: order, back-off, what leaves together, slots
//	  server/      replicas, breakers, connections, schemas, windows, one INSERT, error classes
//	  record/      records to blocks: what all formats share; json/ is the one there is
//	  column/      typed columns in ClickHouse's Native layout, filled value by value
//	network/       what stands in for TCP where a stream is simulated
//	simulation/    whole streams in virtual time, with faults by seed: tests only
//	inputtest/     what a pausable input promises, and the suite that all of them pass
//	all/           blank imports of the above: the one line a third party needs
//	prometheus/    the metrics exporter: names, units and meaning of every series
//
// Imports point one way: cmd → all → {backpressure, nats, kafka, clickhouse, deadletter} →
// reading → {checkup, frame, gate, position, status, topology} → the standard library or Benthos' public API. Plugins
// never import each other. Inside the output: clickhouse → {lane, server, record/json}, record/json →
// record → column, server → column; of these only clickhouse knows Benthos, and only server a driver. cmd imports prometheus by itself: a build of Redpanda Connect has
// an exporter of that name already.
//
// # Decisions
//
//   - One gate for each stream, found by itself through the host's shared
//     resources, keyed by stream id. Get-or-create, so the order of construction
//     does not matter; registrations are tokens, so a reload that overlaps
//     cannot remove somebody else's. A pause is held by reasons and ends when
//     none is left. An operator holds single inputs on top, by label: an input
//     fetches when neither the gate nor its label is held.
//   - Sources that can wait take a turn at the gate for each batch, and so stay
//     below a mark of their own while the output keeps up: a backlog costs no fresh
//     data. See package gate for the rule.
//   - What an operator changes while a stream runs (thresholds, the emergency switch) is
//     the configuration with other values of a few fields, made and checked by the code
//     that makes it at the start. Buffer and gate read it through one pointer each, which
//     is exchanged under the buffer's lock; nothing of it is kept.
//   - Alerts are looked for once a second by the heartbeat, and brought to their output by
//     a goroutine with a bounded queue: they cost nothing where records pass.
//   - The buffer acknowledges through. It holds each source's acknowledgement
//     until every record is settled, and never passes a nack up while it can
//     retry. Close nacks everything unsettled, what the output still has
//     included: the host delivers no acknowledgement after a forced stop.
//   - Batches are formed in one place, the buffer, each of records of one input,
//     which go to one table as a rule: an insert is large for its table. The
//     output's own batching stays empty; deliveries of a table that wait for a slot
//     join there, so that inserts grow with the backlog.
//   - The output owns failure: retryable or permanent is decided in one
//     function, server.Classify; bad rows are isolated and go to dead_letter, a
//     required field, because every default would be wrong. A table most of whose
//     rows are bad waits instead: then it is not the rows.
//   - What an insert of unknown outcome held is sent again unchanged, under the same
//     token, until it is settled: nothing joins it, nothing parts it, and a batch
//     that comes back to the output from the buffer is known again by the name of
//     its flight (position.NewFlight).
//   - Exactly once, from Kafka and on request: the input makes chunks of each
//     partition and announces in the group's commits where they end, before it
//     delivers them; it alone makes commits then, one at a time. A chunk is
//     sealed (see position.Sealed): the buffer passes it on as it is, the output
//     stores it by inserts of its own, whose tokens are made of positions and
//     bytes. Whoever goes on after a crash reads the announcements and forms the
//     same chunks, so that the server recognises what it has already.
//     What the group's commit is to say of a partition is its intent's matter: the
//     answers to a commit are judged partition by partition, and none waits for another.
//   - Most of the host's cost is per message, so an input may put many records in
//     one (a frame). Everything counts records: the level, the figures, dead
//     letters, tokens. Only processors, and what chooses by content, see messages,
//     and are refused where they would see frames.
//   - What takes a whole configuration to see is decided in one place, the topology of
//     a stream: whether the buffer passes originals, what would see frames, what would
//     cut chunks anew, which gate is whose. Lint makes it of a file. What is run is
//     judged when the host builds it, be that the first time, after a reload or for the
//     HTTP API of streams mode: the binary stands before the host's constructors
//     (topology.Watch), since no hook of the host sees what is loaded later. Each
//     generation of a stream has its own.
//   - JSON bytes are decoded straight into typed columns, which go to the wire as
//     they are: a block is encoded once. A format whose values are no text hands them
//     over typed. A value that does not
//     fit is an error with row, column and value, never a default or a clip.
//   - Metrics go through the host, so that any exporter may show them; a call costs
//     more than a record. So everything is counted with atomics on the board, which
//     the buffer's heartbeat publishes once a second, or per insert; the edges of
//     pauses are published at once.
//   - The live page costs nothing where records pass. One goroutine of the status
//     listener reads the counters once a second; that makes the rates and the
//     last hour, in a ring of 115 kB for each stream. What went wrong is remembered
//     in a bounded list of words that never hold a record's content. The page
//     only shows: it operates nothing.
//
// # Lock order
//
// The buffer's lock, then the gate's, then what an input's Pause, Resume or
// Drain takes. Callbacks of the gate never call the buffer or the gate, never
// block, and are called one at a time. The gate's turns, its registry and the
// status board have leaf locks only.
//
// # Not obvious
//
//   - EndOfInput is no flush signal: with acknowledgements held, the host calls
//     it only when every one of them is resolved. Batches leave by count, by
//     period, when the gate drains, when the host stops all inputs that are joined,
//     or when the gate is closed, or an input yields, and nothing is in flight.
//   - An input that the host stops does not know whether the stream stops: a sequence
//     goes on with its next one, a dynamic input puts another one there. So it is
//     drained alone; the gate drains at the signal and at the end of all inputs.
//   - Acknowledgements reach the buffer from many goroutines and out of order.
//   - A batch that an input returns after its context was cancelled is dropped
//     by the host without a word. Core NATS cannot redeliver: the binary drains
//     the gates at the signal, ahead of the host's stop (shutdown_delay), and
//     inputs end by themselves.
//   - Constructors have no effects: the host may build components that it never
//     closes. Things start at the first call.
//   - A commit that was begun before a member lost its partitions must not be sent
//     after it has joined again: the broker would take it for one of the new member,
//     and it would take the new owner's offset back.
//   - ReadBatch hands out shallow copies: a processor may change what it is
//     given, and a retry must start from the original. Where the topology says that
//     there is nothing behind it but our output, the originals go out.
//   - Lint rules are parsed when a spec is built, in init. Rules of list fields
//     are applied to the items as well.
package plugins
