package clickhouse

import (
	"errors"
	"sync"
	"time"
)

// table is what is kept of one table between chunks: its schema, and decoders
// and blocks whose memory the next chunk reuses, unless the garbage collector has
// taken it meanwhile. It is safe for concurrent use.
type table struct {
	name string

	mu     sync.Mutex
	schema *schema // nil until read
	readAt time.Time
	agreed *schema // the one that rows were stored under last
	spare  *spare
}

// spare is what is kept for reuse under one schema.
type spare struct{ decoders, blocks sync.Pool }

// known returns the schema in use and how long ago it was read, nil if there
// is none.
func (t *table) known() (*schema, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.schema, time.Since(t.readAt)
}

// doubt makes the schema in use an old one, to be read again before it is used.
func (t *table) doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readAt = time.Time{}
}

// learn makes s the schema in use. An equal one that is in use already stays,
// with everything that was built for it.
func (t *table) learn(s *schema, now time.Time) *schema {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readAt = now
	if t.schema == nil || !t.schema.sameColumns(s) {
		t.mourn(s)
		t.schema, t.spare = s, &spare{}
	}
	return t.schema
}

// mourn notes the columns that rows were stored for and that are gone. They stay
// noted, whatever else changes, until they are back.
func (t *table) mourn(s *schema) {
	if t.agreed == nil {
		return
	}
	for _, c := range t.agreed.columns {
		if _, there := s.index[c.name]; !there {
			s.lose(c.name)
		}
	}
	for name := range t.agreed.lost {
		if _, there := s.index[name]; !there {
			s.lose(name)
		}
	}
}

// agree notes that rows were stored under a schema. From then on it is they
// that have to fit it.
func (t *table) agree(s *schema) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.agreed = s
}

// drifted reports whether a record does not fit because the table has changed
// since rows were stored in it: a column is gone, or one has another type, and
// the record fits the table as it was.
func (t *table) drifted(s *schema, fault *rowError, data []byte, index int, records []record, cfg *config) bool {
	if errors.Is(fault.err, errLost) {
		return true
	}
	t.mu.Lock()
	before := t.agreed
	t.mu.Unlock()
	if before == nil || before == s || before.sameColumns(s) {
		return false
	}
	was, stored := before.index[fault.column]
	is, there := s.index[fault.column]
	if !stored || !there || before.columns[was].typ == s.columns[is].typ {
		return false
	}
	d := newDecoder(before, cfg.columns.sources, cfg.rejectUnknown, func() (*block, error) { return newBlock(before, cfg.times) })
	d.records = records
	return d.add(data, index) == nil
}

// takeDecoder returns a decoder for the schema whose blocks come from here.
func (t *table) takeDecoder(s *schema, cfg *config) *decoder {
	spare := t.spareFor(s)
	if spare != nil {
		if d, ok := spare.decoders.Get().(*decoder); ok {
			return d
		}
	}
	return newDecoder(s, cfg.columns.sources, cfg.rejectUnknown, func() (*block, error) { return t.takeBlock(s, cfg.times) })
}

func (t *table) takeBlock(s *schema, rules timeRules) (*block, error) {
	if spare := t.spareFor(s); spare != nil {
		if b, ok := spare.blocks.Get().(*block); ok {
			return b, nil
		}
	}
	return newBlock(s, rules)
}

// spareFor returns what is kept for a schema, nil if it is not in use any more.
func (t *table) spareFor(s *schema) *spare {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema != s {
		return nil
	}
	return t.spare
}

// giveBack keeps a decoder for the next batch, unless the schema has changed.
func (t *table) giveBack(d *decoder) {
	d.release()
	if spare := t.spareFor(d.schema); spare != nil {
		spare.decoders.Put(d)
	}
}

// recycle keeps a block for the next batch, unless the schema has changed.
func (t *table) recycle(b *block) {
	b.reset()
	if spare := t.spareFor(b.schema); spare != nil {
		spare.blocks.Put(b)
	}
}
