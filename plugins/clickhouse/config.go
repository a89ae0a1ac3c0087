package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
)

const (
	pluginName = "clickhouse"

	fieldTable           = "table"
	fieldColumns         = "columns"
	fieldUnknownFields   = "unknown_fields"
	fieldMissingFields   = "missing_fields"
	fieldNullAsDefault   = "null_as_default"
	fieldCoerce          = "coerce"
	fieldTimePrecision   = "time_precision"
	fieldEpochUnit       = "epoch_unit"
	fieldMaxInFlight     = "max_in_flight"
	fieldRetry           = "retry"
	fieldInitialInterval = "initial_interval"
	fieldMaxInterval     = "max_interval"
	fieldMaxRetries      = "max_retries"
	fieldMaxBatches      = "max_batches"
	fieldDeadLetter      = "dead_letter"
	fieldDeduplicate     = "deduplicate"
	fieldSchemaRefresh   = "schema_refresh"
	fieldPreserveOrder   = "preserve_order"

	fieldMaxDeadLetterShare = "max_dead_letter_share"
	fieldGate               = "gate"

	unknownIgnore  = "ignore"
	unknownReject  = "reject"
	missingDefault = "default"
	missingError   = "error"
	timesStrict    = "strict"
	timesTruncate  = "truncate"
	epochNone      = "none"

	deduplicateAuto = "auto"
	deduplicateOn   = "on"
	deduplicateOff  = "off"
)

// epochDigits are the units of epoch numbers as decimal exponents.
var epochDigits = map[string]int{epochNone: -1, "s": 0, "ms": 3, "us": 6, "ns": 9}

// config is the parsed configuration of one output.
type config struct {
	serverConfig

	table         string // as it is configured
	namer         tableNamer
	sharder       sharder
	columns       columnSet
	rejectUnknown bool
	reads         [][]string // the paths of the fields that expressions, the table's name and the shard's may look at
	rejectMissing bool
	storeFailed   bool // records that a processor has failed at
	nullAsDefault bool
	times         column.Rules
	makes         string // what else than its bytes decides what a record becomes: see token
	maxInFlight   int
	preserveOrder bool
	backoff       lane.Backoff
	maxRetries    int
	maxBatches    int // that wait for a retry
	deduplicate   string
	schemaRefresh time.Duration
	deadLetter    string // the kind of output that dead_letter is
	reject        bool   // it hands the errors back
	mostBad       float64
	gate          string
}

// parser reads fields and remembers the first error.
type parser struct {
	conf *service.ParsedConfig
	err  error
}

func read[T any](p *parser, get func(path ...string) (T, error), path ...string) T {
	v, err := get(path...)
	if err != nil && p.err == nil {
		p.err = err
	}
	return v
}

func parseConfig(conf *service.ParsedConfig) (config, error) {
	p := &parser{conf: conf}
	c := config{
		serverConfig:  parseServers(p),
		rejectUnknown: read(p, conf.FieldString, fieldUnknownFields) == unknownReject,
		storeFailed:   read(p, conf.FieldString, fieldOnProcessorError) == failedStore,
		maxInFlight:   read(p, conf.FieldInt, fieldMaxInFlight),
		preserveOrder: read(p, conf.FieldBool, fieldPreserveOrder),
		backoff: lane.Backoff{
			Initial: read(p, conf.FieldDuration, fieldRetry, fieldInitialInterval),
			Max:     read(p, conf.FieldDuration, fieldRetry, fieldMaxInterval),
		},
		maxRetries:    read(p, conf.FieldInt, fieldRetry, fieldMaxRetries),
		maxBatches:    read(p, conf.FieldInt, fieldRetry, fieldMaxBatches),
		deduplicate:   read(p, conf.FieldString, fieldDeduplicate),
		schemaRefresh: read(p, conf.FieldDuration, fieldSchemaRefresh),
		gate:          read(p, conf.FieldString, fieldGate),
		mostBad:       read(p, conf.FieldFloat, fieldMaxDeadLetterShare),
	}
	c.server.Inserts = c.width()
	c.times.Truncate = read(p, conf.FieldString, fieldTimePrecision) == timesTruncate
	c.times.EpochDigits = epochDigits[read(p, conf.FieldString, fieldEpochUnit)]
	c.readLeniency(p)
	c.readTable(p)
	c.readColumns(p)
	c.readMakes(p)
	c.deadLetter = outputKind(read(p, conf.FieldAny, fieldDeadLetter))
	c.reject = c.deadLetter == "reject"
	if p.err != nil {
		return c, p.err
	}
	if err := c.validate(); err != nil {
		return c, err
	}
	if err := c.readSharder(); err != nil {
		return c, err
	}
	c.noteReads()
	return c, nil
}

func (c *config) readTable(p *parser) {
	text := read(p, p.conf.FieldString, fieldTable)
	c.table = text
	expr := read(p, p.conf.FieldInterpolatedString, fieldTable)
	if p.err == nil {
		if c.namer, p.err = newTableNamer(text, expr); p.err != nil {
			p.err = fmt.Errorf("%s.%s: %q: %w", pluginName, fieldTable, text, p.err)
		}
	}
}

func (c *config) readColumns(p *parser) {
	given := read(p, p.conf.FieldAny, fieldColumns)
	if p.err == nil {
		c.columns, p.err = parseColumns(given)
	}
}

// readMakes names, for the tokens, what decides beside a record's bytes what is
// stored of it: two outputs that make different rows of one record must not pass
// for each other. It is empty where nothing is configured.
func (c *config) readMakes(p *parser) {
	if len(c.columns.names) > 0 {
		c.makes = fmt.Sprintf("columns=%v;", read(p, p.conf.FieldAny, fieldColumns))
	}
	for _, f := range []struct{ field, standard string }{{fieldTimePrecision, timesStrict}, {fieldEpochUnit, epochNone}} {
		if given := read(p, p.conf.FieldString, f.field); given != f.standard {
			c.makes += f.field + "=" + given + ";"
		}
	}
	if c.nullAsDefault {
		c.makes += fieldNullAsDefault + ";"
	}
	if list := read(p, p.conf.FieldStringList, fieldCoerce); len(list) > 0 {
		c.makes += fmt.Sprintf("%s=%v;", fieldCoerce, list)
	}
}

// width is how many inserts run at the same time, in all and into one table.
func (c *config) width() int {
	if c.preserveOrder {
		return 1
	}
	return c.maxInFlight
}

// batches is how many batches the stream may hand over at a time: those that are
// inserted, and those that wait for a retry. The host keeps no order among them.
func (c *config) batches() int {
	if c.preserveOrder {
		return 1
	}
	return c.maxInFlight + c.maxBatches
}

func (c *config) laneRules() lane.Rules {
	return lane.Rules{Backoff: c.backoff, MaxRetries: c.maxRetries, Width: c.width(), Rows: mostMerged, Bytes: mostMergedBytes}
}

func (c *config) readSharder() (err error) {
	if c.sharded {
		c.sharder, err = newSharder(c.shardBy, len(c.shards))
	}
	return err
}

// noteReads lists the fields that are known though no column takes them as they are.
func (c *config) noteReads() {
	for _, name := range c.columns.names {
		if s, given := c.columns.sources[name]; given && s.expr != nil {
			c.reads = append(c.reads, s.reads...)
		}
	}
	for _, part := range c.namer.parts {
		if part.from != nil {
			c.reads = append(c.reads, part.from.reads...)
		}
	}
	c.reads = append(c.reads, c.sharder.by.reads...)
}

// outputKind is the name of an output's kind by its configuration. Of Benthos' reject it
// alone tells that its errors are meant to be handed back, and not to be overcome by
// trying again.
func outputKind(output any) string {
	fields, ok := output.(map[string]any)
	if node, isNode := output.(interface{ Decode(v any) error }); isNode { // a *yaml.Node
		ok = node.Decode(&fields) == nil
	}
	if !ok {
		return ""
	}
	if _, named := fields["reject"]; named {
		return "reject"
	}
	if kind, given := fields["type"].(string); given {
		return kind
	}
	for _, kind := range slices.Sorted(maps.Keys(fields)) {
		if kind != "label" && kind != "processors" {
			return kind
		}
	}
	return ""
}

// validate checks what the lint rules check, for configurations that were not
// linted.
func (c *config) validate() error {
	if err := column.CheckByteOrder(); err != nil {
		return err
	}
	for _, check := range []func() error{c.serverConfig.validate, c.validateInserts, c.validateRetry} {
		if err := check(); err != nil {
			return err
		}
	}
	if n := &c.namer; len(n.parts) == 1 && n.parts[0].from == nil {
		return checkTableName(n.literal())
	}
	return nil
}

func (c *config) validateInserts() error {
	if c.maxInFlight < 1 {
		return fmt.Errorf("%s.%s: is %d, must be at least 1", pluginName, fieldMaxInFlight, c.maxInFlight)
	}
	if c.mostBad <= 0 || c.mostBad > 1 {
		return fmt.Errorf("%s.%s: is %g, must be above 0 and at most 1", pluginName, fieldMaxDeadLetterShare, c.mostBad)
	}
	if c.schemaRefresh <= 0 {
		return fmt.Errorf("%s.%s: is %s, must be above 0", pluginName, fieldSchemaRefresh, c.schemaRefresh)
	}
	return nil
}

func (c *config) validateRetry() error {
	switch {
	case c.backoff.Initial <= 0:
		return fmt.Errorf("%s.%s.%s: is %s, must be above 0", pluginName, fieldRetry, fieldInitialInterval, c.backoff.Initial)
	case c.backoff.Initial > c.backoff.Max:
		return fmt.Errorf("%s.%s: %s (%s) is above %s (%s)", pluginName, fieldRetry, fieldInitialInterval, c.backoff.Initial, fieldMaxInterval, c.backoff.Max)
	case c.maxBatches < 1:
		return fmt.Errorf("%s.%s.%s: is %d, must be at least 1", pluginName, fieldRetry, fieldMaxBatches, c.maxBatches)
	case c.maxRetries < 0:
		return fmt.Errorf("%s.%s.%s: is %d, must be 0 (for ever) or more", pluginName, fieldRetry, fieldMaxRetries, c.maxRetries)
	}
	return nil
}
