// Package frame puts many records into one message, separated by newlines. Most
// of what a host costs is per message: a message of a thousand records costs a
// thousandth of it for each.
//
// Whoever makes a frame notes in its context where the records are, so that
// nobody has to look for them. The host gives that context to whatever a processor
// makes of the message: it is a frame only while its body is the one it was made
// with.
package frame

import (
	"context"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// separator stands between the records of a frame. Records may hold it
// themselves: Frame.Record goes by what the maker noted.
const separator = '\n'

// Frame says what a message is made of. It is not changed once it is made.
type Frame struct {
	parent context.Context //nolint:containedctx // of the message, without the frame
	body   []byte
	ends   []int // behind each record
}

type key struct{}

// noted returns the frame that a context speaks of.
func noted(ctx context.Context) *Frame {
	f, _ := ctx.Value(key{}).(*Frame)
	return f
}

// Of returns the frame that a message is, nil if it is a single record.
func Of(m *service.Message) *Frame {
	f := noted(m.Context())
	if f == nil || !f.isBodyOf(m) {
		return nil
	}
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
	return own(f.body, start, f.ends[i])
}

// own is a record of a body. One that is empty keeps the byte behind it, which is not to
// be written, as its place: without any the language forgets where it was.
func own(body []byte, start, end int) []byte {
	if start == end && end < cap(body) {
		return body[start : end : end+1]
	}
	return body[start:end:end]
}

func (f *Frame) isBodyOf(m *service.Message) bool {
	body, err := m.AsBytes()
	return err == nil && len(body) == len(f.body) && unsafe.SliceData(body) == unsafe.SliceData(f.body)
}

// Single returns a message of one record alone, with the metadata of m, which
// must have been made as this frame.
func (f *Frame) Single(m *service.Message, record []byte) *service.Message {
	one := m.Copy().WithContext(f.parent)
	one.SetBytes(record)
	return one
}

// Finder looks for frames, message by message. It is quickest when messages in a
// row share their context. The zero value is ready; it is not safe for concurrent
// use.
type Finder struct {
	ctx context.Context //nolint:containedctx // the last one seen, to spare looking into it again
	f   *Frame
}

// Of is the same as the function Of.
func (c *Finder) Of(m *service.Message) *Frame {
	if ctx := m.Context(); ctx != c.ctx {
		c.ctx, c.f = ctx, noted(ctx)
	}
	if c.f == nil || !c.f.isBodyOf(m) {
		return nil
	}
	return c.f
}

// Count is how many records a message is made of.
func (c *Finder) Count(m *service.Message) int {
	if f := c.Of(m); f != nil {
		return f.Len()
	}
	return 1
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

// Add appends a record and returns its bytes inside of the frame.
func (b *Builder) Add(record []byte) []byte {
	if len(b.ends) > 0 {
		b.body = append(b.body, separator)
	}
	start := len(b.body)
	b.body = append(b.body, record...)
	b.ends = append(b.ends, len(b.body))
	return own(b.body, start, len(b.body))
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
