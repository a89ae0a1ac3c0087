package clickhouse

import (
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// record is a row to be: its bytes and the message that it came in, which may
// be a frame of many.
type record struct {
	data []byte // nil where the message has none: see bytes
	msg  *service.Message
	at   int // the index of the message in its batch
}

// recordLists keeps lists of records for the next batch.
var recordLists sync.Pool

// recordsOf lists the records of a batch. Whoever has nothing to do with them any
// more, nor with parts of the list, may recycle it.
func recordsOf(batch service.MessageBatch) []record {
	var frames frame.Finder
	n := 0
	for _, m := range batch {
		n += frames.Count(m)
	}
	out := newRecordList(n)
	for i, m := range batch {
		f := frames.Of(m)
		if f == nil {
			body, _ := m.AsBytes() // what is wrong with it is said when it is its turn
			out = append(out, record{body, m, i})
			continue
		}
		for k := range f.Len() {
			out = append(out, record{f.Record(k), m, i})
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
	return r.msg.AsBytes()
}

// message returns a message of this record alone. It may be the one that the
// record came in, and is not to be changed.
func (r record) message() *service.Message {
	if f := frame.Of(r.msg); f != nil {
		return f.Single(r.msg, r.data)
	}
	return r.msg
}
