package clickhouse

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const description = "" +
	"Each message is one JSON object and becomes one row; its fields go to the columns of the same name. The table's columns and types are read from the server.\n\n" +
	"### Conversions\n\n" +
	"Values are converted strictly: what does not fit its column is an error of that row, never a clipped, rounded or default value. A row that does not fit goes to `dead_letter`, its neighbours are stored.\n\n" +
	"| Column | Accepted JSON |\n" +
	"| --- | --- |\n" +
	"| Int8 to Int256, UInt8 to UInt256 | a number, or a string that holds one; `1e3` and `1.0` are exact and accepted, `1.5` is not. UInt8 takes `true` and `false` as well, since servers without Bool keep them there |\n" +
	"| Float32, Float64 | a number, a string that holds one, or the strings `nan`, `inf`, `-inf` |\n" +
	"| Decimal | a number or a string that holds one, read exactly; more fraction digits than the scale are an error unless they are zeros |\n" +
	"| Bool | `true`, `false` |\n" +
	"| String | a string; an object or an array is stored as its JSON text, unchanged; numbers and booleans are errors |\n" +
	"| FixedString(N) | a string of at most N bytes, padded with zero bytes |\n" +
	"| Date | `2006-01-02` |\n" +
	"| DateTime, DateTime64 | RFC 3339 with any fraction and zone, `2006-01-02 15:04:05.999` and `2006-01-02` (in the column's time zone, UTC if it has none), or an epoch number: seconds for DateTime, otherwise in the unit that `epoch_unit` says |\n" +
	"| Enum8, Enum16 | a name, or a number that the enum defines |\n" +
	"| UUID | `61f0c404-5cb3-11e7-907b-a6006ad3dba0` |\n" +
	"| Nullable(T) | as T, and `null`; `null` for any other column is an error |\n" +
	"| LowCardinality(T), Array(T) | as T; an array of T |\n\n" +
	"### Missing fields\n\n" +
	"A record that lacks a column's field gets the column's default on the server where it has one (the records of a batch are inserted by one INSERT per set of such missing fields), else null for a Nullable column, else the type's zero, as ClickHouse itself does. " +
	"MATERIALIZED and ALIAS columns are left out. A field that is no column is ignored, unless `unknown_fields` says otherwise.\n\n" +
	"### Failures\n\n" +
	"A batch that fails for a reason that may pass waits in the retry queue and is tried again with the same rows, while other batches go on. The output returns only when every row is stored or with the dead-letter output, so that sources are acknowledged no earlier: delivery is at least once. " +
	"When the connection is lost after a block was sent, whether it was stored is unknown, and it is sent again.\n\n" +
	"A dead letter is the original message; the metadata keys `clickhouse_table`, `clickhouse_error`, `clickhouse_column`, `clickhouse_code` and `clickhouse_attempts` say what happened, where they apply."

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Categories("Services").
		Summary("Inserts JSON records into ClickHouse tables in batches, strictly typed, with a retry queue and dead letters.").
		Description(description).
		Fields(serverFields()...).
		Fields(connectionFields()...).
		Fields(tableFields()...).
		Fields(deliveryFields()...).
		Fields(advancedFields()...).
		LintRule(`root = [`+serverLints+`
  if this.`+fieldDeadLetter+` == null { "`+fieldDeadLetter+` is missing: say where rows go that cannot be stored (any output; drop: {} discards them)" } else { null },
].filter(message -> message != null)`).
		Example("Ticks into one table", "Records of one stream, one table; what does not fit is written to a file.", `
output:
  clickhouse:
    addresses: [127.0.0.1:9000]
    database: market
    table: ticks
    dead_letter:
      file: {path: dead_letter.jsonl, codec: lines}
`).
		Example("A table per message", "The input names the table in the metadata.", `
output:
  clickhouse:
    addresses: [clickhouse-1:9000, clickhouse-2:9000]
    database: market
    table: '${! @table }'
    dead_letter:
      drop: {}
`)
}

func tableFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewInterpolatedStringField(fieldTable).
			Description("The table, or database.table. A literal costs nothing per record, a single metadata key next to nothing.").
			Example("ticks").Example("${! @table }").
			LintRule(`root = if this == "" { ["` + fieldTable + ` is empty, the name of a table is required"] }`),
		service.NewStringListField(fieldColumns).
			Description("The columns to insert, each from the field of its name. Default: all columns of the table that can be inserted.").
			Default([]string{}).Example([]string{"symbol", "ts", "price"}),
		service.NewStringEnumField(fieldUnknownFields, unknownIgnore, unknownReject).
			Description("What to do with a record that has a field that is no column: ignore the field, or reject the record as a dead letter.").
			Default(unknownIgnore).Example(unknownReject),
		service.NewStringEnumField(fieldTimePrecision, timesStrict, timesTruncate).
			Description("What to do with a time that is finer than its column: reject the record, or cut the time off at the column's precision.").
			Default(timesStrict).Example(timesTruncate),
		service.NewStringEnumField(fieldEpochUnit, epochNone, "s", "ms", "us", "ns").
			Description("The unit of times given as numbers since 1970. With none, numbers are refused for DateTime64 and are seconds for DateTime.").
			Default(epochNone).Example("ms"),
	}
}

func deliveryFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewIntField(fieldMaxInFlight).
			Description(fmt.Sprintf("How many inserts run at the same time. Batches that wait for a retry do not count; up to %d of them may wait before the stream does.", parked)).
			Default(2).Example(4).
			LintRule(`root = if this < 1 { ["` + fieldMaxInFlight + ` is %v, must be at least 1".format(this)] }`),
		retryField(),
		service.NewOutputField(fieldDeadLetter).
			Description("Where rows go that cannot be stored: any output. While it fails, rows are kept and delivered again. `drop: {}` discards them knowingly. " +
				"`reject` (as this output itself, not inside another) hands the errors back per message instead, for a `fallback` output or for streams whose buffer can use them; the error is that of the row, not the text configured for reject.").
			Example(map[string]any{"file": map[string]any{"path": "dead_letter.jsonl", "codec": "lines"}}).
			Example(map[string]any{"drop": map[string]any{}}),
	}
}

func retryField() *service.ConfigField {
	return service.NewObjectField(fieldRetry,
		service.NewDurationField(fieldInitialInterval).
			Description("The longest wait before the second attempt; it doubles with every attempt. The wait itself is a random time up to that.").
			Default("100ms").Example("1s").
			LintRule(positive(fieldRetry+"."+fieldInitialInterval)),
		service.NewDurationField(fieldMaxInterval).
			Description("Where the doubling ends.").Default("30s").Example("1m").
			LintRule(positive(fieldRetry+"."+fieldMaxInterval)),
		service.NewIntField(fieldMaxRetries).
			Description("After how many retries a batch is handed back to the stream with its error. 0 means never.").
			Default(0).Example(5).
			LintRule(`root = if this < 0 { ["`+fieldRetry+`.`+fieldMaxRetries+` is %v, must be 0 (for ever) or more".format(this)] }`),
	).Description("How a batch that failed for a reason that may pass is tried again.").
		LintRule(`root = if this.` + fieldInitialInterval + `.parse_duration().catch(0) > this.` + fieldMaxInterval + `.parse_duration().catch(0) {
  ["` + fieldRetry + `: ` + fieldInitialInterval + ` (%v) is above ` + fieldMaxInterval + ` (%v)".format(this.` + fieldInitialInterval + `, this.` + fieldMaxInterval + `)]
}`)
}

func advancedFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldGate).
			Description("The name of the stream's gate; needed only where this output is a resource.").
			Default("").Example("market").Advanced(),
	}
}
