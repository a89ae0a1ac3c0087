package marketdata

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kgo"
)

// subjects makes "<prefix>.<key>" once per key.
type subjects struct {
	prefix string
	made   map[string]string
}

func (s *subjects) of(key string) string {
	subject, ok := s.made[key]
	if !ok {
		subject = s.prefix + "." + key
		s.made[key] = subject
	}
	return subject
}

type natsSink struct {
	conn      *nats.Conn
	subjects  subjects
	published atomic.Int64
}

// NATSSink publishes to the subjects <prefix>.<key> of core NATS. The caller
// keeps the connection. A record counts when the connection has taken it: what a
// connection loses as it breaks, core NATS cannot tell.
func NATSSink(conn *nats.Conn, prefix string) Sink {
	return &natsSink{conn: conn, subjects: subjects{prefix: prefix, made: map[string]string{}}}
}

func (s *natsSink) Publish(_ context.Context, key string, record []byte) error {
	if err := s.conn.Publish(s.subjects.of(key), record); err != nil {
		return err
	}
	s.published.Add(1)
	return nil
}

func (s *natsSink) Flush(ctx context.Context) error { return s.conn.FlushWithContext(ctx) }
func (s *natsSink) Published() int64                { return s.published.Load() }

type jetStreamSink struct {
	js        jetstream.JetStream
	subjects  subjects
	published atomic.Int64
	pending   []jetstream.PubAckFuture
}

// jetStreamPending is how many publications wait for the server at most.
const jetStreamPending = 1024

// JetStreamSink publishes to the subjects <prefix>.<key>, which a stream has
// to cover. A record counts when the server has stored it.
func JetStreamSink(js jetstream.JetStream, prefix string) Sink {
	return &jetStreamSink{js: js, subjects: subjects{prefix: prefix, made: map[string]string{}}}
}

func (s *jetStreamSink) Publish(ctx context.Context, key string, record []byte) error {
	if len(s.pending) == jetStreamPending {
		// A context that ends here would lose this record: a gap in seq.
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := s.Flush(flush); err != nil {
			return err
		}
	}
	// The client keeps the record until it is stored.
	future, err := s.js.PublishAsync(s.subjects.of(key), slices.Clone(record))
	if err != nil {
		return err
	}
	s.pending = append(s.pending, future)
	return nil
}

func (s *jetStreamSink) Flush(ctx context.Context) error {
	var failed error
	for len(s.pending) > 0 {
		select {
		case <-s.pending[0].Ok():
			s.published.Add(1)
		case err := <-s.pending[0].Err():
			failed = errors.Join(failed, err)
		case <-ctx.Done():
			return errors.Join(failed, ctx.Err())
		}
		s.pending = s.pending[1:] // it answers once
	}
	s.pending = nil
	return failed
}

func (s *jetStreamSink) Published() int64 { return s.published.Load() }

type kafkaSink struct {
	client    *kgo.Client
	topic     string
	published atomic.Int64

	mu     sync.Mutex
	failed error // the first
}

// KafkaSink produces to one topic with the key as the record's key. The caller
// keeps the client, whose defaults are right: all acks, idempotent. A record
// counts when the broker has acknowledged it.
func KafkaSink(client *kgo.Client, topic string) Sink {
	return &kafkaSink{client: client, topic: topic}
}

func (s *kafkaSink) Publish(ctx context.Context, key string, record []byte) error {
	// A context that ends would take back what waits in the client: a gap in seq.
	ctx = context.WithoutCancel(ctx)
	s.client.Produce(ctx, &kgo.Record{Topic: s.topic, Key: []byte(key), Value: slices.Clone(record)}, s.settled)
	return s.failure()
}

func (s *kafkaSink) settled(_ *kgo.Record, err error) {
	if err == nil {
		s.published.Add(1)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf("producing to %s: %w", s.topic, err)
	}
}

func (s *kafkaSink) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *kafkaSink) Flush(ctx context.Context) error {
	return errors.Join(s.client.Flush(ctx), s.failure())
}

func (s *kafkaSink) Published() int64 { return s.published.Load() }
