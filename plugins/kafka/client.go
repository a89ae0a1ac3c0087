package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
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
	}
	if c.tls != nil {
		opts = append(opts, kgo.DialTLSConfig(c.tls.Clone()))
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

// consumerOptions make a client a member of the group. Offsets are committed
// only where they were marked, and marked only where all before is settled.
func (c *config) consumerOptions() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(c.group),
		kgo.ConsumeTopics(c.topics...),
		kgo.ConsumeResetOffset(c.resetOffset()),
		kgo.Rack(c.rackID),
		kgo.SessionTimeout(c.sessionTimeout),
		kgo.RebalanceTimeout(c.rebalanceTimeout),
		kgo.HeartbeatInterval(c.heartbeatInterval),
		kgo.BlockRebalanceOnPoll(),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(c.commitPeriod),
		kgo.FetchMinBytes(c.fetchMinBytes),
		kgo.FetchMaxBytes(c.fetchMaxBytes),
		kgo.FetchMaxPartitionBytes(min(c.fetchMaxPartition, c.fetchMaxBytes)),
		kgo.FetchMaxWait(c.fetchMaxWait),
	}
	if c.regexp {
		opts = append(opts, kgo.ConsumeRegex())
	}
	if c.instanceID != "" {
		opts = append(opts, kgo.InstanceID(c.instanceID))
	}
	if c.maxFetches > 0 {
		opts = append(opts, kgo.MaxConcurrentFetches(c.maxFetches))
	}
	return opts
}

func (c *config) resetOffset() kgo.Offset {
	switch c.startOffset {
	case startLatest:
		return kgo.NewOffset().AtEnd()
	case startCommitted:
		return kgo.NewOffset().AtCommitted()
	default:
		return kgo.NewOffset().AtStart()
	}
}

// probe checks that the brokers are reached, that they let us in and that the
// topics exist. It uses a client of its own, because a client that consumes
// joins the group at once, and each failed attempt would disturb its members.
func (c *config) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	opts, err := c.connectionOptions()
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("configuring the Kafka client: %w", err)
	}
	defer cl.Close()

	if err := cl.Ping(ctx); err != nil {
		return c.explain(err)
	}
	if c.regexp {
		return nil
	}
	topics, err := kadm.NewClient(cl).ListTopics(ctx, c.topics...)
	if err != nil {
		return fmt.Errorf("looking up topics: %w", err)
	}
	return checkDetails(topics)
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
