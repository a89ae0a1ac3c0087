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

// maxIdle bounds the decoders and blocks that a table keeps for reuse; there
// are never more at work than inserts, but for blocks that wait for a retry.
const maxIdle = 4

// table is what is kept of one table between chunks: its schema, and decoders
// and blocks whose memory the next chunk reuses. It is safe for concurrent use.
type table struct {
	name string
	sql  server.Table

	mu       sync.Mutex
	schema   *column.Schema // nil until read
	readAt   time.Time
	agreed   map[string]string       // the type of every column that rows were stored for
	settled  map[*column.Schema]bool // that rows were stored under
	decoders []*decoder
	blocks   []*column.Block
}

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
		for name := range t.agreed {
			if _, there := s.Index(name); !there {
				s.Lose(name)
			}
		}
		t.schema, t.decoders, t.blocks = s, nil, nil
	}
	return t.schema
}

// agree notes that rows were stored under a schema. From then on it is they
// that have to fit it.
func (t *table) agree(s *column.Schema) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settled[s] {
		return
	}
	if t.agreed == nil {
		t.agreed, t.settled = map[string]string{}, map[*column.Schema]bool{}
	}
	t.settled[s] = true
	for _, c := range s.Columns {
		t.agreed[c.Name] = c.Type
	}
}

// drifted reports whether a value does not fit because the table has changed
// since rows were stored in it: its column is gone, or has another type.
func (t *table) drifted(s *column.Schema, fault *rec.RowError) bool {
	if errors.Is(fault.Err, rec.ErrLost) {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before, stored := t.agreed[fault.Column]
	i, there := s.Index(fault.Column)
	return stored && there && before != s.Columns[i].Type
}

// takeDecoder returns a decoder for the schema whose blocks come from here.
func (t *table) takeDecoder(s *column.Schema, cfg *config) *decoder {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.decoders); n > 0 && t.schema == s {
		d := t.decoders[n-1]
		t.decoders = t.decoders[:n-1]
		return d
	}
	return newDecoder(s, cfg, func() (*column.Block, error) { return t.takeBlock(s, cfg.times) })
}

func (t *table) takeBlock(s *column.Schema, rules column.Rules) (*column.Block, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.blocks); n > 0 && t.schema == s {
		b := t.blocks[n-1]
		t.blocks = t.blocks[:n-1]
		return b, nil
	}
	return newBlock(s, rules)
}

// giveBack keeps a decoder for the next batch, unless the schema has changed.
func (t *table) giveBack(d *decoder) {
	d.Release()
	d.records = nil
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema == d.Schema() && len(t.decoders) < maxIdle {
		t.decoders = append(t.decoders, d)
	}
}

// recycle keeps a block for the next batch, unless the schema has changed.
func (t *table) recycle(b *column.Block) {
	b.Reset()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema == b.Schema && len(t.blocks) < maxIdle {
		t.blocks = append(t.blocks, b)
	}
}
