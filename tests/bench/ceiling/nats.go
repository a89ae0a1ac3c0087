package main

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// runNATS reads core NATS, which has no acknowledgements.
func runNATS(ctx context.Context, o options, blocks func() block) error {
	conn, err := nats.Connect(o.address)
	if err != nil {
		return fmt.Errorf("connecting to NATS: %w", err)
	}
	defer conn.Close()
	p := newPump(o.rows, blocks, func(*held[struct{}]) error { return nil })
	failed := make(chan error, 1)
	sub, err := conn.Subscribe(o.name, func(m *nats.Msg) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err := p.take(m.Data); err != nil {
			fail(failed, err)
			return
		}
		p.roll()
	})
	if err != nil {
		return fmt.Errorf("subscribing to %s: %w", o.name, err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("lifting the limits of the client's queue: %w", err)
	}
	return p.run(ctx, failed, func() { _ = sub.Unsubscribe() })
}

// fail reports the first error; later ones follow from it.
func fail(failed chan<- error, err error) {
	select {
	case failed <- err:
	default:
	}
}

const (
	// pullAhead is how many bytes the client may have asked for that nobody has
	// read. In messages it would be no bound: the server cuts a client off that
	// has 64 MiB outstanding, which is 500 frames.
	pullAhead = 16 << 20
	// ackPending is beyond all that the blocks and the client can hold.
	ackPending = 500_000
)

// runJetStream reads a durable consumer and acknowledges each message.
func runJetStream(ctx context.Context, o options, blocks func() block) error {
	conn, err := nats.Connect(o.address)
	if err != nil {
		return fmt.Errorf("connecting to NATS: %w", err)
	}
	defer conn.Close()
	consumer, err := durable(ctx, conn, o)
	if err != nil {
		return err
	}
	p := newPump(o.rows, blocks, ackEach(conn))
	failed := make(chan error, 1)
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err := p.take(m.Data()); err != nil {
			fail(failed, err)
			return
		}
		p.current.acks = append(p.current.acks, m)
		p.roll()
	}, jetstream.PullMaxBytes(pullAhead))
	if err != nil {
		return fmt.Errorf("consuming %s: %w", o.name, err)
	}
	return p.run(ctx, failed, consuming.Stop)
}

func durable(ctx context.Context, conn *nats.Conn, o options) (jetstream.Consumer, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("opening JetStream: %w", err)
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, o.name, jetstream.ConsumerConfig{
		Durable:       o.group,
		AckPolicy:     jetstream.AckExplicitPolicy,
		MaxAckPending: ackPending,
	})
	if err != nil {
		return nil, fmt.Errorf("making the consumer %s of %s: %w", o.group, o.name, err)
	}
	return consumer, nil
}

// ackEach acknowledges every message of a stored block, and waits until the
// server has them all.
func ackEach(conn *nats.Conn) func(*held[[]jetstream.Msg]) error {
	return func(h *held[[]jetstream.Msg]) error {
		for i, m := range h.acks {
			if err := m.Ack(); err != nil {
				return fmt.Errorf("acknowledging: %w", err)
			}
			h.acks[i] = nil
		}
		h.acks = h.acks[:0]
		return conn.Flush()
	}
}
