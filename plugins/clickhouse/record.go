package clickhouse

import (
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record/json"
	"github.com/data-bridge-io/data-bridge/plugins/frame"
)

// record is a row to be: its bytes and the message that it came in, which may
// be a frame of many.
type record struct {
	data []byte // nil where the message has none: see bytes
	msg  *service.Message
	at   int   // the index of the message in its batch
	part *part // nil where the record is all that its input took for one
}

// part tells of a record that came with others as one: an array of objects, or
// objects one after the other.
type part struct {
	of     []byte // all of them
	number int    // which one it is
	err    error  // why it is no record; nil if it is one
}

// recordLists keeps lists of records for the next batch.
var recordLists sync.Pool

// recordsOf lists the records of a batch. Whoever has nothing to do with them any
// more, nor with parts of the list, may recycle it.
func recordsOf(batch service.MessageBatch) []record {
	var frames frame.Finder
	out := newRecordList(len(batch))
	for i, m := range batch {
		f := frames.Of(m)
		if f == nil {
			body, _ := m.AsBytes() // what is wrong with it is said when it is its turn
			out = appendRecords(out, record{data: body, msg: m, at: i}, true)
			continue
		}
		for k := range f.Len() {
			out = appendRecords(out, record{data: f.Record(k), msg: m, at: i}, false)
		}
	}
	return out
}

// appendRecords adds a record, or the records that it consists of, which may be on
// lines of their own if it is not from a frame.
func appendRecords(out []record, r record, lines bool) []record {
	if json.Alone(r.data) || (!lines || !json.Lines(r.data)) && !json.Several(r.data) {
		return append(out, r)
	}
	pieces := json.Split(r.data)
	if len(pieces) == 1 && pieces[0].Err != nil {
		pieces[0].Text = r.data // as it came
	}
	parts := make([]part, len(pieces))
	for i, p := range pieces {
		parts[i] = part{of: r.data, number: i, err: p.Err}
		out = append(out, record{data: p.Text, msg: r.msg, at: r.at, part: &parts[i]})
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
	if r.part != nil && r.part.err != nil {
		return nil, r.part.err
	}
	if r.data != nil {
		return r.data, nil
	}
	return r.msg.AsBytes()
}

// whole returns the bytes that the input took for a record, which are what it
// noted a position of.
func (r record) whole() []byte {
	if r.part != nil {
		return r.part.of
	}
	return r.data
}

// message returns a message of this record alone. It may be the one that the
// record came in, and is not to be changed.
func (r record) message() *service.Message {
	if f := frame.Of(r.msg); f != nil {
		return f.Single(r.msg, r.data)
	}
	if r.part != nil {
		one := r.msg.Copy()
		one.SetBytes(r.data)
		return one
	}
	return r.msg
}
