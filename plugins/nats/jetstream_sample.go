package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

var _ checkup.Sampler = (*jetInput)(nil)

// sampleReach is how many messages of other subjects are stepped over for each
// that is wanted.
const sampleReach = 10

// Sample implements checkup.Sampler: it reads the last messages of the stream
// one by one, which takes no consumer.
func (in *jetInput) Sample(ctx context.Context, request checkup.Request) (*checkup.Sample, error) {
	var raw []*jetstream.RawStreamMsg
	var rate float64
	err := in.visit(ctx, func(stream jetstream.Stream) (err error) {
		if raw, err = in.conf.lastMessages(ctx, stream, request); err != nil {
			return err
		}
		rate, err = measureRate(ctx, stream, min(rateWindow, request.Wait))
		return err
	})
	if err != nil {
		return nil, err
	}
	msgs := make([]*nats.Msg, len(raw))
	items := make([]item, len(raw))
	for i, m := range raw {
		reply := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.0.%d.0", in.conf.stream, in.conf.durable, m.Sequence, m.Time.UnixNano())
		msgs[i] = &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data, Reply: reply}
		items[i] = item{sequence: m.Sequence}
	}
	r := newJetRecords(context.Background(), in.conf)
	s := &checkup.Sample{
		Input: in.label, Records: len(msgs), Bytes: int64(sizeOf(msgs)), Rate: rate, Blank: r.templates.base,
		Note: fmt.Sprintf("the last ones of stream %q", in.conf.stream),
	}
	s.Batch = r.batch(msgs, []*run{{items: items}})
	return s, nil
}

// measureRate is how many messages a second come into the stream just now.
func measureRate(ctx context.Context, stream jetstream.Stream, window time.Duration) (float64, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking for the state of the stream: %w", err)
	}
	before, begun := info.State.LastSeq, time.Now()
	select {
	case <-time.After(window):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if info, err = stream.Info(ctx); err != nil {
		return 0, fmt.Errorf("asking for the state of the stream: %w", err)
	}
	return float64(info.State.LastSeq-before) / time.Since(begun).Seconds(), nil
}

// visit calls fn with the stream, over a connection of its own.
func (in *jetInput) visit(ctx context.Context, fn func(jetstream.Stream) error) error {
	var link status.Link
	conn, err := in.conf.connection.dial(ctx, in.label, in.log, &link, hooks{})
	if err != nil {
		return err
	}
	defer conn.close()
	js, err := in.conf.jetStream(conn.conn)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, in.conf.stream)
	if err != nil {
		return in.conf.explain(err)
	}
	return fn(stream)
}

// lastMessages returns the messages that the consumer would be given and that
// are found in time, the oldest first.
func (c jetConfig) lastMessages(ctx context.Context, stream jetstream.Stream, request checkup.Request) ([]*jetstream.RawStreamMsg, error) {
	filters, err := c.filters(ctx, stream)
	if err != nil {
		return nil, err
	}
	state := stream.CachedInfo().State
	reach := uint64(sampleReach * request.Records) //nolint:gosec // not negative
	var found []*jetstream.RawStreamMsg
	begun := time.Now()
	for seq := state.LastSeq; seq >= max(1, state.FirstSeq) && state.LastSeq-seq < reach; seq-- {
		if len(found) == request.Records || time.Since(begun) > request.Wait {
			break
		}
		m, err := stream.GetMsg(ctx, seq)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound): // deleted
		case err != nil:
			return nil, fmt.Errorf("reading message %d of stream %q: %w", seq, c.stream, err)
		case matchesAny(filters, m.Subject):
			found = append(found, m)
		}
	}
	if len(found) == 0 { // they lie further back
		if found, err = lastOfEach(ctx, stream, filters); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b *jetstream.RawStreamMsg) int { return int(int64(a.Sequence) - int64(b.Sequence)) })
	return found, nil
}

func lastOfEach(ctx context.Context, stream jetstream.Stream, filters []string) (found []*jetstream.RawStreamMsg, err error) {
	for _, filter := range filters {
		m, err := stream.GetLastMsgForSubject(ctx, filter)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the last message of %s: %w", filter, err)
		}
		found = append(found, m)
	}
	return found, nil
}

// filters are the subjects of the consumer; none for all of the stream's.
func (c jetConfig) filters(ctx context.Context, stream jetstream.Stream) ([]string, error) {
	if !c.bind {
		return c.subjects, nil
	}
	consumer, err := stream.Consumer(ctx, c.durable)
	if err != nil {
		return nil, c.explain(err)
	}
	return filtersOf(consumer.CachedInfo().Config), nil
}

func matchesAny(filters []string, subject string) bool {
	return len(filters) == 0 || slices.ContainsFunc(filters, func(f string) bool { return within(subject, f) })
}
