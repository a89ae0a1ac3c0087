package nats

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// minAckWait leaves the keeper time to tell of every message that is held.
const minAckWait = 100 * time.Millisecond

var validName = regexp.MustCompile(namePattern)

var (
	deliverPolicies = map[string]jetstream.DeliverPolicy{
		"all":               jetstream.DeliverAllPolicy,
		"last":              jetstream.DeliverLastPolicy,
		"last_per_subject":  jetstream.DeliverLastPerSubjectPolicy,
		"new":               jetstream.DeliverNewPolicy,
		"by_start_sequence": jetstream.DeliverByStartSequencePolicy,
		"by_start_time":     jetstream.DeliverByStartTimePolicy,
	}
	ackPolicies = map[string]jetstream.AckPolicy{
		"explicit": jetstream.AckExplicitPolicy,
		"all":      jetstream.AckAllPolicy,
	}
)

// jetConfig is the configuration of one pausable_nats_jetstream.
type jetConfig struct {
	batching
	connection     connectionConfig
	stream         string
	durable        string
	bind           bool
	subjects       []string
	deliver        jetstream.DeliverPolicy
	startSequence  uint64
	startTime      time.Time // zero unless deliver is by_start_time
	ackPolicy      jetstream.AckPolicy
	ackWait        time.Duration
	maxAckPending  int
	maxDeliveries  int
	onReset        string
	domain         string
	apiPrefix      string
	metadata       map[string]string
	recordMetadata []string
}

func parseJet(conf *service.ParsedConfig) (c jetConfig, err error) {
	if c.connection, err = parseConnection(conf); err != nil {
		return c, err
	}
	p := fields{conf: conf}
	c.stream = p.string(fieldStream)
	c.durable = p.string(fieldDurable)
	c.bind = p.bool(fieldBind)
	c.subjects = p.strings(fieldSubjects)
	c.ackWait = p.duration(fieldAckWait)
	c.maxAckPending = p.int(fieldMaxAckPending)
	c.maxDeliveries = p.int(fieldMaxDeliveries)
	c.onReset = p.string(fieldOnReset)
	c.domain = p.string(fieldDomain)
	c.apiPrefix = p.string(fieldAPIPrefix)
	c.metadata = p.pairs(fieldMetadata)
	c.recordMetadata = p.strings(fieldRecordMetadata)
	c.batching = parseBatching(&p)
	if err := c.parsePolicies(&p); err != nil {
		return c, err
	}
	return c, c.validate()
}

// parsePolicies reads the fields that choose, and what belongs to the choices.
func (c *jetConfig) parsePolicies(p *fields) error {
	deliver, sequence, from, ack := p.string(fieldDeliver), p.int(fieldStartSequence), p.string(fieldStartTime), p.string(fieldAckPolicy)
	if p.err != nil {
		return p.err
	}
	var known bool
	if c.deliver, known = deliverPolicies[deliver]; !known {
		return fmt.Errorf("%s: %q is unknown: all, last, last_per_subject, new, by_start_sequence or by_start_time is required", fieldDeliver, deliver)
	}
	if c.ackPolicy, known = ackPolicies[ack]; !known {
		return fmt.Errorf("%s: %q is unknown: explicit or all is required", fieldAckPolicy, ack)
	}
	switch bySequence := c.deliver == jetstream.DeliverByStartSequencePolicy; {
	case bySequence && sequence < 1:
		return fmt.Errorf("%s (%d) must be at least 1 with %s: %s", fieldStartSequence, sequence, fieldDeliver, deliver)
	case !bySequence && sequence != 0:
		return fmt.Errorf("%s is for %s: by_start_sequence only (%s is %s)", fieldStartSequence, fieldDeliver, fieldDeliver, deliver)
	}
	c.startSequence = uint64(sequence)
	return c.parseStartTime(deliver, from)
}

func (c *jetConfig) parseStartTime(deliver, from string) (err error) {
	if c.deliver != jetstream.DeliverByStartTimePolicy {
		if from != "" {
			return fmt.Errorf("%s is for %s: by_start_time only (%s is %s)", fieldStartTime, fieldDeliver, fieldDeliver, deliver)
		}
		return nil
	}
	if c.startTime, err = time.Parse(time.RFC3339, from); err != nil {
		return fmt.Errorf("%s: %q is no time: one such as 2026-01-31T00:00:00Z is required with %s: %s", fieldStartTime, from, fieldDeliver, deliver)
	}
	return nil
}

func (c jetConfig) validate() error {
	switch {
	case !validName.MatchString(c.stream):
		return fmt.Errorf("%s: %q is no name: one without spaces, dots, *, > and slashes is required", fieldStream, c.stream)
	case !validName.MatchString(c.durable):
		return fmt.Errorf("%s: %q is no name: one without spaces, dots, *, > and slashes is required", fieldDurable, c.durable)
	case c.onReset != onResetResume && c.onReset != onResetFail:
		return fmt.Errorf("%s: %q is unknown: %s or %s is required", fieldOnReset, c.onReset, onResetResume, onResetFail)
	case c.ackWait < minAckWait:
		return fmt.Errorf("%s: %q is too short: at least %s is required", fieldAckWait, c.ackWait, minAckWait)
	case c.maxAckPending == 0 || c.maxAckPending < -1:
		return fmt.Errorf("%s (%d) must be at least 1, or -1 for any number", fieldMaxAckPending, c.maxAckPending)
	case !c.bind && c.maxAckPending > 0 && c.maxAckPending < c.pendingMessages:
		return fmt.Errorf("%s (%d) is less than pending_limits.messages (%d): the server would stop before what is asked for has come",
			fieldMaxAckPending, c.maxAckPending, c.pendingMessages)
	case c.maxDeliveries < 0:
		return fmt.Errorf("%s: %d is too small: at least 0 is required", fieldMaxDeliveries, c.maxDeliveries)
	}
	return errors.Join(c.validateAPI(), c.validateSubjects(), validateRecordMetadata(c.recordMetadata, jetRecordMetadata), c.batching.validate(c.recordMetadata))
}

const apiAmbiguous = "api_prefix: domain is set too, and stands for a prefix: set one of the two"

func (c jetConfig) validateAPI() error {
	if c.domain != "" && c.apiPrefix != "" {
		return errors.New(apiAmbiguous)
	}
	return errors.Join(validatePrefix(fieldDomain, c.domain), validatePrefix(fieldAPIPrefix, c.apiPrefix))
}

// api is what the subjects of the JetStream API begin with, without a dot at the
// end.
func (c jetConfig) api() string {
	switch {
	case c.apiPrefix != "":
		return c.apiPrefix
	case c.domain != "":
		return "$JS." + c.domain + ".API"
	}
	return "$JS.API"
}

// jetStream talks to the API over a connection.
func (c jetConfig) jetStream(nc *nats.Conn) (jetstream.JetStream, error) {
	return jetstream.NewWithAPIPrefix(nc, c.api())
}

func (c jetConfig) validateSubjects() error {
	if c.bind && len(c.subjects) > 0 {
		return errors.New("subjects: a consumer that is bound to keeps its own: leave the list empty")
	}
	return validateSubjects(c.subjects)
}

// intake is the part of the configuration that bounds what waits in the client.
func (c jetConfig) intake(poison func(*nats.Msg, delivery)) intakeConfig {
	return intakeConfig{
		messages:      c.pendingMessages,
		bytes:         c.pendingBytes,
		count:         c.count,
		period:        c.period,
		maxDeliveries: uint64(c.maxDeliveries),
		poison:        poison,
	}
}

// test looks for the stream and, where it must exist, for the consumer.
func (c jetConfig) test(ctx context.Context, nc *nats.Conn) error {
	js, err := c.jetStream(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stream, err := js.Stream(ctx, c.stream)
	if err != nil {
		return c.explain(err)
	}
	consumer, err := stream.Consumer(ctx, c.durable)
	switch {
	case err == nil:
		return c.check(consumer.CachedInfo().Config)
	case !c.bind && errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil // it is made when it is needed
	}
	return c.explain(err)
}
