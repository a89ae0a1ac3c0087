package clickhouse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	pluginName = "clickhouse"

	fieldAddresses       = "addresses"
	fieldProtocol        = "protocol"
	fieldDatabase        = "database"
	fieldUsername        = "username"
	fieldPassword        = "password"
	fieldTable           = "table"
	fieldColumns         = "columns"
	fieldUnknownFields   = "unknown_fields"
	fieldTimePrecision   = "time_precision"
	fieldEpochUnit       = "epoch_unit"
	fieldCompression     = "compression"
	fieldSettings        = "settings"
	fieldMaxInFlight     = "max_in_flight"
	fieldRetry           = "retry"
	fieldInitialInterval = "initial_interval"
	fieldMaxInterval     = "max_interval"
	fieldMaxRetries      = "max_retries"
	fieldMaxBatches      = "max_batches"
	fieldDeadLetter      = "dead_letter"
	fieldDeduplicate     = "deduplicate"
	fieldSchemaRefresh   = "schema_refresh"
	fieldTLS             = "tls"
	fieldDialTimeout     = "dial_timeout"
	fieldReadTimeout     = "read_timeout"
	fieldInsertTimeout   = "insert_timeout"
	fieldGate            = "gate"

	protocolNative  = "native"
	protocolHTTP    = "http"
	compressionLZ4  = "lz4"
	compressionZSTD = "zstd"
	compressionNone = "none"
	unknownIgnore   = "ignore"
	unknownReject   = "reject"
	timesStrict     = "strict"
	timesTruncate   = "truncate"
	epochNone       = "none"

	deduplicateAuto = "auto"
	deduplicateOn   = "on"
	deduplicateOff  = "off"
)

// epochDigits are the units of epoch numbers as decimal exponents.
var epochDigits = map[string]int{epochNone: -1, "s": 0, "ms": 3, "us": 6, "ns": 9}

// config is the parsed configuration of one output.
type config struct {
	addresses     []string
	http          bool
	database      string
	username      string
	password      string
	namer         tableNamer
	columns       []string
	rejectUnknown bool
	times         timeRules
	compression   string
	settings      clickhouse.Settings
	maxInFlight   int
	backoff       backoff
	maxRetries    int
	maxBatches    int // that wait for a retry
	deduplicate   string
	schemaRefresh time.Duration
	reject        bool // dead_letter is a reject output
	tls           *tls.Config
	dialTimeout   time.Duration
	readTimeout   time.Duration
	insertTimeout time.Duration
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

// splitList takes items apart that hold several values divided by commas, as
// those of an environment variable are.
func splitList(items []string) (out []string) {
	for _, item := range items {
		for s := range strings.SplitSeq(item, ",") {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return out
}

func parseConfig(conf *service.ParsedConfig) (config, error) {
	p := &parser{conf: conf}
	c := config{
		addresses:     splitList(read(p, conf.FieldStringList, fieldAddresses)),
		http:          read(p, conf.FieldString, fieldProtocol) == protocolHTTP,
		database:      read(p, conf.FieldString, fieldDatabase),
		username:      read(p, conf.FieldString, fieldUsername),
		password:      read(p, conf.FieldString, fieldPassword),
		columns:       read(p, conf.FieldStringList, fieldColumns),
		rejectUnknown: read(p, conf.FieldString, fieldUnknownFields) == unknownReject,
		compression:   read(p, conf.FieldString, fieldCompression),
		maxInFlight:   read(p, conf.FieldInt, fieldMaxInFlight),
		backoff: backoff{
			initial: read(p, conf.FieldDuration, fieldRetry, fieldInitialInterval),
			max:     read(p, conf.FieldDuration, fieldRetry, fieldMaxInterval),
		},
		maxRetries:    read(p, conf.FieldInt, fieldRetry, fieldMaxRetries),
		maxBatches:    read(p, conf.FieldInt, fieldRetry, fieldMaxBatches),
		deduplicate:   read(p, conf.FieldString, fieldDeduplicate),
		schemaRefresh: read(p, conf.FieldDuration, fieldSchemaRefresh),
		dialTimeout:   read(p, conf.FieldDuration, fieldDialTimeout),
		readTimeout:   read(p, conf.FieldDuration, fieldReadTimeout),
		insertTimeout: read(p, conf.FieldDuration, fieldInsertTimeout),
		gate:          read(p, conf.FieldString, fieldGate),
	}
	c.times.truncate = read(p, conf.FieldString, fieldTimePrecision) == timesTruncate
	c.times.epochDigits = epochDigits[read(p, conf.FieldString, fieldEpochUnit)]
	c.readTable(p)
	c.readSettings(p)
	c.readTLS(p)
	c.reject = isReject(read(p, conf.FieldAny, fieldDeadLetter))
	if p.err != nil {
		return c, p.err
	}
	return c, c.validate()
}

func (c *config) readTable(p *parser) {
	text := read(p, p.conf.FieldString, fieldTable)
	expr := read(p, p.conf.FieldInterpolatedString, fieldTable)
	if p.err == nil {
		c.namer = newTableNamer(text, expr)
	}
}

func (c *config) readTLS(p *parser) {
	conf, enabled, err := p.conf.FieldTLSToggled(fieldTLS)
	if err != nil && p.err == nil {
		p.err = err
	}
	if enabled {
		c.tls = conf
	}
}

// readSettings keeps the types of numbers, which old servers insist on.
func (c *config) readSettings(p *parser) {
	c.settings = clickhouse.Settings{}
	for name, conf := range read(p, p.conf.FieldAnyMap, fieldSettings) {
		v, err := conf.FieldAny()
		if err != nil && p.err == nil {
			p.err = err
		}
		if number, ok := v.(interface{ Int64() (int64, error) }); ok { // json.Number
			if n, err := number.Int64(); err == nil {
				v = n
			} else {
				v = fmt.Sprint(v)
			}
		}
		switch v := v.(type) {
		case int:
			c.settings[name] = v
		case int64:
			c.settings[name] = int(v)
		case bool, string:
			c.settings[name] = v
		default:
			c.settings[name] = fmt.Sprint(v)
		}
	}
}

// isReject reports whether the configuration of an output is Benthos' reject:
// only its name tells that its errors are meant to be handed back, and not to
// be overcome by trying again.
func isReject(output any) bool {
	fields, ok := output.(map[string]any)
	if node, isNode := output.(interface{ Decode(v any) error }); isNode { // a *yaml.Node
		ok = node.Decode(&fields) == nil
	}
	if !ok {
		return false
	}
	_, named := fields["reject"]
	return named || fields["type"] == "reject"
}

// validate checks what the lint rules check, for configurations that were not
// linted.
func (c *config) validate() error {
	if err := checkByteOrder(); err != nil {
		return err
	}
	for _, check := range []func() error{c.validateServers, c.validateRetry, c.validateTimeouts} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.namer.literal != "" || c.namer.key == "" && c.namer.expr == nil {
		return checkTableName(c.namer.literal)
	}
	return nil
}

func (c *config) validateServers() error {
	if len(c.addresses) == 0 {
		return fmt.Errorf("%s.%s: is empty, at least one host:port is required", pluginName, fieldAddresses)
	}
	for _, address := range c.addresses {
		if err := checkAddress(address); err != nil {
			return fmt.Errorf("%s.%s: %q is not host:port (for example 127.0.0.1:9000): %w", pluginName, fieldAddresses, address, err)
		}
	}
	if c.maxInFlight < 1 {
		return fmt.Errorf("%s.%s: is %d, must be at least 1", pluginName, fieldMaxInFlight, c.maxInFlight)
	}
	return nil
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("the port is missing")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("the port is not a number from 1 to 65535")
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	return nil
}

func (c *config) validateRetry() error {
	switch {
	case c.backoff.initial <= 0:
		return fmt.Errorf("%s.%s.%s: is %s, must be above 0", pluginName, fieldRetry, fieldInitialInterval, c.backoff.initial)
	case c.backoff.initial > c.backoff.max:
		return fmt.Errorf("%s.%s: %s (%s) is above %s (%s)", pluginName, fieldRetry, fieldInitialInterval, c.backoff.initial, fieldMaxInterval, c.backoff.max)
	case c.maxBatches < 1:
		return fmt.Errorf("%s.%s.%s: is %d, must be at least 1", pluginName, fieldRetry, fieldMaxBatches, c.maxBatches)
	case c.maxRetries < 0:
		return fmt.Errorf("%s.%s.%s: is %d, must be 0 (for ever) or more", pluginName, fieldRetry, fieldMaxRetries, c.maxRetries)
	}
	return nil
}

func (c *config) validateTimeouts() error {
	for name, d := range map[string]time.Duration{
		fieldDialTimeout: c.dialTimeout, fieldReadTimeout: c.readTimeout, fieldInsertTimeout: c.insertTimeout, fieldSchemaRefresh: c.schemaRefresh,
	} {
		if d <= 0 {
			return fmt.Errorf("%s.%s: is %s, must be above 0", pluginName, name, d)
		}
	}
	return nil
}
