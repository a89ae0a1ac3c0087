package clickhouse

import (
	"errors"
	"sync"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

// tableNamed makes what is kept of the table of a name, which is one.
func tableNamed(name string) *table {
	sql, _ := server.ParseTable(name) // checked where it came from
	return &table{name: name, sql: sql}
}

// table is what is kept of one table between chunks: its schema, and decoders
// and blocks whose memory the next chunk reuses, unless the garbage collector has
// taken it meanwhile. It is safe for concurrent use.
type table struct {
	name string
	sql  server.Table

	mu     sync.Mutex
	schema *column.Schema // nil until read
	readAt time.Time
	agreed *column.Schema // the one that rows were stored under last
	spare  *spare
	mixing mixing // under the schema in use
}

// spare is what is kept for reuse under one schema.
type spare struct{ decoders, blocks sync.Pool }

// known returns the schema in use and how long ago it was read, nil if there
// is none.
func (t *table) known() (*column.Schema, time.Duration) {
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
func (t *table) learn(s *column.Schema, now time.Time) *column.Schema {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readAt = now
	if t.schema == nil || !t.schema.Same(s) {
		t.mourn(s)
		t.schema, t.spare, t.mixing = s, &spare{}, mixing{}
	}
	return t.schema
}

// mourn notes the columns that rows were stored for and that are gone. They stay
// noted, whatever else changes, until they are back.
func (t *table) mourn(s *column.Schema) {
	if t.agreed == nil {
		return
	}
	for _, c := range t.agreed.Columns {
		if _, there := s.Index(c.Name); !there {
			s.Lose(c.Name)
		}
	}
	for name := range t.agreed.Lost {
		if _, there := s.Index(name); !there {
			s.Lose(name)
		}
	}
}

// agree notes that rows were stored under a schema. From then on it is they
// that have to fit it.
func (t *table) agree(s *column.Schema) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.agreed = s
}

// drifted reports whether a record does not fit because the table has changed
// since rows were stored in it: a column is gone, or one has another type, and
// the record fits the table as it was.
func (t *table) drifted(s *column.Schema, fault *rec.RowError, data []byte, index int, records []record, cfg *config) bool {
	if errors.Is(fault.Err, rec.ErrLost) {
		return true
	}
	t.mu.Lock()
	before := t.agreed
	t.mu.Unlock()
	if before == nil || before == s || before.Same(s) {
		return false
	}
	was, stored := before.Index(fault.Column)
	is, there := s.Index(fault.Column)
	if !stored || !there || column.Same(before.Columns[was].Type, s.Columns[is].Type) {
		return false
	}
	d := newDecoder(before, cfg, func() (*column.Block, error) { return newBlock(before, cfg.times) })
	d.records = records
	return d.Add(data, index) == nil
}

// takeDecoder returns a decoder for the schema whose blocks come from here.
func (t *table) takeDecoder(s *column.Schema, cfg *config) *decoder {
	spare := t.spareFor(s)
	if spare != nil {
		if d, ok := spare.decoders.Get().(*decoder); ok {
			return d
		}
	}
	return newDecoder(s, cfg, func() (*column.Block, error) { return t.takeBlock(s, cfg.times) })
}

func (t *table) takeBlock(s *column.Schema, rules column.Rules) (*column.Block, error) {
	if spare := t.spareFor(s); spare != nil {
		if b, ok := spare.blocks.Get().(*column.Block); ok {
			return b, nil
		}
	}
	return newBlock(s, rules)
}

// spareFor returns what is kept for a schema, nil if it is not in use any more.
func (t *table) spareFor(s *column.Schema) *spare {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema != s {
		return nil
	}
	return t.spare
}

// giveBack keeps a decoder for the next batch, unless the schema has changed.
func (t *table) giveBack(d *decoder) {
	d.Release()
	d.records = nil
	if spare := t.spareFor(d.Schema()); spare != nil {
		spare.decoders.Put(d)
	}
}

// discard undoes what a decoder has decoded.
func (t *table) discard(d *decoder) {
	blocks := d.Blocks()
	t.giveBack(d)
	for _, b := range blocks {
		t.recycle(b)
	}
}

// mixingFor returns what is known of a schema about mixed inserts.
func (t *table) mixingFor(s *column.Schema) mixing {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema != s {
		return mixing{}
	}
	return t.mixing
}

// noteMixing notes what was found out, for as long as the schema is in use.
func (t *table) noteMixing(s *column.Schema, m mixing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema == s {
		t.mixing = m
	}
}

// recycle keeps a block for the next batch, unless the schema has changed.
func (t *table) recycle(b *column.Block) {
	b.Reset()
	if spare := t.spareFor(b.Schema); spare != nil {
		spare.blocks.Put(b)
	}
}
