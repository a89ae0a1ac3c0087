package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// requestTimeout bounds a question to the JetStream API.
const requestTimeout = 5 * time.Second

// found is a consumer that is there, on the stream that is there.
type found struct {
	stream   *jetstream.StreamInfo
	consumer *jetstream.ConsumerInfo
	renewed  *renewal // nil unless the consumer was made anew for where it stood
	made     bool     // we have just made it
	last     uint64   // the last sequence of the stream, when the consumer had been looked up
}

// consumerConfig is the consumer as it is to be, where it does not exist yet.
func (c jetConfig) consumerConfig() jetstream.ConsumerConfig {
	conf := jetstream.ConsumerConfig{
		Durable:       c.durable,
		AckPolicy:     c.ackPolicy,
		AckWait:       c.ackWait,
		MaxAckPending: c.maxAckPending,
		MaxDeliver:    -1, // deliveries are counted here; the server would leave messages lying
		DeliverPolicy: c.deliver,
		OptStartSeq:   c.startSequence,
	}
	if !c.startTime.IsZero() {
		conf.OptStartTime = &c.startTime
	}
	c.filter(&conf)
	return conf
}

func (c jetConfig) filter(conf *jetstream.ConsumerConfig) {
	conf.FilterSubject, conf.FilterSubjects = "", nil
	if len(c.subjects) == 1 {
		conf.FilterSubject = c.subjects[0]
	} else {
		conf.FilterSubjects = c.subjects
	}
}

// find returns the consumer to pull from. Unless it is to be an existing one it
// is made or brought up to date; a new one starts at resumeAt if that is not 0
// and the stream still is the one from created.
func (c jetConfig) find(ctx context.Context, js jetstream.JetStream, resumeAt uint64, created time.Time) (f found, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stream, err := js.Stream(ctx, c.stream)
	if err != nil {
		return f, c.explain(err)
	}
	f.stream = stream.CachedInfo()
	if err := c.madeAnew(f.stream, created); err != nil {
		return f, err
	}
	if !f.stream.Created.Equal(created) {
		resumeAt = 0
	}
	consumer, err := stream.Consumer(ctx, c.durable)
	if err == nil {
		consumer, f.renewed, err = c.putBack(ctx, stream, consumer)
	}
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound) && !c.bind:
		consumer, err = stream.CreateConsumer(ctx, c.startingAt(resumeAt))
		f.made = true
	case err == nil && !c.bind:
		consumer, err = c.update(ctx, stream, consumer)
	}
	if err != nil {
		return f, c.explain(err)
	}
	f.consumer = consumer.CachedInfo()
	now, err := stream.Info(ctx)
	if err != nil {
		return f, c.explain(err)
	}
	f.last = now.State.LastSeq
	return f, c.check(f.consumer.Config)
}

// anchor is where the consumer stands.
func (f found) anchor() anchor {
	info := f.consumer
	a := anchor{
		stream: f.stream.Created, made: info.Created, config: info.Config,
		consumer: info.Delivered.Consumer, last: info.Delivered.Stream, pending: info.NumPending,
		whole: isWhole(f.stream.Config, filtersOf(info.Config)), fresh: f.made || f.renewed != nil, renewed: f.renewed != nil,
	}
	if from := max(a.last+1, f.stream.State.FirstSeq); f.last >= from {
		there := f.last + 1 - from
		a.holes = there - min(there, a.pending)
	}
	if a.fresh {
		a.upTo = f.last
	}
	return a
}

func (c jetConfig) startingAt(sequence uint64) jetstream.ConsumerConfig {
	conf := c.consumerConfig()
	if sequence > 0 {
		conf.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		conf.OptStartSeq, conf.OptStartTime = sequence, nil
	}
	return conf
}

// update brings the settings of an existing consumer in line that can be
// changed. Where it was to start is no longer of interest. One that is as it
// should be is left alone.
func (c jetConfig) update(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer) (jetstream.Consumer, error) {
	have := consumer.CachedInfo().Config
	want := have
	want.AckWait, want.MaxAckPending, want.MaxDeliver = c.ackWait, c.maxAckPending, -1
	c.filter(&want)
	same := have.AckWait == want.AckWait && have.MaxAckPending == want.MaxAckPending && have.MaxDeliver == want.MaxDeliver &&
		have.FilterSubject == want.FilterSubject && slices.Equal(have.FilterSubjects, want.FilterSubjects)
	if same || have.AckPolicy != c.ackPolicy {
		return consumer, nil
	}
	return stream.UpdateConsumer(ctx, want)
}

// check refuses a consumer that cannot be used.
func (c jetConfig) check(have jetstream.ConsumerConfig) error {
	switch {
	case have.AckPolicy == jetstream.AckNonePolicy:
		return fmt.Errorf("%s: consumer %q of stream %q takes no acknowledgements (ack policy none): explicit or all is required",
			fieldDurable, c.durable, c.stream)
	case have.HeadersOnly:
		return fmt.Errorf("%s: consumer %q of stream %q delivers headers without the messages (headers_only): one that delivers both is required",
			fieldDurable, c.durable, c.stream)
	case !c.bind && have.AckPolicy != c.ackPolicy:
		return fmt.Errorf("%s: consumer %q of stream %q exists with the policy %s, which cannot be changed: delete it, or choose that policy",
			fieldAckPolicy, c.durable, c.stream, have.AckPolicy)
	}
	return nil
}

// explain names the field that an answer of the server is about.
func (c jetConfig) explain(err error) error {
	var reset *resetError
	switch {
	case errors.As(err, &reset):
		return err
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("%s: the stream %q does not exist: %w", fieldStream, c.stream, err)
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return fmt.Errorf("%s: the consumer %q of stream %q does not exist, and %s is set: %w", fieldDurable, c.durable, c.stream, fieldBind, err)
	case errors.Is(err, jetstream.ErrNotPullConsumer):
		return fmt.Errorf("%s: consumer %q of stream %q pushes its messages: one that is pulled from is required", fieldDurable, c.durable, c.stream)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%s: the server has no JetStream for us: %w", fieldURLs, err)
	}
	return fmt.Errorf("looking for consumer %q of stream %q: %w", c.durable, c.stream, err)
}

// ackWait is the shortest time after which the consumer delivers again.
func (f found) ackWait() time.Duration {
	wait := f.consumer.Config.AckWait
	for _, d := range f.consumer.Config.BackOff {
		wait = min(wait, d)
	}
	return wait
}

// floorOf is up to where a consumer has settled everything. It is 0 before it has
// delivered anything: where it begins is then for its configuration to say.
func floorOf(info *jetstream.ConsumerInfo) uint64 {
	if info.Delivered.Consumer == 0 && info.Config.DeliverPolicy != jetstream.DeliverNewPolicy {
		return 0
	}
	return info.AckFloor.Stream
}

// givesUp is after how many deliveries a message of this stream is given up, 0
// for never. Where the server deletes what is settled it would delete it.
func (c jetConfig) givesUp(stream *jetstream.StreamInfo) int {
	if stream.Config.Retention != jetstream.LimitsPolicy {
		return 0
	}
	return c.maxDeliveries
}

// pendingFault says that a consumer's max_ack_pending is in the way of the gate, or of what
// one replica may hold, which is a full buffer and what waits before it; "" if it is not.
func pendingFault(durable string, maxAckPending int, pause, buffer, waiting int) string {
	switch {
	case pause <= 0 || maxAckPending <= 0:
		return ""
	case maxAckPending <= pause:
		return fmt.Sprintf("max_ack_pending (%d) of consumer %q is not above pause_threshold (%d): the server stops delivering before the gate can pause",
			maxAckPending, durable, pause)
	case maxAckPending < buffer+waiting:
		return fmt.Sprintf("max_ack_pending (%d) of consumer %q is below max_buffer_size + pending_limits.messages (%d + %d): the server stops delivering before the buffer is full, "+
			"and earlier where more replicas share the consumer", maxAckPending, durable, buffer, waiting)
	}
	return ""
}
