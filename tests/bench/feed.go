package main

import (
	"context"
	"fmt"
	"time"
)

// chunk is how many records are published between two looks at the window.
const chunk = 500

// startFeed publishes the dataset on a goroutine of its own, until it has ended
// or the returned function is called, which waits for it.
func (s *servers) startFeed(ctx context.Context, d dataset, w *bounded) (end func() error) {
	ctx, cancel := context.WithCancel(ctx)
	fed := make(chan error, 1)
	go func() { fed <- s.feedNATS(ctx, d, w) }()
	return func() error {
		cancel()
		return <-fed
	}
}

// feedNATS publishes the dataset to core NATS, inside the window.
func (s *servers) feedNATS(ctx context.Context, d dataset, w *bounded) error {
	conn, err := s.nats.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	sent, room := 0, 0
	err = d.messages(func(message []byte) error {
		if room <= 0 {
			if room, err = w.room(ctx, sent, chunk); err != nil {
				return err
			}
		}
		n := min(d.frame, d.records-sent)
		sent, room = sent+n, room-n
		return conn.Publish(d.name(), message)
	})
	if err != nil {
		return fmt.Errorf("publishing to %s: %w", d.name(), err)
	}
	return conn.FlushWithContext(ctx)
}

// awaitSubscriber returns when somebody subscribes to the subject.
func (s *servers) awaitSubscriber(ctx context.Context, subject string, gone <-chan struct{}) error {
	for !s.nats.Subscribed(subject) {
		select {
		case <-gone:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("waiting for a subscriber of %s: %w", subject, ctx.Err())
		case <-time.After(lookAgain):
		}
	}
	return nil
}
