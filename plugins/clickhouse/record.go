package clickhouse

import (
	"context"
	"errors"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// errBrokenFrame says that a processor took a frame for a record.
var errBrokenFrame = errors.New("this was a message of many records (records_per_message), and a processor has rewritten it: put the unframe processor before those that need records")

// record is a row to be: its bytes and the message that it came in, which may
// be a frame of many.
type record struct {
	data []byte // nil where it takes a look to say why: see bytes
	msg  *service.Message
	at   int // the index of the message in its batch
}

// recordLists keeps lists of records for the next batch.
var recordLists sync.Pool

// recordsOf lists the records of a batch. Whoever has nothing to do with them any
// more, nor with parts of the list, may recycle it.
func recordsOf(batch service.MessageBatch) []record {
	var counter frame.Counter
	n := 0
	for _, m := range batch {
		n += counter.Of(m)
	}
	out := newRecordList(n)
	var ctx context.Context // only compared: messages in a row tend to share theirs
	var f *frame.Frame
	for i, m := range batch {
		if c := m.Context(); c != ctx {
			ctx, f = c, frame.Of(c) //nolint:fatcontext // nothing is nested
		}
		body, err := m.AsBytes()
		switch {
		case err != nil, f != nil && !f.Intact(body):
			out = append(out, record{msg: m, at: i})
		case f == nil:
			out = append(out, record{body, m, i})
		default:
			for k := range f.Len() {
				out = append(out, record{f.Record(k), m, i})
			}
		}
	}
	return out
}

func newRecordList(n int) []record {
	if kept, ok := recordLists.Get().(*[]record); ok && cap(*kept) >= n {
		return (*kept)[:0]
	}
	return make([]record, 0, n)
}

func recycle(list []record) {
	clear(list)
	list = list[:0]
	recordLists.Put(&list)
}

// bytes returns the record, or why there is none.
func (r record) bytes() ([]byte, error) {
	if r.data != nil {
		return r.data, nil
	}
	data, err := r.msg.AsBytes()
	if f := frame.Of(r.msg.Context()); err == nil && f != nil && !f.Intact(data) {
		err = errBrokenFrame
	}
	return data, err
}

// message returns a message of this record alone. It may be the one that the
// record came in, and is not to be changed.
func (r record) message() *service.Message {
	f := frame.Of(r.msg.Context())
	if f == nil || r.data == nil {
		return r.msg
	}
	return f.Single(r.msg, r.data)
}
