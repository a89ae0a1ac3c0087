package clickhouse

import (
	"errors"
	"sync"
	"time"
)

// maxIdle bounds the decoders and blocks that a table keeps for reuse; there
// are never more at work than inserts, but for blocks that wait for a retry.
const maxIdle = 4

// table is what is kept of one table between chunks: its schema, and decoders
// and blocks whose memory the next chunk reuses. It is safe for concurrent use.
type table struct {
	name string

	mu       sync.Mutex
	schema   *schema // nil until read
	readAt   time.Time
	agreed   map[string]string // the type of every column that rows were stored for
	decoders []*decoder
	blocks   []*block
}

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
		for name := range t.agreed {
			if _, there := s.index[name]; !there {
				s.lose(name)
			}
		}
		t.schema, t.decoders, t.blocks = s, nil, nil
	}
	return t.schema
}

// agree notes that rows were stored under a schema. From then on it is they
// that have to fit it.
func (t *table) agree(s *schema) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.agreed {
		return
	}
	s.agreed = true
	if t.agreed == nil {
		t.agreed = map[string]string{}
	}
	for _, c := range s.columns {
		t.agreed[c.name] = c.typ
	}
}

// drifted reports whether a value does not fit because the table has changed
// since rows were stored in it: its column is gone, or has another type.
func (t *table) drifted(s *schema, fault *rowError) bool {
	if errors.Is(fault.err, errLost) {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before, stored := t.agreed[fault.column]
	i, there := s.index[fault.column]
	return stored && there && before != s.columns[i].typ
}

// takeDecoder returns a decoder for the schema whose blocks come from here.
func (t *table) takeDecoder(s *schema, cfg *config) *decoder {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.decoders); n > 0 && t.schema == s {
		d := t.decoders[n-1]
		t.decoders = t.decoders[:n-1]
		return d
	}
	return newDecoder(s, cfg.rejectUnknown, func() (*block, error) { return t.takeBlock(s, cfg.times) })
}

func (t *table) takeBlock(s *schema, rules timeRules) (*block, error) {
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
	d.release()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema == d.schema && len(t.decoders) < maxIdle {
		t.decoders = append(t.decoders, d)
	}
}

// recycle keeps a block for the next batch, unless the schema has changed.
func (t *table) recycle(b *block) {
	b.reset()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema == b.schema && len(t.blocks) < maxIdle {
		t.blocks = append(t.blocks, b)
	}
}
