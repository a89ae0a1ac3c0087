package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// probeTimeout bounds how long one attempt to connect may take.
const probeTimeout = 10 * time.Second

// connectionOptions are those that every client of this input needs.
func (c *config) connectionOptions() ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.seedBrokers...),
		kgo.ClientID(c.clientID),
		kgo.MetadataMaxAge(c.metadataMaxAge),
		kgo.MetadataMinAge(min(c.metadataMaxAge, time.Second)),
		kgo.RequestTimeoutOverhead(c.requestOverhead),
		kgo.ConnIdleTimeout(c.connIdle),
	}
	switch {
	case c.tls != nil:
		opts = append(opts, kgo.Dialer(c.dialTLS))
	case c.network != nil:
		opts = append(opts, kgo.Dialer(c.network))
	}
	for _, s := range c.sasl {
		m, err := s.mechanism()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

// dialTLS connects to a broker with the certificates that the files have now.
func (c *config) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conf, err := c.tls()
	if err != nil {
		return nil, err
	}
	if conf.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("address %q of a broker: %w", address, err)
		}
		conf.ServerName = host
	}
	return (&tls.Dialer{NetDialer: &net.Dialer{Timeout: probeTimeout}, Config: conf}).DialContext(ctx, network, address)
}

// probe checks that the brokers are reached, that they let us in and that the
// topics exist.
func (c *config) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return c.visit(ctx, func(admin *kadm.Client) error {
		return errors.Join(c.checkProtocol(ctx, admin), c.findTopics(ctx, admin))
	})
}

// visit calls fn with a client of its own when the brokers are reached: a client
// that consumes joins the group at once, and each failed attempt would disturb its
// members.
func (c *config) visit(ctx context.Context, fn func(*kadm.Client) error) error {
	return c.dial(ctx, func(cl *kgo.Client) error { return fn(kadm.NewClient(cl)) })
}

func (c *config) dial(ctx context.Context, fn func(*kgo.Client) error) error {
	opts, err := c.connectionOptions()
	if err != nil {
		return err
	}
	// With its context, since the client waits long for brokers that do not answer.
	cl, err := kgo.NewClient(append(opts, kgo.WithContext(ctx))...)
	if err != nil {
		return fmt.Errorf("configuring the Kafka client: %w", err)
	}
	defer cl.Close()
	if err := cl.Ping(ctx); err != nil {
		return c.explain(cmp.Or(ctx.Err(), err))
	}
	err = fn(cl)
	if errors.Is(err, kgo.ErrClientClosed) && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", err, ctx.Err())
	}
	return err
}

// checkProtocol says that the brokers do not know the protocol; the client
// would use the classic one without a word.
func (c *config) checkProtocol(ctx context.Context, admin *kadm.Client) error {
	if c.protocol != protocolConsumer || c.partitions != nil {
		return nil
	}
	versions, err := admin.ApiVersions(ctx)
	if err != nil {
		return fmt.Errorf("asking the brokers for what they support: %w", err)
	}
	for _, broker := range versions.Sorted() {
		if v, ok := broker.KeyMaxVersion(int16(kmsg.ConsumerGroupHeartbeat)); ok && v >= 1 {
			return nil
		}
	}
	return fmt.Errorf("group_protocol (%s) is unknown to the brokers: they must be Kafka 4.0 or later, use %s",
		protocolConsumer, protocolClassic)
}

// findTopics checks that the topics and partitions exist.
func (c *config) findTopics(ctx context.Context, admin *kadm.Client) error {
	if c.regexp {
		return nil
	}
	names := c.topics
	if c.partitions != nil {
		names = c.partitions.topics()
	}
	topics, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("looking up topics: %w", err)
	}
	return errors.Join(checkDetails(topics), c.checkPartitions(topics), c.checkCompaction(ctx, admin))
}

func (c *config) checkPartitions(topics kadm.TopicDetails) error {
	var errs []error
	for tp := range c.partitions {
		known := topics[tp.topic].Partitions
		if _, ok := known[tp.partition]; !ok && topics[tp.topic].Err == nil {
			errs = append(errs, fmt.Errorf("topics: \"%s:%d\" does not exist on the brokers: the topic has %d partitions",
				tp.topic, tp.partition, len(known)))
		}
	}
	return errors.Join(errs...)
}

func checkDetails(topics kadm.TopicDetails) error {
	var errs []error
	for _, t := range topics.Sorted() {
		switch {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			errs = append(errs, fmt.Errorf("topics: %q does not exist on the brokers: create it, or correct the name", t.Topic))
		case errors.Is(t.Err, kerr.TopicAuthorizationFailed):
			errs = append(errs, fmt.Errorf("topics: %q may not be read by this user: %w", t.Topic, t.Err))
		case t.Err != nil:
			errs = append(errs, fmt.Errorf("topics: looking up %q: %w", t.Topic, t.Err))
		}
	}
	return errors.Join(errs...)
}

// explain says which field an error of the connection has to do with.
func (c *config) explain(err error) error {
	switch {
	case len(c.sasl) > 0 && (isAuthError(err) || errors.Is(err, io.EOF)): // some brokers just hang up
		return fmt.Errorf("authenticating by sasl %s at seed_brokers %s: %w", describe(c.sasl), c.brokerList(), err)
	case strings.Contains(err.Error(), "response exceeds BrokerMaxReadBytes"): // the first bytes of something else, taken for a length
		return fmt.Errorf("connecting to seed_brokers %s: what answers there does not speak Kafka: is it the port of a broker? (%w)", c.brokerList(), err)
	default:
		return fmt.Errorf("connecting to seed_brokers %s: %w", c.brokerList(), err)
	}
}

func (c *config) brokerList() string { return strings.Join(c.seedBrokers, ", ") }

func isAuthError(err error) bool {
	for _, e := range []error{
		kerr.SaslAuthenticationFailed,
		kerr.UnsupportedSaslMechanism,
		kerr.IllegalSaslState,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
