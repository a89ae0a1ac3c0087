package position

import "context"

// Sealed is a run of records of one source that is stored as a whole, and as
// the same whole whenever it is delivered again: a buffer hands it on as the
// batch that it came in, neither joined with others nor parted, and an output
// stores it by inserts that hold nothing else. That is what makes a repeated
// insert recognisable.
//
// Every record has a context of its own, so that it keeps its position when a
// processor rewrites it. It is filled by one goroutine and not changed after
// its first message has left.
type Sealed struct {
	source  string
	parent  context.Context //nolint:containedctx // what the contexts of the records add to
	records []sealedRecord
	pinned  bool // it is no whole: see Pinned
}

// Seal returns a sealed run for up to n records of a source. The contexts of
// its records are children of ctx.
func Seal(ctx context.Context, source string, n int) *Sealed {
	return &Sealed{source: source, parent: ctx, records: make([]sealedRecord, 0, n)}
}

// Add notes where a record stands and returns the context that its message is
// to carry.
func (s *Sealed) Add(offset int64) context.Context {
	s.records = append(s.records, sealedRecord{Context: s.parent, of: s, offset: offset})
	return &s.records[len(s.records)-1]
}

// SealOf returns the sealed run that the record which carries ctx belongs to,
// nil if it belongs to none.
func SealOf(ctx context.Context) *Sealed {
	if r := sealedIn(ctx); r != nil && !r.of.pinned {
		return r.of
	}
	return nil
}

// sealedRecord is the context of one record.
type sealedRecord struct {
	context.Context
	of     *Sealed
	offset int64
	origin *Origin // nil where this is it
}

type sealedKey struct{}

// Value implements context.Context.
func (r *sealedRecord) Value(k any) any {
	if k == (sealedKey{}) {
		return r
	}
	return r.Context.Value(k)
}

func sealedIn(ctx context.Context) *sealedRecord {
	if r, ok := ctx.(*sealedRecord); ok { // nobody has wrapped it, which is the rule
		return r
	}
	r, _ := ctx.Value(sealedKey{}).(*sealedRecord)
	return r
}
