package nats

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	// ticksPerWait divides ack_wait for the keeper; what was heard of half of
	// them ago at the latest gets a sign of life.
	ticksPerWait = 8

	// receiptTicks is after how many ticks acknowledgements are sent again that
	// the server did not confirm.
	receiptTicks = 2

	firstNackDelay = 100 * time.Millisecond
	lastNackDelay  = 30 * time.Second
)

// receiptMark sets the answers to acknowledgements apart from those to requests.
const receiptMark = "ack-"

// keep gives the server a sign of life of what is held for long, and looks
// after the figures.
func (s *jetSession) keep(ctx context.Context) {
	tick := time.NewTicker(s.tick())
	defer tick.Stop()
	told, last := false, time.Now()
	for {
		atLeast := uint32(ticksPerWait / 2)
		select {
		case <-tick.C:
		case <-s.retime: // the server's patience has changed: it hears of everything at once
			atLeast = 0
			tick.Reset(s.tick())
		case <-ctx.Done():
			return
		}
		now := time.Now()
		passed := max(1, (now.Sub(last)+s.tick()/2)/s.tick()) // a busy machine leaves ticks out
		last = now
		told = told || s.in.warnOfThreshold(s.maxAckPending)
		s.in.publish(s)
		late := s.intake.overdue(uint32(passed), atLeast)
		if s.conn.IsConnected() {
			_ = s.publish(late, ackProgress) // what is lost for it is said again
			for _, r := range s.intake.unconfirmed(receiptTicks) {
				_ = s.acknowledge(r)
			}
		}
		if s.intake.inDebt() {
			s.relieve(ctx)
		}
	}
}

// tick is how often the keeper looks.
func (s *jetSession) tick() time.Duration {
	return max(time.Duration(s.ackWait.Load())/ticksPerWait, time.Millisecond)
}

// relieve asks the server whether the messages are settled for which
// acknowledgements wait.
func (s *jetSession) relieve(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	consumer, err := s.js.Consumer(ctx, s.in.conf.stream, s.in.conf.durable)
	if err != nil {
		return // the puller finds out why
	}
	_ = s.acknowledge(s.intake.relieve(uint64(consumer.CachedInfo().NumAckPending))) // what is lost for it is said again
}

var (
	ackAck      = []byte("+ACK")
	ackProgress = []byte("+WPI")
	ackTerm     = []byte("+TERM max_deliveries")
	ackNak      = []byte("-NAK")
)

// acknowledge tells the server what is settled, and asks it to confirm that.
func (s *jetSession) acknowledge(r receipt) error {
	if len(r.replies) == 0 {
		return nil
	}
	last := len(r.replies) - 1
	if err := s.publish(r.replies[:last], ackAck); err != nil {
		return err
	}
	confirm := s.inbox + "." + receiptMark + strconv.FormatUint(r.id, 10)
	if err := s.conn.PublishRequest(r.replies[last], confirm, ackAck); err != nil {
		return fmt.Errorf("acknowledging to JetStream: %w", err)
	}
	return nil
}

// publish answers messages. nats.go writes many of them at once; while the
// connection is away it keeps them, up to its bound. What is lost for it is
// delivered again.
func (s *jetSession) publish(replies []string, answer []byte) (err error) {
	for _, reply := range replies {
		if err = s.conn.Publish(reply, answer); err != nil {
			return fmt.Errorf("acknowledging to JetStream: %w", err)
		}
	}
	return nil
}

// giveBack asks the server to deliver messages again, at once or after a time
// that grows with each delivery.
func (s *jetSession) giveBack(items []item, delay func(deliveries uint32) time.Duration) {
	for _, i := range items {
		answer := ackNak
		if d := delay(i.count); d > 0 {
			answer = fmt.Appendf(nil, `-NAK {"delay":%d}`, d.Nanoseconds())
		}
		if s.conn.Publish(i.reply, answer) != nil {
			return
		}
	}
}

func atOnce(uint32) time.Duration { return 0 }

func later(deliveries uint32) time.Duration {
	return min(firstNackDelay<<min(deliveries-1, 16), lastNackDelay)
}
