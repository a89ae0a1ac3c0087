package clickhouse

import "github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"

// description is what the reference says of the output as a whole.
func description() string {
	return "" +
		"Each message is one JSON object and becomes one row; an array of objects, or objects and arrays one after the other (with line breaks between them or without), are as many rows, each of which is rejected alone. A line that is broken is a dead letter by itself, and so is a broken array or an object of several lines, up to the next line that is complete by itself and cannot be a part of it. One within an array that is open, within an object that ends further on, or that goes on with a comma or an end, may be; none is, where all lines begin with an object or an array, two at least are whole, and no broken one shows that it is a part of an object of several lines. A byte-order mark is skipped. The fields of an object go to the columns of the same name, or to those that `columns` says. The table's columns and types are read from the server.\n\n" +
		"### Conversions\n\n" +
		"Values are converted strictly: what does not fit its column is an error of that row, never a clipped, rounded or default value. A row that does not fit goes to `dead_letter`, its neighbours are stored.\n\n" +
		"| Column | Accepted JSON |\n" +
		"| --- | --- |\n" +
		"| Int8 to Int256, UInt8 to UInt256 | a number, or a string that holds one; `1e3` and `1.0` are exact and accepted, `1.5` is not. UInt8 takes `true` and `false` as well, since servers without Bool keep them there |\n" +
		"| Float32, Float64, BFloat16 | a number, a string that holds one, or the strings `nan`, `inf`, `-inf` |\n" +
		"| Decimal | a number or a string that holds one, read exactly; more fraction digits than the scale are an error unless they are zeros |\n" +
		"| Bool | `true`, `false` |\n" +
		"| String | a string; an object or an array is stored as its JSON text, unchanged; numbers and booleans are errors |\n" +
		"| FixedString(N) | a string of at most N bytes, padded with zero bytes |\n" +
		"| Date, Date32 | `2006-01-02` |\n" +
		"| DateTime, DateTime64 | RFC 3339 with any fraction and zone, `2006-01-02 15:04:05.999` and `2006-01-02` (in the column's time zone, UTC if it has none; a local time that a change of the clocks skips, or that happens twice, is stored as ClickHouse stores it), or an epoch number: seconds for DateTime, otherwise in the unit that `epoch_unit` says |\n" +
		"| Time, Time64 | `15:04:05.999`, with up to three digits of hours and a sign; a Time takes a number of seconds too |\n" +
		"| Enum8, Enum16 | a name, or a number that the enum defines |\n" +
		"| UUID | `61f0c404-5cb3-11e7-907b-a6006ad3dba0` |\n" +
		"| IPv4, IPv6 | `192.0.2.1`, `2001:db8::1`; an IPv4 address in an IPv6 column is stored as `::ffff:192.0.2.1` |\n" +
		"| Nullable(T) | as T, and `null`; `null` for any other column is an error |\n" +
		"| LowCardinality(T), SimpleAggregateFunction(f, T) | as T |\n" +
		"| Array(T) | an array of T |\n" +
		"| Tuple(A, B), Tuple(a A, b B) | an array of all elements; with names an object as well, whose missing elements are null or the type's zero, and whose other fields are errors |\n" +
		"| Map(K, V) | an object; its names are read as K takes strings; a key given twice is an error |\n" +
		"| Nested(a A, b B), as columns `n.a` and `n.b` | an array of objects in the field `n`, each with every column; or an array each in the fields `n.a` and `n.b`, all of one length. ClickHouse takes all columns of arrays for those of one Nested whose names are the same up to the first point |\n" +
		"| Nested(a A, b B), not flattened | an array of objects, as Array(Tuple(a A, b B)) |\n" +
		"| Point, Ring, LineString, Polygon, MultiLineString, MultiPolygon | `[1.5, -2]`, arrays of those, and so on |\n" +
		"| JSON | an object; the server reads its text |\n" +
		"| Variant(A, B) | what one of its types takes. Asked first are the types of the JSON value's own kind: of a string String, of a number integers, then Decimal, then Float, of an array Array; then the others in their order |\n" +
		"| Dynamic | a string (String), `true` or `false` (Bool), a number (Int64 or UInt64 if it is one exactly, else Float64), `null` |\n\n" +
		"`coerce` makes columns take more forms. An AggregateFunction has no form in a record: a materialized view works it out of a column of values. A table with a column of any other type is refused, unless `columns` leaves it out.\n\n" +
		"### Missing fields\n\n" +
		"A record that lacks a column's field gets the column's default on the server where it has one (a default that is a constant is worked out once, and costs nothing; others, such as `now()`, the server works out: up to eight different sets of such missing fields in a batch are an INSERT each, that leaves these columns out. Where they are more, the batch is one INSERT of all its rows, which come as an external table of the query, and a SELECT gives each row the defaults that it lacks. Over HTTP that table is a form, which servers do not take compressed. A server that refuses the statement, as one does whose profile has limits that the SELECT breaks and that this user may not change, gets an INSERT per set, which is logged and counted: send these fields always, give their columns constant defaults, or leave the columns out by `columns`), else null for a Nullable column, else the type's zero, as ClickHouse itself does. " +
		"MATERIALIZED and ALIAS columns are left out. `missing_fields` makes a zero that would be made up an error, and `null_as_default` makes null for a column that does not take it as good as no field. A field that no column takes is ignored, unless `unknown_fields` says otherwise. A field that is given twice is an error. A record that has no column's field is a row of zeros, nulls and defaults; only where every column has a default that is no constant it is an error, since an INSERT has to name a column.\n\n" +
		"### Failures\n\n" +
		"A batch that fails for a reason that may pass waits in the retry queue of its table and is tried again with the same rows, while other tables go on. The queue of a table keeps its order: while a batch waits for its retry, later ones wait behind it, and leave together as one larger insert when the trouble is over (with `max_retries`, one by one). An insert that is more than the server has memory for is taken apart: into what it was joined of, then into halves. " +
		"The output returns only when every row is stored or with the dead-letter output, so that sources are acknowledged no earlier: delivery is at least once. What of a batch can be stored, or is a dead letter, is stored, delivered and counted at once, whatever its other tables wait for.\n\n" +
		"What is done about an error depends on its class:\n\n" + server.CodesTable() + "\n" +
		"A table that changes under way: an added column is used as soon as a record has a field of its name, or after `schema_refresh`. Rows that do not fit any more only because a column was dropped or has changed its type are not dead letters: they wait, with an error in the log and in /health, until the table or the records are right again, or until a restart.\n\n" +
		"A message that a processor of the stream has failed at is a dead letter too, see `on_processor_error`: it is what it was before that processor, and would be stored with defaults.\n\n" +
		"When more than `max_dead_letter_share` of a table's last rows are bad, it is hardly the rows: they wait, as above, instead of becoming dead letters.\n\n" +
		"A dead letter is the message as it reached this output, behind all processors of the pipeline, one record of it where it held several; the metadata keys `clickhouse_table`, `clickhouse_error`, `clickhouse_column`, `clickhouse_code`, `clickhouse_reason` (`processor_error`, or absent), `clickhouse_attempts`, `clickhouse_source` and `clickhouse_source_offset` say what happened to what, where they apply; what the record itself has under these names is in `clickhouse_own` then, as a JSON object with its values in base64.\n\n" +
		"### Deduplication\n\n" +
		"When a connection is lost after a block was sent, whether the block was stored is unknown, and it is sent again. So that it is stored once, each insert carries an `insert_deduplication_token` that stands for exactly its rows. Servers know it since version 22.2, and keep the last tokens of Replicated and Shared tables always, of other MergeTree tables when `non_replicated_deduplication_window` is set. " +
		"The token is made of the rows' Kafka partitions and offsets or JetStream sequences, their number, their bytes, and what else the configuration of this output makes of them: `columns`, `time_precision`, `epoch_unit`, and the metadata that columns are taken from. " +
		"Rows without such a position (core NATS, or rows that a processor has rewritten) get a random token, which serves the retries of this process, a batch that `max_retries` hands back to the backpressure buffer included, not a delivery that is repeated after a crash. " +
		"An insert that the server recognises stores nothing and is counted as `deduplicated`, not as rows. So rows that were deleted from the table and are read again from their source are not stored while the window remembers them: rewind with `deduplicate: off`.\n\n" +
		"### Order\n\n" +
		"The rows of a batch are inserted in the order of their records, but for those that lack other columns with defaults, which need an insert of their own. Batches of one table may overtake each other, since `max_in_flight` of them are inserted at the same time, and the host hands them over without an order. " +
		"`preserve_order` keeps the order of everything that comes from one input."
}
