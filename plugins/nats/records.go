package nats

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// What record_metadata may ask for.
const (
	fieldRecordMetadata = "record_metadata"

	metaReply   = "nats_reply_subject"
	metaHeaders = "headers"
)

const (
	metaSubject = "nats_subject"

	// maxTemplates bounds the memory that templates take. Feeds have some
	// thousand subjects; beyond it the cache starts anew.
	maxTemplates = 4096
)

// records makes the stream's messages of what NATS delivers. Setting metadata
// costs a map per message, copying a message that has it does not: so each
// subject has a template. Not safe for concurrent use.
type records struct {
	static    map[string]string
	reply     bool     // whether messages carry their reply subject
	headers   bool     // and their headers
	reserved  []string // keys that no header may set, beside those that are set
	base      *service.Message
	templates map[string]*service.Message
}

// coreRecordMetadata is what record_metadata of pausable_nats may ask for.
var coreRecordMetadata = []string{metaReply, metaHeaders}

func validateRecordMetadata(asked, possible []string) error {
	for _, k := range asked {
		if !slices.Contains(possible, k) {
			return fmt.Errorf("%s: %q is unknown: %s are possible", fieldRecordMetadata, k, inWords(possible))
		}
	}
	return nil
}

// inWords lists two items or more: a, b and c.
func inWords(items []string) string {
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " and " + items[last]
}

// newRecords makes messages that carry ctx, the static metadata, their subject
// and what extra, of record_metadata, asks for.
func newRecords(ctx context.Context, static map[string]string, extra ...string) *records {
	base := service.NewMessage(nil).WithContext(ctx)
	for k, v := range static {
		base.MetaSetMut(k, v)
	}
	return &records{
		static: static, base: base, templates: map[string]*service.Message{}, reserved: []string{metaReply},
		reply: slices.Contains(extra, metaReply), headers: slices.Contains(extra, metaHeaders),
	}
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

// frames makes messages of up to so many records each, of any subjects.
func (r *records) frames(msgs []*nats.Msg, perMessage int) service.MessageBatch {
	batch := make(service.MessageBatch, 0, len(msgs)/perMessage+1)
	for some := range slices.Chunk(msgs, perMessage) {
		f := frame.NewBuilder(len(some), sizeOf(some))
		for _, m := range some {
			f.Add(m.Data)
		}
		batch = append(batch, f.Message(r.base.Context(), r.base))
	}
	return batch
}

// sizeOf is how many bytes of data there are.
func sizeOf(msgs []*nats.Msg) (n int) {
	for _, m := range msgs {
		n += len(m.Data)
	}
	return n
}

func (r *records) message(m *nats.Msg) *service.Message {
	out := r.template(m.Subject).Copy()
	out.SetBytes(m.Data)
	if r.reply && m.Reply != "" {
		r.setMeta(out, metaReply, m.Reply)
	}
	if r.headers {
		r.setHeaders(out, m.Header)
	}
	return out
}

// setHeaders replaces no key that the input sets.
func (r *records) setHeaders(out *service.Message, header nats.Header) {
	for k, v := range header {
		if _, taken := out.MetaGetMut(k); !taken && len(v) > 0 && !slices.Contains(r.reserved, k) {
			out.MetaSetMut(k, v[0])
		}
	}
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
