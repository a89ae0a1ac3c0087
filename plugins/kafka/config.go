package kafka

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/network"
)

// The values of start_offset.
const (
	startEarliest  = "earliest"
	startLatest    = "latest"
	startCommitted = "committed"
)

// The values of transaction_isolation_level.
const (
	readUncommitted = "read_uncommitted"
	readCommitted   = "read_committed"
)

// The values of group_protocol and group_balancers.
const (
	protocolClassic  = "classic"
	protocolConsumer = "consumer"

	balancerCooperative = "cooperative-sticky"
	balancerSticky      = "sticky"
	balancerRange       = "range"
	balancerRoundRobin  = "round-robin"
)

// minCommitPeriod is the least that the client takes.
const minCommitPeriod = 100 * time.Millisecond

// Messages that lint and construction share; %s is the offending value.
const (
	errNoBrokers = "seed_brokers is empty: name at least one broker, such as 127.0.0.1:9092"
	errBadBroker = `seed_brokers: \"%s\" is no host:port, such as 127.0.0.1:9092`
	errNoTopics  = "topics is empty: name at least one topic, or regexp_topics_include"
	errBadTopic  = `topics: \"%s\" is no topic name: letters, digits, dots, underscores and hyphens are allowed; use regexp_topics_include for patterns`
	errNoGroup   = "consumer_group is empty: name the group to join, or name partitions in topics, such as foo:0"

	errBadRegexp          = `topics: \"%s\" is no valid regular expression`
	errBadExclude         = `regexp_topics_exclude: \"%s\" is no valid regular expression`
	errTopicsTwice        = "topics and regexp_topics_include are both set: use one or the other"
	errExclude            = "regexp_topics_exclude is set without regexp_topics_include"
	errBadPartition       = `topics: \"%s\" names no partition: expected is one such as foo:0, foo:2-5 or, to start at offset 10, foo:0:10`
	errMixedTopics        = `topics: \"%s\" names no partition, while others do: name the partitions of all or of none`
	errGroupAndPartitions = `consumer_group (%s) is set while topics name partitions: a group shares partitions out by itself`
	errBadTimestamp       = `start_timestamp (%s) is no time: expected is one such as 2026-01-31T00:00:00Z`
	errBalancer           = `group_balancers: \"%s\" is unknown: cooperative-sticky, sticky, range and round-robin are possible`
	errOnceNeedsGroup     = "exactly_once is set while topics name partitions: it keeps its notes in the commits of a consumer_group"
	errOnceRegexp         = "exactly_once is set while topics are given by regular expressions: name the topics"
	errNoBalancer         = "group_balancers is empty: name at least one, such as cooperative-sticky"
	errCommitPeriod       = "commit_period (%s) must be at least 100ms"
	errPerMessage         = "records_per_message (%v) must be at least 1"
	errFramedOnce         = "exactly_once is set while records_per_message (%v) puts many records in a message: choose one of the two"
	errFramedMetadata     = "record_metadata is set while records_per_message (%v) puts many records in a message, which has no metadata of single ones"
	errHeartbeat          = "heartbeat_interval (%s) must be less than session_timeout (%s)"
	errBadKey             = `record_metadata: \"%s\" is unknown: kafka_offset, kafka_key, kafka_timestamp_ms, kafka_timestamp_unix and headers are possible`
	errNoUser             = "sasl: username is empty, which mechanism %s needs"
	errNoToken            = "sasl: token is empty, which mechanism OAUTHBEARER needs"
)

// config is the user's YAML.
type config struct {
	seedBrokers []string
	topics      []string
	regexp      bool
	exclude     []string
	topicsTwice bool         // topics and regexp_topics_include are both there
	partitions  partitionSet // nil when a group shares the partitions out
	group       string
	startOffset string
	startTime   time.Time // zero when not set
	isolation   string

	tls  func() (*tls.Config, error) // reads the files of tls; nil when off
	sasl []saslConfig

	instanceID, rackID, clientID string
	protocol                     string
	balancers                    []string

	commitPeriod      time.Duration
	lagPeriod         time.Duration
	requestOverhead   time.Duration
	connIdle          time.Duration
	sessionTimeout    time.Duration
	rebalanceTimeout  time.Duration
	heartbeatInterval time.Duration
	metadataMaxAge    time.Duration

	fetchMinBytes, fetchMaxBytes, fetchMaxPartition int32
	fetchMaxInflated                                int32
	fetchMaxWait                                    time.Duration
	maxFetches                                      int

	metadata       map[string]string
	recordMetadata []string
	perMessage     int
	batchCount     int
	batchBytes     int64
	batchPeriod    time.Duration
	exactlyOnce    bool
	replayNacks    bool
	gate           string
	network        network.Dial // nil for TCP
}

func parseConfig(conf *service.ParsedConfig) (*config, error) {
	f := &fields{conf: conf}
	c := &config{
		seedBrokers: splitList(f.texts(fieldSeedBrokers)),
		regexp:      f.flag(fieldRegexpTopics),
		exclude:     f.texts(fieldRegexpExclude),
		group:       f.text(fieldConsumerGroup),
		startOffset: f.text(fieldStartOffset),
		startTime:   f.timestamp(fieldStartTimestamp),
		isolation:   f.text(fieldIsolation),

		instanceID: f.text(fieldInstanceID),
		rackID:     f.text(fieldRackID),
		clientID:   f.text(fieldClientID),
		protocol:   f.text(fieldGroupProtocol),
		balancers:  f.texts(fieldGroupBalancers),

		commitPeriod:      f.duration(fieldCommitPeriod),
		lagPeriod:         f.duration(fieldLagPeriod),
		requestOverhead:   f.duration(fieldRequestOverhead),
		connIdle:          f.duration(fieldConnIdle),
		sessionTimeout:    f.duration(fieldSessionTimeout),
		rebalanceTimeout:  f.duration(fieldRebalanceTimeout),
		heartbeatInterval: f.duration(fieldHeartbeatInterval),
		metadataMaxAge:    f.duration(fieldMetadataMaxAge),

		fetchMinBytes:     f.size(fieldFetchMinBytes),
		fetchMaxBytes:     f.size(fieldFetchMaxBytes),
		fetchMaxPartition: f.size(fieldFetchMaxPartition),
		fetchMaxInflated:  f.size(fieldFetchMaxInflated),
		fetchMaxWait:      f.duration(fieldFetchMaxWait),
		maxFetches:        f.number(fieldMaxFetches),

		metadata:       f.pairs(fieldMetadata),
		recordMetadata: f.texts(fieldRecordMetadata),
		perMessage:     f.number(fieldRecordsPerMessage),
		batchCount:     f.number(fieldBatch, fieldCount),
		batchBytes:     int64(f.size(fieldBatch, fieldByteSize)),
		batchPeriod:    f.duration(fieldBatch, fieldPeriod),
		exactlyOnce:    f.flag(fieldExactlyOnce),
		replayNacks:    f.flag(fieldReplayNacks),
		gate:           f.text(fieldGate),
	}
	c.readTopics(f)
	c.tls = f.tls()
	c.sasl = f.sasl()
	if err := cmp.Or(f.err, c.validate()); err != nil {
		return nil, err
	}
	if c.namesPartitions() {
		c.partitions, _ = parsePartitions(c.topics) // validated
	}
	return c, nil
}

// readTopics reads the names or patterns of topics out of either field.
func (c *config) readTopics(f *fields) {
	c.topics = f.texts(fieldTopics)
	if include := f.texts(fieldRegexpInclude); len(include) > 0 {
		c.topicsTwice = len(c.topics) > 0
		c.topics, c.regexp = include, true
	}
	if !c.regexp { // a comma may be part of an expression
		c.topics = splitList(c.topics)
	}
}

// tls reads the files of tls, now to see that they are right, and again for each
// connection: what is rotated in them is used by the next one.
func (f *fields) tls() func() (*tls.Config, error) {
	_, enabled, err := f.conf.FieldTLSToggled(fieldTLS)
	f.fail(err)
	if !enabled {
		return nil
	}
	return func() (*tls.Config, error) {
		conf, _, err := f.conf.FieldTLSToggled(fieldTLS)
		if err != nil {
			return nil, fmt.Errorf("reading the files of %s: %w", fieldTLS, err)
		}
		return conf.Clone(), nil
	}
}

// validate names all that is wrong with the config, each by field and value.
func (c *config) validate() error {
	errs := append(c.checkBrokers(), c.checkTopics()...)
	errs = append(errs, c.checkDurations()...)
	errs = append(errs,
		oneOf(fieldStartOffset, c.startOffset, startEarliest, startLatest, startCommitted),
		oneOf(fieldIsolation, c.isolation, readUncommitted, readCommitted),
		oneOf(fieldGroupProtocol, c.protocol, protocolClassic, protocolConsumer),
		c.checkBalancers())
	if c.batchCount < 1 {
		errs = append(errs, fmt.Errorf("batch.count (%d) must be at least 1", c.batchCount))
	}
	errs = append(errs, c.checkFrames())
	if c.maxFetches < 0 {
		errs = append(errs, fmt.Errorf("max_concurrent_fetches (%d) must be 0, for one each broker, or more", c.maxFetches))
	}
	for _, k := range c.recordMetadata {
		if decorators[k] == nil {
			errs = append(errs, complain(errBadKey, k))
		}
	}
	for _, s := range c.sasl {
		errs = append(errs, s.validate())
	}
	return errors.Join(errs...)
}

func (c *config) checkFrames() error {
	switch {
	case c.perMessage < 1:
		return fmt.Errorf(errPerMessage, c.perMessage)
	case c.perMessage > 1 && c.exactlyOnce:
		return fmt.Errorf(errFramedOnce, c.perMessage)
	case c.perMessage > 1 && len(c.recordMetadata) > 0:
		return fmt.Errorf(errFramedMetadata, c.perMessage)
	}
	return nil
}

func oneOf(field, value string, possible ...string) error {
	if slices.Contains(possible, value) {
		return nil
	}
	return fmt.Errorf("%s (%s) is unknown: %s are possible", field, value, strings.Join(possible, ", "))
}

func (c *config) checkBalancers() error {
	if len(c.balancers) == 0 {
		return errors.New(errNoBalancer)
	}
	for _, b := range c.balancers {
		if balancers[b] == nil {
			return complain(errBalancer, b)
		}
	}
	return nil
}

var (
	validBroker = regexp.MustCompile(brokerPattern)
	validTopic  = regexp.MustCompile(topicPattern)
)

func (c *config) checkBrokers() (errs []error) {
	if len(c.seedBrokers) == 0 {
		return []error{errors.New(errNoBrokers)}
	}
	for _, b := range c.seedBrokers {
		if !validBroker.MatchString(b) {
			errs = append(errs, complain(errBadBroker, b))
		}
	}
	return errs
}

func (c *config) checkDurations() (errs []error) {
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{fieldCommitPeriod, c.commitPeriod},
		{fieldSessionTimeout, c.sessionTimeout},
		{fieldRebalanceTimeout, c.rebalanceTimeout},
		{fieldHeartbeatInterval, c.heartbeatInterval},
		{fieldMetadataMaxAge, c.metadataMaxAge},
		{fieldFetchMaxWait, c.fetchMaxWait},
		{fieldLagPeriod, c.lagPeriod},
		{fieldRequestOverhead, c.requestOverhead},
		{fieldConnIdle, c.connIdle},
		{fieldBatch + "." + fieldPeriod, c.batchPeriod},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("%s (%s) must be more than 0", d.field, d.value))
		}
	}
	if c.commitPeriod > 0 && c.commitPeriod < minCommitPeriod {
		errs = append(errs, fmt.Errorf(errCommitPeriod, c.commitPeriod))
	}
	if c.heartbeatInterval >= c.sessionTimeout {
		errs = append(errs, fmt.Errorf(errHeartbeat, c.heartbeatInterval, c.sessionTimeout))
	}
	return errs
}

// complain makes an error of a message that is written for Bloblang, where
// quotes are escaped.
func complain(format, value string) error {
	return errors.New(strings.ReplaceAll(strings.Replace(format, "%s", value, 1), `\"`, `"`))
}
