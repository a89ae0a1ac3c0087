package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	onResetResume = "resume"
	onResetFail   = "fail"

	// resetConfirm is how long after the first look a consumer must still stand
	// beyond its stream: a stream whose leader has just changed may say less than
	// it has.
	resetConfirm = time.Second

	// clockMargin is how far the clocks of servers may differ: of two servers, one
	// tells when it stored a message, the other when it delivered one.
	clockMargin = time.Minute
)

// resetError says that a stream was set back: what it says now about sequences
// is not what it said when the consumer went over them.
type resetError struct {
	words    string
	consumer time.Time // when the consumer was made that stands where it cannot
}

func (e *resetError) Error() string { return e.words }

// renewal is what became of a consumer that stood beyond its stream.
type renewal struct {
	stood, last uint64
	from        time.Time // the consumer begins with what was stored since; zero for everything
}

// stand is the highest sequence that a consumer is done with.
func stand(info *jetstream.ConsumerInfo) uint64 {
	return max(info.Delivered.Stream, info.AckFloor.Stream)
}

// isBeyond reports whether a consumer stands behind the last message that its
// stream ever had: the server then delivers nothing, and says nothing, until
// the stream has grown past it. A consumer that was told to begin there, and
// has not begun, is where it should be.
func (c jetConfig) isBeyond(info *jetstream.ConsumerInfo, state jetstream.StreamState) bool {
	told := info.Delivered.Consumer == 0 && info.Config.OptStartSeq > state.LastSeq && (c.bind || c.startSequence == info.Config.OptStartSeq)
	return stand(info) > state.LastSeq && !told
}

// confirmBeyond looks again, the consumer first: messages that come meanwhile
// make the stream longer.
func (c jetConfig) confirmBeyond(ctx context.Context, stream jetstream.Stream, info *jetstream.ConsumerInfo) (*jetstream.ConsumerInfo, bool, error) {
	if !c.isBeyond(info, stream.CachedInfo().State) {
		return info, false, nil
	}
	for _, rest := range []time.Duration{0, resetConfirm} {
		if rest > 0 {
			await(ctx, nil, rest)
		}
		consumer, err := stream.Consumer(ctx, c.durable)
		if err != nil {
			return info, false, err
		}
		info = consumer.CachedInfo()
		now, err := stream.Info(ctx)
		if err != nil {
			return info, false, err
		}
		if !c.isBeyond(info, now.State) {
			return info, false, nil
		}
	}
	return info, true, nil
}

// putBack looks whether a consumer stands beyond its stream, and makes it anew
// where it may. It returns nil for renewed if there was nothing to do.
func (c jetConfig) putBack(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer) (jetstream.Consumer, *renewal, error) {
	info, beyond, err := c.confirmBeyond(ctx, stream, consumer.CachedInfo())
	if err != nil || !beyond {
		return consumer, nil, err
	}
	last := stream.CachedInfo().State.LastSeq
	if c.bind || c.onReset == onResetFail {
		return consumer, nil, &resetError{consumer: info.Created, words: fmt.Sprintf(
			"%s: consumer %q stands at sequence %d, beyond the last one of stream %q (%d): the stream was restored, or has lost messages. The server delivers nothing until it has grown past that, and leaves out what comes before; make the consumer anew (nats consumer rm %s %s), or set %s: %s",
			fieldOnReset, c.durable, stand(info), c.stream, last, c.stream, c.durable, fieldOnReset, onResetResume)}
	}
	r := &renewal{stood: stand(info), last: last, from: firstNew(ctx, stream, info)}
	if err := stream.DeleteConsumer(ctx, c.durable); err != nil {
		return consumer, nil, err
	}
	conf := c.consumerConfig()
	conf.DeliverPolicy, conf.OptStartSeq, conf.OptStartTime = jetstream.DeliverAllPolicy, 0, nil
	if !r.from.IsZero() {
		conf.DeliverPolicy, conf.OptStartTime = jetstream.DeliverByStartTimePolicy, &r.from
	}
	consumer, err = stream.CreateConsumer(ctx, conf)
	return consumer, r, err
}

// firstNew is the time since which everything is to be delivered by a consumer
// that takes the place of this one: what was stored after it delivered its last
// message is new, and what it has not settled was stored after its floor. It is
// zero where that cannot be told.
func firstNew(ctx context.Context, stream jetstream.Stream, info *jetstream.ConsumerInfo) time.Time {
	if info.Delivered.Last == nil {
		return time.Time{}
	}
	from := info.Delivered.Last.Add(-clockMargin)
	ctx, cancel := context.WithTimeout(ctx, resetConfirm) // who may not read single messages is not answered
	defer cancel()
	if m, err := stream.GetMsg(ctx, info.AckFloor.Stream+1); err == nil && m.Time.Before(from) {
		from = m.Time
	}
	return from
}

// madeAnew refuses a stream that is not the one that the consumer was made for,
// where that is not for us to go over.
func (c jetConfig) madeAnew(info *jetstream.StreamInfo, created time.Time) error {
	if c.onReset != onResetFail || created.IsZero() || info.Created.Equal(created) {
		return nil
	}
	return &resetError{words: fmt.Sprintf(
		"%s: stream %q was made anew at %s: start the bridge again to read it, or set %s: %s",
		fieldOnReset, c.stream, info.Created.Format(time.RFC3339), fieldOnReset, onResetResume)}
}
