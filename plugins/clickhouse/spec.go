package clickhouse

import (
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func spec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Categories("Services").
		Summary("Inserts JSON records into ClickHouse tables in batches, strictly typed, with a retry queue and dead letters.").
		Description(description()).
		Fields(serverFields()...).
		Fields(connectionFields()...).
		Fields(tableFields()...).
		Fields(deliveryFields()...).
		Fields(advancedFields()...).
		LintRule(`root = [`+serverLints+`
  if this.`+fieldDeadLetter+` == null { "`+fieldDeadLetter+` is missing: say where rows go that cannot be stored (any output; drop: {} discards them)" } else if this.`+fieldDeadLetter+`.type() == "object" && this.`+fieldDeadLetter+`.length() == 0 { "`+fieldDeadLetter+` ({}) names no output: any one will do, such as dead_letter_file; drop: {} discards the rows" } else { null },
].filter(message -> message != null)`).
		Example("Ticks into one table", "Records of one stream, one table; what does not fit is written to a file.", `
output:
  clickhouse:
    addresses: [127.0.0.1:9000]
    database: market
    table: ticks
    dead_letter:
      dead_letter_file: {path: dead_letter.jsonl}
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
	return slices.Concat([]*service.ConfigField{
		service.NewInterpolatedStringField(fieldTable).
			Description("The table, or database.table. Each name is taken as it stands, whatever it holds; one that holds a point is written in backquotes, as in SQL: `market.` followed by `` `ticks.eur` ``. A literal costs nothing per record, a single metadata key next to nothing.").
			Example("ticks").Example("${! @table }").
			LintRule(`root = if this == "" { ["` + fieldTable + ` is empty, the name of a table is required"] }`),
		columnsField(),
		service.NewStringEnumField(fieldUnknownFields, unknownIgnore, unknownReject).
			Description("What to do with a record that has a field which no column takes: ignore the field, or reject the record as a dead letter. " +
				"A field counts as known, too, if an expression of `columns`, the name of the table or `shard_by` names it, as in `price * 100`, `this.price` or `json(\"price\")`, and all of them do if one takes the record as a whole, as `this.format_json()` does; a field whose name an expression works out is unknown. What a processor reads is gone before: let it delete what it has used.").
			Default(unknownIgnore).Example(unknownReject),
		service.NewStringEnumField(fieldTimePrecision, timesStrict, timesTruncate).
			Description("What to do with a time that is finer than its column: reject the record, or cut the time off at the column's precision.").
			Default(timesStrict).Example(timesTruncate),
		service.NewStringEnumField(fieldEpochUnit, epochNone, "s", "ms", "us", "ns").
			Description("The unit of times given as numbers since 1970. With none, numbers are refused for DateTime64 and are seconds for DateTime.").
			Default(epochNone).Example("ms"),
	}, leniencyFields())
}

func deliveryFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewIntField(fieldMaxInFlight).
			Description("How many inserts run at the same time. Batches that wait for a retry do not count.").
			Default(2).Example(4).
			LintRule(`root = if this < 1 { ["` + fieldMaxInFlight + ` is %v, must be at least 1".format(this)] }`),
		service.NewBoolField(fieldPreserveOrder).
			Description("Whether the rows of a table are inserted in the order in which the stream brings them: one batch at a time, whatever max_in_flight says, and the rows of a batch that need several inserts (for they lack different columns with defaults) by as many as their order takes. " +
				"It matters where of two rows the later one counts and nothing else says which that is: ReplacingMergeTree without a version, CollapsingMergeTree, EmbeddedRocksDB and the like. Without it, batches of one table may overtake each other.").
			Default(false).Example(true),
		retryField(),
		service.NewStringEnumField(fieldDeduplicate, deduplicateAuto, deduplicateOn, deduplicateOff).
			Description("Whether the server is to recognise an insert that it has already stored, by a token that is made of the positions of its rows in their sources and that every retry repeats. " +
				"With auto the token is sent to every server that knows it, and a table that keeps no window of tokens (non_replicated_deduplication_window is 0) is warned of; with on such a table is refused; " +
				"with off the server is told not to deduplicate, since some tables take equal rows for repetitions.").
			Default(deduplicateAuto).Example(deduplicateOn),
		onProcessorErrorField(),
		service.NewFloatField(fieldMaxDeadLetterShare).
			Description("The share of bad rows among the last ones of a table, from 0 to 1, above which they do not become dead letters any more: the table's rows wait, an error is logged and /health says so, until the table, the configuration or the records are right, or this is raised. " +
				"So a wrong deployment does not empty a topic into the dead letters. A hundred bad rows are needed before it counts. Records that a processor has failed at are judged apart, and those whose table cannot be told among all records. 1 switches it off.").
			Default(0.5).Example(1.0).Advanced().
			LintRule(`root = if this <= 0 || this > 1 { ["` + fieldMaxDeadLetterShare + ` is %v, must be above 0 and at most 1".format(this)] }`),
		service.NewOutputField(fieldDeadLetter).
			Description("Where rows go that cannot be stored: any output. While it fails, rows are kept and delivered again. `drop: {}` discards them knowingly. " +
				"`reject` (as this output itself, not inside another) hands the errors back per message instead, for a `fallback` output, of which this is not the last, or for streams without a buffer; the error is that of the row, not the text configured for reject. Behind the `backpressure` buffer it is refused otherwise: a buffer cannot see which messages of a batch failed, and would send all of them again for ever.").
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
		service.NewIntField(fieldMaxBatches).
			Description("How many batches may wait for a retry, or behind one, before the stream has to. With the backpressure buffer it is the buffer's own bound that counts, since waiting records stay in its level.").
			Default(256).Example(32).Advanced().
			LintRule(`root = if this < 1 { ["`+fieldRetry+`.`+fieldMaxBatches+` is %v, must be at least 1".format(this)] }`),
	).Description("How a batch that failed for a reason that may pass is tried again.").
		LintRule(`root = if this.` + fieldInitialInterval + `.parse_duration().catch(0) > this.` + fieldMaxInterval + `.parse_duration().catch(0) {
  ["` + fieldRetry + `: ` + fieldInitialInterval + ` (%v) is above ` + fieldMaxInterval + ` (%v)".format(this.` + fieldInitialInterval + `, this.` + fieldMaxInterval + `)]
}`)
}

func advancedFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewDurationField(fieldSchemaRefresh).
			Description("How old what is known of a table's columns may become: an added column is used after that at the latest, and at once when a record has a field of that name.").
			Default("30s").Example("5m").Advanced().LintRule(positive(fieldSchemaRefresh)),
		service.NewStringField(fieldGate).
			Description("The name of the stream's gate; needed only where this output is a resource in streams mode, see the field of the same name of the `backpressure` buffer.").
			Default("").Example("market").Advanced(),
	}
}
