// Command bench measures data-bridge beside a hand-written program, which is
// the ceiling, and a stock Redpanda Connect, which is the alternative: real
// servers on this machine, one process for each competitor, rounds in which
// they take turns, and every row counted in ClickHouse.
//
// # What is measured
//
// A record is one tick of 132 bytes (package tick), which becomes a row of seven
// columns. Competitors read it from Kafka, core NATS or JetStream and insert it
// into ClickHouse by the native protocol, compressed with LZ4, in batches of
// 100,000 rows (see Fairness for Connect). They hold acknowledgements until the insert has succeeded, and
// refuse a record that does not fit.
//
//   - rows/s: from the start of the process (on core NATS: from the first
//     message published) until the last row is stored. Starting up and joining
//     a group are in it.
//   - CPU seconds per million rows: user and system time of the competitor's
//     process alone, from its start to its exit, as the kernel accounts it.
//     Servers, loaders and the harness are not in it. This is the steady figure;
//     rows/s depends on what else the machine does.
//   - peak memory: VmHWM of that process when the last row is stored.
//   - rows: after the competitor has exited, count() and uniqExact(seq) in
//     ClickHouse. A run that lacks a row is a failure: it is reported, and in no
//     median.
//
// # How
//
// All servers are real and run on this machine, on loopback. In every round each
// competitor of a source runs once, one after the other; who begins moves on by
// one from round to round, so that none always runs on the fuller or the warmer
// machine. Tables are made anew for every run.
//
// Kafka: a topic of four partitions, record batches compressed with LZ4, loaded
// before the first round. Each run is a new consumer group at the start of the
// topic. JetStream: a stream on disk, loaded as well; each run is a new durable
// consumer. Slow competitors have a topic or stream of fewer records, which the
// table tells.
//
// Core NATS keeps nothing, so the load is published while the competitor is
// subscribed, as fast as it goes but for one bound, the same for everybody: at
// most 250,000 records are published and not yet stored, by what ClickHouse says
// 50 times a second. That is two batches in flight and half of one that fills, and
// less than any competitor's queue, so that nothing has to be dropped.
//
// The shipped pipeline (config/bridge.yaml) reads three streams at once into
// three tables, with its own defaults: a buffer of 50,000 records, batches of
// 10,000. All three streams are published live, six ticks to one and a half
// candles and two and a half external events, each bounded in the same way by
// 12,000 records outstanding: more than a batch, and all three less than the
// level above which it would pause, and drop. Its tables are made for DateTime64,
// which this ClickHouse does not have, so times are cut off at seconds. The
// hand-written program has inserts of the same size there, of each table over a
// connection of its own, and Connect three streams in one process.
//
// Latency: 10,000 records a second in all go to the shipped pipeline, and the
// time of each publication is noted. ClickHouse is asked every few milliseconds
// for the count and the highest number of each stream; while they are equal,
// everything up to that number can be queried, and the time of the answer ends
// the latency of what was not there before. It is therefore an upper bound, by
// up to one interval between two answers.
//
// Resumes: ClickHouse is stopped until the gate has closed, and goes on. The time
// of the resume is that of /health, which is then asked every few milliseconds
// until the next 10,000 records have been accepted; how much longer that takes
// than at the rate of before the stall is how late the full rate is. On core NATS
// 100,000 records a second are published, elsewhere there is a backlog.
//
// Growth (make bench-growth) is data-bridge alone: see growth.go.
//
// # Fairness
//
// The ceilings set GOGC to 400 as data-bridge does by itself, and Connect is given
// GOGC=400 by its environment. Connect's configurations (config/connect_*.yaml)
// use what it has for large batches, under the condition that a record is
// acknowledged after it is stored: its memory buffer, which acknowledges before,
// is used on core NATS only, where nothing can be acknowledged. Its batches are
// smaller than 100,000 rows, 25,000 and on JetStream 15,000: of the sizes that were
// tried it spends least CPU and memory with these, and its JetStream client drops
// messages when more than 65,536 are delivered and not acknowledged.
//
// "data-bridge, records_per_message: 1000" reads the same messages of one record
// each, and puts them together itself.
//
// The hand-written program also reads messages of 1,000 records each, divided by
// newlines: what the cost of single messages is can be seen from the difference.
package main
