package robustness

import (
	"context"
	"errors"
	"strings"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Servers are those that runs share, one run at a time. Each is started when it is
// needed first.
type Servers struct {
	nats     *stack.NATS
	natsLink *stack.FaultProxy
	cluster  *stack.NATSCluster
	kafka    *stack.Kafka
	next     *stack.Kafka
	houses   map[string]stack.ClickHouse
}

// NATS is a server, and the link that the bridge comes through.
func (s *Servers) NATS() (*stack.NATS, *stack.FaultProxy, error) {
	if s.nats == nil {
		var err error
		if s.nats, err = stack.StartNATS(stack.NATSOptions{}); err != nil {
			return nil, nil, err
		}
		if s.natsLink, err = stack.Proxy(strings.TrimPrefix(s.nats.URL(), "nats://")); err != nil {
			return nil, nil, err
		}
	}
	return s.nats, s.natsLink, nil
}

// Cluster is three nodes of NATS.
func (s *Servers) Cluster() (_ *stack.NATSCluster, err error) {
	if s.cluster == nil {
		s.cluster, err = stack.StartNATSCluster(3)
	}
	return s.cluster, err
}

// Kafka is a broker behind a link: the newest release, or the one before.
func (s *Servers) Kafka(ctx context.Context, newest bool) (_ *stack.Kafka, err error) {
	broker, start := &s.kafka, stack.StartKafkaWith
	if newest {
		broker, start = &s.next, stack.StartKafkaNext
	}
	if *broker == nil {
		*broker, err = start(context.WithoutCancel(ctx), stack.KafkaOptions{Linked: true, Brief: true})
	}
	return *broker, err
}

// House is a ClickHouse of a kind, with faults where it has any.
func (s *Servers) House(ctx context.Context, kind string) (stack.ClickHouse, error) {
	if s.houses[kind] == nil {
		house, err := stack.StartClickHouse(context.WithoutCancel(ctx), kind, stack.ClickHouseOptions{Faults: kind == stack.KindChDB})
		if err != nil {
			return nil, err
		}
		if s.houses == nil {
			s.houses = map[string]stack.ClickHouse{}
		}
		s.houses[kind] = house
	}
	return s.houses[kind], nil
}

// Close ends all of them.
func (s *Servers) Close() error {
	var errs []error
	if s.natsLink != nil {
		s.natsLink.Close()
	}
	if s.nats != nil {
		errs = append(errs, s.nats.Close())
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.Close())
	}
	for _, k := range []*stack.Kafka{s.kafka, s.next} {
		if k != nil {
			errs = append(errs, k.Close())
		}
	}
	for _, h := range s.houses {
		errs = append(errs, h.Close())
	}
	*s = Servers{}
	return errors.Join(errs...)
}
