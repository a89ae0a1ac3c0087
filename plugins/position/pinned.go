package position

import "context"

// Pinned gives records of one source positions that they keep whatever becomes of
// their bytes, as records of a Sealed run do. But they are not a whole: they may be
// joined with others, and parted, and nothing is asked of the table that they go to.
// It is for who sends records again out of a place of his own, such as a file of
// dead letters.
type Pinned struct{ of *Sealed }

// Origin is where a record first came from that comes from somewhere else now: for
// people, not for deduplication. Offset is nil where it is not known.
type Origin struct {
	Source string
	Offset *int64
}

// Pin returns a pinned run of a source. The contexts of its records are children of
// ctx.
func Pin(ctx context.Context, source string) *Pinned {
	return &Pinned{of: &Sealed{source: source, parent: ctx, pinned: true}}
}

// Add returns the context of the record that stands at the offset. It is safe for
// concurrent use.
func (p *Pinned) Add(offset int64, origin Origin) context.Context {
	return &sealedRecord{Context: p.of.parent, of: p.of, offset: offset, origin: &origin}
}

// OriginOf returns where the record that carries ctx first came from; ok is false
// where that is its own position.
func OriginOf(ctx context.Context) (origin Origin, ok bool) {
	if r := sealedIn(ctx); r != nil && r.origin != nil {
		return *r.origin, true
	}
	return Origin{}, false
}
