package nats

import (
	"context"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// The metadata keys of a message from JetStream, named as Redpanda Connect
// names them, beside nats_subject.
const (
	metaStream           = "nats_stream"
	metaConsumer         = "nats_consumer"
	metaSequenceStream   = "nats_sequence_stream"
	metaSequenceConsumer = "nats_sequence_consumer"
	metaNumDelivered     = "nats_num_delivered"
	metaNumPending       = "nats_num_pending"
	metaTimestamp        = "nats_timestamp_unix_nano"
)

// stamps are the keys that differ from message to message.
var stamps = map[string]func(delivery) any{
	metaSequenceStream:   func(d delivery) any { return int64(d.stream) },
	metaSequenceConsumer: func(d delivery) any { return int64(d.consumer) },
	metaNumDelivered:     func(d delivery) any { return int64(d.count) },
	metaNumPending:       func(d delivery) any { return int64(d.pending) },
	metaTimestamp:        func(d delivery) any { return d.stored.UnixNano() },
}

// The keys of stamps, and what record_metadata may ask for.
var (
	stampKeys         = []string{metaSequenceStream, metaSequenceConsumer, metaNumDelivered, metaNumPending, metaTimestamp}
	jetRecordMetadata = append(slices.Clone(stampKeys), metaHeaders)
)

// jetRecords makes the stream's messages of what JetStream delivers. As with
// core NATS each subject has a template; the context is one for each batch and
// knows where its messages stand in the stream. Not safe for concurrent use.
type jetRecords struct {
	perMessage int
	ctx        context.Context //nolint:containedctx // what every batch's context is made from
	source     string
	stamps     []string
	templates  *records
	stamped    map[string]*service.Message // templates with the context of the batch
}

func newJetRecords(ctx context.Context, conf jetConfig) *jetRecords {
	templates := newRecords(ctx, conf.metadata, conf.recordMetadata...)
	templates.reserved = stampKeys
	templates.setMeta(templates.base, metaStream, conf.stream)
	templates.setMeta(templates.base, metaConsumer, conf.durable)
	return &jetRecords{
		perMessage: conf.perMessage,
		ctx:        ctx,
		source:     "jetstream/" + conf.stream,
		stamps:     slices.DeleteFunc(slices.Clone(conf.recordMetadata), func(k string) bool { return k == metaHeaders }),
		templates:  templates,
		stamped:    map[string]*service.Message{},
	}
}

// batch makes one message of each; the runs say their sequences in the same
// order. The data is not copied: nats.go allocates it for each message and
// never touches it again.
func (r *jetRecords) batch(msgs []*nats.Msg, runs []*run) service.MessageBatch {
	where := position.NewRun(r.source, len(msgs))
	ctx := where.Mark(r.ctx)
	if r.perMessage > 1 {
		return r.frames(ctx, where, msgs, runs)
	}
	clear(r.stamped)
	batch := make(service.MessageBatch, 0, len(msgs))
	for _, run := range runs {
		for _, it := range run.items {
			m := msgs[len(batch)]
			m.Data = where.Add(int64(it.sequence), m.Data)
			batch = append(batch, r.message(ctx, m))
		}
	}
	return batch
}

// frames makes messages of many records each, of any subjects.
func (r *jetRecords) frames(ctx context.Context, where *position.Run, msgs []*nats.Msg, runs []*run) service.MessageBatch {
	sequences := make([]int64, 0, len(msgs))
	for _, run := range runs {
		for _, it := range run.items {
			sequences = append(sequences, int64(it.sequence))
		}
	}
	batch := make(service.MessageBatch, 0, len(msgs)/r.perMessage+1)
	for some := range slices.Chunk(msgs, r.perMessage) {
		f := frame.NewBuilder(len(some), sizeOf(some))
		for i, m := range some {
			where.Add(sequences[i], f.Add(m.Data))
		}
		sequences = sequences[len(some):]
		batch = append(batch, f.Message(ctx, r.templates.base))
	}
	return batch
}

func (r *jetRecords) message(ctx context.Context, m *nats.Msg) *service.Message {
	out := r.template(ctx, m.Subject).Copy()
	out.SetBytes(m.Data)
	if r.templates.headers {
		r.templates.setHeaders(out, m.Header)
	}
	if len(r.stamps) > 0 {
		d, _ := parseDelivery(m.Reply)
		for _, key := range r.stamps {
			r.templates.setMeta(out, key, stamps[key](d))
		}
	}
	return out
}

func (r *jetRecords) template(ctx context.Context, subject string) *service.Message {
	t, ok := r.stamped[subject]
	if !ok {
		t = r.templates.template(subject).WithContext(ctx)
		r.stamped[subject] = t
	}
	return t
}
