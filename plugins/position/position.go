// Package position lets a record be found again where it came from. An input
// notes the positions of a run of records once; whoever holds a message of it
// later, however many hops on, can ask for its position, and gets one only if
// the message still is the record that came in.
//
// A run costs an input one context per run and nothing per message: the
// message is recognised by the memory that its bytes lie in, which no hop
// copies. A record without bytes is given a byte of room behind them for it.
//
// Records that belong together are sealed: see Sealed. Those that are sent again from
// elsewhere are pinned: see Pinned.
package position

import (
	"context"
	"unsafe"
)

// Run is a stretch of records of one source, in the order of their offsets. It
// is filled by one goroutine and not changed after its first message has left.
type Run struct {
	source  string
	offsets []int64
	starts  []*byte
	empty   map[*byte]int64 // the offsets of records without bytes
}

// NewRun returns an empty run of a source with room for n records. The source
// is a name that stays the same over restarts, such as kafka/topic/partition.
func NewRun(source string, n int) *Run {
	return &Run{source: source, offsets: make([]int64, 0, n), starts: make([]*byte, 0, n)}
}

// Add notes where a record stands, and returns the bytes that its message is to carry:
// data, but that those of an empty record lie in memory of their own.
func (r *Run) Add(offset int64, data []byte) []byte {
	start := unsafe.SliceData(data)
	if len(data) > 0 {
		r.offsets = append(r.offsets, offset)
		r.starts = append(r.starts, start)
		return data
	}
	if _, taken := r.empty[start]; taken || cap(data) == 0 {
		data = make([]byte, 0, 1)
	}
	if r.empty == nil {
		r.empty = map[*byte]int64{}
	}
	r.empty[unsafe.SliceData(data)] = offset
	return data
}

type key struct{}

// Mark returns the context that all messages of the run are to carry.
func (r *Run) Mark(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, r)
}

// Finder looks up the positions of messages, one after the other. It is
// quickest when they come in the order of their runs. The zero value is ready;
// it is not safe for concurrent use.
type Finder struct {
	ctx    context.Context //nolint:containedctx // the last one seen, to spare looking into it again
	run    *Run
	next   int
	sealed *sealedRecord
}

// Find returns the source and offset of the message that carries ctx and data.
// ok is false when no input noted it, or its bytes are not those that came in
// and it is not sealed.
func (f *Finder) Find(ctx context.Context, data []byte) (source string, offset int64, ok bool) {
	if ctx != f.ctx {
		f.enter(ctx)
	}
	if f.sealed != nil {
		return f.sealed.of.source, f.sealed.offset, true
	}
	if f.run == nil {
		return "", 0, false
	}
	if len(data) == 0 {
		if offset, ok = f.run.empty[unsafe.SliceData(data)]; ok {
			source = f.run.source
		}
		return source, offset, ok
	}
	at := f.run.index(unsafe.SliceData(data), f.next)
	if at < 0 {
		return "", 0, false
	}
	f.next = at + 1
	return f.run.source, f.run.offsets[at], true
}

// enter looks into a context. Several may belong to one run.
func (f *Finder) enter(ctx context.Context) {
	run, _ := ctx.Value(key{}).(*Run)
	if run != f.run {
		f.next = 0
	}
	f.ctx, f.run, f.sealed = ctx, run, sealedIn(ctx)
}

// index looks for a record from one index on, and from the beginning after
// that.
func (r *Run) index(start *byte, from int) int {
	if from > 0 && r.starts[from-1] == start { // one that is several rows is asked for again
		return from - 1
	}
	for i := from; i < len(r.starts); i++ {
		if r.starts[i] == start {
			return i
		}
	}
	for i := range min(from, len(r.starts)) {
		if r.starts[i] == start {
			return i
		}
	}
	return -1
}

// SourceOf returns the source of the record that carries ctx, "" if no input
// noted it.
func SourceOf(ctx context.Context) string {
	if run, ok := ctx.Value(key{}).(*Run); ok {
		return run.source
	}
	if r := sealedIn(ctx); r != nil {
		return r.of.source
	}
	return ""
}
