package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const (
	// watchInterval is how often the server is asked where the consumer stands.
	watchInterval = 5 * time.Second
	// watchRest is how long after one look the next may be at the earliest.
	watchRest = 250 * time.Millisecond
)

// watch is what a session remembers from one look at its consumer to the next.
type watch struct {
	looked   bool
	received int64
	floor    uint64
	full     bool
}

// observe asks where the consumer stands, now and then and when messages come
// again that are held: its lag, what is acknowledged, whether it still is as it
// was, and what no answer to a request says.
func (s *jetSession) observe(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	defer s.in.figures.ForgetLag()
	var w watch
	for ctx.Err() == nil {
		s.countLoss(ctx)
		if s.conn.IsConnected() {
			s.look(ctx, &w)
		} else {
			s.in.figures.ForgetLag()
		}
		await(ctx, nil, watchRest)
		select {
		case <-tick.C:
		case <-s.intake.again:
		case <-s.intake.short:
		case <-ctx.Done():
		}
	}
}

func (s *jetSession) look(ctx context.Context, w *watch) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	consumer, err := s.js.Consumer(ctx, s.in.conf.stream, s.in.conf.durable)
	if err != nil { // the puller finds out why
		s.in.figures.ForgetLag()
		return
	}
	info := consumer.CachedInfo()
	s.intake.stands(info.Created, floorOf(info))
	s.intake.seen(info)
	s.in.figures.SetLag(int64(info.NumPending) + int64(info.NumAckPending)) //nolint:gosec // a count of messages
	s.setAckWait(found{consumer: info}.ackWait())
	s.sayFull(info, w)
	if w.looked && info.AckFloor.Stream == w.floor {
		s.dropGone(ctx)
	}
	received := s.intake.counts().received
	if received == w.received && info.NumPending == 0 {
		s.suspect(ctx, info)
	}
	w.looked, w.received, w.floor = true, received, info.AckFloor.Stream
}

// setAckWait keeps the keeper in step with a consumer that somebody changes.
func (s *jetSession) setAckWait(wait time.Duration) {
	if time.Duration(s.ackWait.Swap(int64(wait))) != wait {
		signal(s.retime)
	}
}

// sayFull says, on the edge, that the server delivers no more for want of
// acknowledgements, and did not at the last look either: for a moment every busy
// consumer is full.
func (s *jetSession) sayFull(info *jetstream.ConsumerInfo, w *watch) {
	most := info.Config.MaxAckPending
	full := most > 0 && info.NumAckPending >= most && info.NumPending > 0 && (w.full || w.looked && info.AckFloor.Stream == w.floor)
	switch {
	case full && !w.full:
		words := fmt.Sprintf("%d messages are not acknowledged, as many as consumer %q allows (max_ack_pending): the server delivers no more, and %d wait", info.NumAckPending, s.in.conf.durable, info.NumPending)
		if s.intake.ackAll() {
			words += "; with ack_policy all every message waits for the oldest that is not settled"
		}
		first := max(s.intake.resumeAt(), info.AckFloor.Stream+1) // what it delivered last may still be on its way
		s.log.With("first_unsettled", first, "max_ack_pending", most).Warn(words)
		s.in.figures.Report(status.Incident{Class: status.ClassStalled, Message: words, Count: 1})
	case !full && w.full:
		s.log.Info("JetStream delivers again: messages were acknowledged")
	}
	w.full = full
}

// suspect looks, while nothing comes, whether nothing can come.
func (s *jetSession) suspect(ctx context.Context, info *jetstream.ConsumerInfo) {
	stream, err := s.js.Stream(ctx, s.in.conf.stream)
	if err == nil && s.in.conf.isBeyond(info, stream.CachedInfo().State) {
		s.suspected.Store(true)
		signal(s.intake.wake)
	}
}
