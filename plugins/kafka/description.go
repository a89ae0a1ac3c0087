package kafka

// description is what the reference says of the input as a whole.
const description = `
Joins a consumer group and reads its share of the partitions, in batches; or reads the partitions that ` + "`topics`" + ` names.

== Pause

In a stream with a ` + "`backpressure`" + ` buffer the input is paused while the buffer is high. The member stays in its group and
keeps sending heartbeats, fetching stops, and the position of every partition is kept: after the resume the next record is
the next offset. Partitions that are assigned during a pause start paused.

== Delivery

At least once. An offset is committed when that record and all before it in its partition have been acknowledged; it is
written to the group every ` + "`commit_period`" + `, when a partition is revoked, and when the input is closed. Before a partition is
revoked, what is in flight gets some seconds to be acknowledged, so that its next owner repeats little or nothing.

Where the group has no commit of a partition yet, the offset of the first record is committed before anything of it is
handed out, so that what was read and not stored is read again.

With ` + "`exactly_once`" + ` a crash repeats nothing that the output can see: see below.

Without a group nothing is committed: the position is kept in memory alone, and a restart begins where the config says.

A message that is rejected without a dead letter holds the commits of its partition back for the rest of the session.

== Exactly once

With ` + "`exactly_once`" + ` every record is stored once, whatever crashes and whenever, in a ` + "`clickhouse`" + ` output. The records of a
partition are delivered in chunks, closed by ` + "`batch.count`" + `, ` + "`batch.byte_size`" + ` or ` + "`batch.period`" + `. Before a chunk is delivered, a commit of
the group says where it ends (in the offset's metadata, such as ` + "`data-bridge/1 +5000 +731`" + `), so that after a crash exactly that chunk is
formed again. The buffer passes a chunk on as it is, and the output stores it by an insert of its own, under a
deduplication token that is made of its positions and its bytes: ClickHouse recognises the repetition.

What it takes:

- A table that remembers its inserts: Replicated and Shared tables do, other MergeTree tables with ` + "`non_replicated_deduplication_window`" + `. Engines that
  store elsewhere (Distributed, Buffer, Null, views) do not. The output looks at the table when it connects, if ` + "`table`" + ` is one name, and before
  the first insert in any case; until the table is in order, records wait, and /health says so.
- A window that is large enough. A repetition is recognised as long as not more inserts than the window came in between, by all
  replicas together, and for replicated tables not more time than ` + "`replicated_deduplication_window_seconds`" + `. The output warns of less than 1,000.
- Topics that are named, not found by a regular expression, and not compacted, and brokers that still have the records: what retention deletes while the bridge is down is gone, and counted as ` + "`records_lost`" + `, and the rest
  of a chunk that was cut by it is stored again.
- A table, an output and a ` + "`transaction_isolation_level`" + ` that are the same before and after the crash: a chunk is recognised by its rows. Columns that are added are
  no harm, unless records have them that are formed again.
- Between input and output nothing that joins or parts batches, or makes several records of one. Processors may rewrite records, if they do so in the same
  way each time (no clock, no random numbers), and drop them (a dead letter of what is left may then name the offset of a neighbour).
- A clean stop before ` + "`exactly_once`" + ` is turned off or the version is changed back: what is announced is not formed again otherwise.

Not covered: dead letters, which may be repeated, and other outputs, which get every chunk at least once.

It costs a commit for each round of chunks, some milliseconds of latency, and inserts that are no larger than a chunk: choose a ` + "`batch.count`" + ` as for
inserts, and well within the buffer. Up to 100 chunks of a partition may wait to be stored; while so many do, the next one grows.

== Lag

Every ` + "`topic_lag_refresh_period`" + ` the input looks up how far the brokers are ahead of what has been acknowledged, for the
partitions that it owns, and while it is paused too: the gauge ` + "`kafka_lag`" + ` with the labels ` + "`topic`" + ` and ` + "`partition`" + `, and
the sum as ` + "`lag`" + ` of the input in ` + "`/health`" + `. It is a difference of offsets: the markers of transactions and what compaction
removed count as well.

== Metadata

- kafka_topic
- kafka_partition
- the keys of ` + "`metadata`" + `
- what ` + "`record_metadata`" + ` asks for

A record without a value (a tombstone) is passed on as an empty message.
`
