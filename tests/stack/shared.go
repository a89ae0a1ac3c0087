package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
)

// TB is the part of testing.TB that Shared needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// Shared are the servers of this process, started on first use and ended by
// StopShared. A test that stops or stalls one puts it right again before it ends;
// one that cannot starts its own.
var Shared servers

type servers struct {
	mu     sync.Mutex
	nats   *NATS
	kafka  *Kafka
	next   *Kafka
	houses map[string]ClickHouse
}

// NATS is the shared NATS server without a password.
func (s *servers) NATS(t TB) *NATS {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nats != nil {
		return s.nats
	}
	nats, err := StartNATS(NATSOptions{})
	if err != nil {
		t.Fatalf("sharing NATS: %v", err)
	}
	s.nats = nats
	return nats
}

// Kafka is the shared broker. Tests use topics and groups of their own.
func (s *servers) Kafka(t TB) *Kafka {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kafka != nil {
		return s.kafka
	}
	kafka, err := StartKafkaWith(context.WithoutCancel(t.Context()), KafkaOptions{Brief: true})
	if err != nil {
		t.Fatalf("sharing Kafka: %v", err)
	}
	s.kafka = kafka
	return kafka
}

// KafkaNext is the shared broker of the newest release. Tests use topics and
// groups of their own.
func (s *servers) KafkaNext(t TB) *Kafka {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		return s.next
	}
	kafka, err := StartKafkaNext(context.WithoutCancel(t.Context()), KafkaOptions{Brief: true})
	if err != nil {
		t.Fatalf("sharing the newest Kafka: %v", err)
	}
	s.next = kafka
	return kafka
}

// ClickHouse is the shared server of the kind, without a password and without
// tables, with faults where there are any. Tests use databases of their own.
func (s *servers) ClickHouse(t TB, kind string) ClickHouse {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch := s.houses[kind]; ch != nil {
		return ch
	}
	ch, err := StartClickHouse(context.WithoutCancel(t.Context()), kind, ClickHouseOptions{Faults: true})
	if err != nil {
		t.Fatalf("sharing ClickHouse: %v", err)
	}
	if s.houses == nil {
		s.houses = map[string]ClickHouse{}
	}
	s.houses[kind] = ch
	return ch
}

// StopShared ends the shared servers and removes their data.
func StopShared() error {
	s := &Shared
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.nats != nil {
		errs = append(errs, s.nats.Close())
	}
	if s.kafka != nil {
		errs = append(errs, s.kafka.Close())
	}
	if s.next != nil {
		errs = append(errs, s.next.Close())
	}
	for _, ch := range s.houses {
		errs = append(errs, ch.Close())
	}
	s.nats, s.kafka, s.next, s.houses = nil, nil, nil, nil
	return errors.Join(errs...)
}

// Runner is *testing.M.
type Runner interface{ Run() int }

// Main wraps m so that the shared servers end after the tests and before
// goleak looks: goleak.VerifyTestMain(stack.Main(m)).
func Main(m Runner) Runner { return stopping{m} }

type stopping struct{ Runner }

func (s stopping) Run() int {
	code := s.Runner.Run()
	if err := StopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "stack: stopping the shared servers:", err)
		return max(code, 1)
	}
	return code
}
