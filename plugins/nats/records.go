package nats

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	metaSubject = "nats_subject"
	metaReply   = "nats_reply_subject"

	// maxTemplates bounds the memory that templates take. Feeds have some
	// thousand subjects; beyond it the cache starts anew.
	maxTemplates = 4096
)

// records makes the stream's messages of what NATS delivers. Setting metadata
// costs a map per message, copying a message that has it does not: so each
// subject has a template. Not safe for concurrent use.
type records struct {
	static    map[string]string
	base      *service.Message
	templates map[string]*service.Message
}

// newRecords makes messages that carry ctx and the static metadata.
func newRecords(ctx context.Context, static map[string]string) *records {
	base := service.NewMessage(nil).WithContext(ctx)
	for k, v := range static {
		base.MetaSetMut(k, v)
	}
	return &records{static: static, base: base, templates: map[string]*service.Message{}}
}

// batch makes one message of each. The data is not copied: nats.go allocates
// it for each message and never touches it again.
func (r *records) batch(msgs []*nats.Msg) service.MessageBatch {
	batch := make(service.MessageBatch, len(msgs))
	for i, m := range msgs {
		batch[i] = r.message(m)
	}
	return batch
}

func (r *records) message(m *nats.Msg) *service.Message {
	out := r.template(m.Subject).Copy()
	out.SetBytes(m.Data)
	if m.Reply != "" {
		r.setMeta(out, metaReply, m.Reply)
	}
	for k, v := range m.Header {
		if len(v) > 0 && k != metaSubject && k != metaReply {
			r.setMeta(out, k, v[0])
		}
	}
	return out
}

func (r *records) template(subject string) *service.Message {
	if t, ok := r.templates[subject]; ok {
		return t
	}
	if len(r.templates) == maxTemplates {
		clear(r.templates)
	}
	t := r.base.Copy()
	r.setMeta(t, metaSubject, subject)
	r.templates[subject] = t
	return t
}

// setMeta sets a key unless the configuration has: a table name taken from
// there must not be for a publisher to choose.
func (r *records) setMeta(m *service.Message, key string, value any) {
	if _, taken := r.static[key]; !taken {
		m.MetaSetMut(key, value)
	}
}
