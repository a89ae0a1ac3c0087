// Package frame puts many records into one message, separated by newlines. Most
// of what a host costs is per message: a message of a thousand records costs a
// thousandth of it for each.
//
// Whoever makes a frame notes in its context where the records are, so that
// nobody has to look for them. A frame whose body was changed on the way is none
// any more: see Frame.Intact.
package frame

import (
	"context"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Separator stands between the records of a frame. Records may hold it
// themselves: Frame.Record goes by what the maker noted.
const Separator = '\n'

// Frame says what a message is made of. It is not changed once it is made.
type Frame struct {
	parent context.Context //nolint:containedctx // of the message, without the frame
	body   []byte
	ends   []int // behind each record
}

type key struct{}

// Of returns the frame that a message with this context was made as, nil if it
// was made as a single record.
func Of(ctx context.Context) *Frame {
	f, _ := ctx.Value(key{}).(*Frame)
	return f
}

// Len is the number of records.
func (f *Frame) Len() int { return len(f.ends) }

// Record returns the bytes of a record, without its separator.
func (f *Frame) Record(i int) []byte {
	start := 0
	if i > 0 {
		start = f.ends[i-1] + 1
	}
	return f.body[start:f.ends[i]:f.ends[i]]
}

// Intact reports whether body still is what the frame was made with.
func (f *Frame) Intact(body []byte) bool {
	return len(body) == len(f.body) && unsafe.SliceData(body) == unsafe.SliceData(f.body)
}

// Single returns a message of one record alone, with the metadata of m, which
// must have been made as this frame.
func (f *Frame) Single(m *service.Message, record []byte) *service.Message {
	one := m.Copy().WithContext(f.parent)
	one.SetBytes(record)
	return one
}

// Counter counts records, message by message. It is quickest when messages in a
// row share their context. The zero value is ready; it is not safe for
// concurrent use.
type Counter struct {
	ctx context.Context //nolint:containedctx // the last one seen, to spare looking into it again
	n   int
}

// Of is how many records a message is made of.
func (c *Counter) Of(m *service.Message) int {
	if ctx := m.Context(); ctx != c.ctx {
		c.ctx, c.n = ctx, 1
		if f := Of(ctx); f != nil {
			c.n = f.Len()
		}
	}
	return c.n
}

// Builder makes a frame. It is not safe for concurrent use.
type Builder struct {
	body []byte
	ends []int
}

// NewBuilder returns a builder for up to so many records of so many bytes
// altogether. Beyond that what Add has returned is not the frame's memory.
func NewBuilder(records, bytes int) *Builder {
	return &Builder{body: make([]byte, 0, records+bytes), ends: make([]int, 0, records)}
}

// Len is the number of records so far.
func (b *Builder) Len() int { return len(b.ends) }

// Add appends a record and returns its bytes inside of the frame.
func (b *Builder) Add(record []byte) []byte {
	if len(b.ends) > 0 {
		b.body = append(b.body, Separator)
	}
	start := len(b.body)
	b.body = append(b.body, record...)
	b.ends = append(b.ends, len(b.body))
	return b.body[start:len(b.body):len(b.body)]
}

// Message returns the records as one message, which carries ctx and the
// metadata of template. The host counts it as that many messages. There is one
// record at least.
func (b *Builder) Message(ctx context.Context, template *service.Message) *service.Message {
	m := template.Copy()
	if n := len(b.ends); n > 1 {
		f := &Frame{parent: ctx, body: b.body, ends: b.ends}
		m = m.WithContext(context.WithValue(ctx, key{}, f)).WithCollapsedCount(n)
	} else {
		m = m.WithContext(ctx)
	}
	m.SetBytes(b.body)
	return m
}
