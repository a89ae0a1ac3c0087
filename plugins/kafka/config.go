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
)

// The values of start_offset.
const (
	startEarliest  = "earliest"
	startLatest    = "latest"
	startCommitted = "committed"
)

// Messages that lint and construction share; %s is the offending value.
const (
	errNoBrokers = "seed_brokers is empty: name at least one broker, such as 127.0.0.1:9092"
	errBadBroker = `seed_brokers: \"%s\" is no host:port, such as 127.0.0.1:9092`
	errNoTopics  = "topics is empty: name at least one topic"
	errBadTopic  = `topics: \"%s\" is no topic name: letters, digits, dots, underscores and hyphens are allowed; set regexp_topics for patterns`
	errBadRegexp = `topics: \"%s\" is no valid regular expression`
	errNoGroup   = "consumer_group is empty: name the group to join"
	errHeartbeat = "heartbeat_interval (%s) must be less than session_timeout (%s)"
	errBadKey    = `record_metadata: \"%s\" is unknown: kafka_offset, kafka_key, kafka_timestamp_ms, kafka_timestamp_unix and headers are possible`
	errNoUser    = "sasl: username is empty, which mechanism %s needs"
	errNoToken   = "sasl: token is empty, which mechanism OAUTHBEARER needs"
)

// config is the user's YAML.
type config struct {
	seedBrokers []string
	topics      []string
	regexp      bool
	group       string
	startOffset string

	tls  *tls.Config // nil when off
	sasl []saslConfig

	instanceID, rackID, clientID string

	commitPeriod      time.Duration
	sessionTimeout    time.Duration
	rebalanceTimeout  time.Duration
	heartbeatInterval time.Duration
	metadataMaxAge    time.Duration

	fetchMinBytes, fetchMaxBytes, fetchMaxPartition int32
	fetchMaxWait                                    time.Duration
	maxFetches                                      int

	metadata       map[string]string
	recordMetadata []string
	batchCount     int
	replayNacks    bool
	gate           string
}

func parseConfig(conf *service.ParsedConfig) (*config, error) {
	f := &fields{conf: conf}
	c := &config{
		seedBrokers: splitList(f.texts(fieldSeedBrokers)),
		topics:      f.texts(fieldTopics),
		regexp:      f.flag(fieldRegexpTopics),
		group:       f.text(fieldConsumerGroup),
		startOffset: f.text(fieldStartOffset),

		instanceID: f.text(fieldInstanceID),
		rackID:     f.text(fieldRackID),
		clientID:   f.text(fieldClientID),

		commitPeriod:      f.duration(fieldCommitPeriod),
		sessionTimeout:    f.duration(fieldSessionTimeout),
		rebalanceTimeout:  f.duration(fieldRebalanceTimeout),
		heartbeatInterval: f.duration(fieldHeartbeatInterval),
		metadataMaxAge:    f.duration(fieldMetadataMaxAge),

		fetchMinBytes:     f.size(fieldFetchMinBytes),
		fetchMaxBytes:     f.size(fieldFetchMaxBytes),
		fetchMaxPartition: f.size(fieldFetchMaxPartition),
		fetchMaxWait:      f.duration(fieldFetchMaxWait),
		maxFetches:        f.number(fieldMaxFetches),

		metadata:       f.pairs(fieldMetadata),
		recordMetadata: f.texts(fieldRecordMetadata),
		batchCount:     f.number(fieldBatch, fieldCount),
		replayNacks:    f.flag(fieldReplayNacks),
		gate:           f.text(fieldGate),
	}
	if !c.regexp { // a comma may be part of an expression
		c.topics = splitList(c.topics)
	}
	c.tls = f.tls()
	c.sasl = f.sasl()
	return c, cmp.Or(f.err, c.validate())
}

func (f *fields) tls() *tls.Config {
	t, enabled, err := f.conf.FieldTLSToggled(fieldTLS)
	f.fail(err)
	if !enabled {
		return nil
	}
	return t
}

// validate names all that is wrong with the config, each by field and value.
func (c *config) validate() error {
	errs := append(c.checkBrokers(), c.checkTopics()...)
	if strings.TrimSpace(c.group) == "" {
		errs = append(errs, errors.New(errNoGroup))
	}
	errs = append(errs, c.checkDurations()...)
	if !slices.Contains([]string{startEarliest, startLatest, startCommitted}, c.startOffset) {
		errs = append(errs, fmt.Errorf("start_offset (%s) is unknown: %s, %s and %s are possible",
			c.startOffset, startEarliest, startLatest, startCommitted))
	}
	if c.batchCount < 1 {
		errs = append(errs, fmt.Errorf("batch.count (%d) must be at least 1", c.batchCount))
	}
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

func (c *config) checkTopics() (errs []error) {
	if len(c.topics) == 0 {
		return []error{errors.New(errNoTopics)}
	}
	for _, t := range c.topics {
		_, err := regexp.Compile(t)
		switch {
		case strings.TrimSpace(t) == "":
			errs = append(errs, errors.New(errNoTopics))
		case c.regexp && err != nil:
			errs = append(errs, fmt.Errorf("%w: %w", complain(errBadRegexp, t), err))
		case !c.regexp && !validTopic.MatchString(t):
			errs = append(errs, complain(errBadTopic, t))
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
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("%s (%s) must be more than 0", d.field, d.value))
		}
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
