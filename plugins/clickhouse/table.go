package clickhouse

import "sync"

// maxIdle bounds the decoders and blocks that a table keeps for reuse; there
// are never more at work than inserts, but for blocks that wait for a retry.
const maxIdle = 4

// tables holds what is known of each table. It is safe for concurrent use.
type tables struct {
	mu     sync.Mutex
	byName map[string]*table
}

// table is what is kept for one table between batches: its schema, and
// decoders and blocks whose memory the next batch reuses. It is safe for
// concurrent use.
type table struct {
	name string

	mu       sync.Mutex
	schema   *schema // nil until read, and again when it proved wrong
	decoders []*decoder
	blocks   []*block
	trouble  trouble
}

func (t *tables) of(name string) *table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName == nil {
		t.byName = map[string]*table{}
	}
	found, ok := t.byName[name]
	if !ok {
		found = &table{name: name}
		t.byName[name] = found
	}
	return found
}

// known returns the schema in use, nil if there is none.
func (t *table) known() *schema {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.schema
}

// learn makes s the schema in use. An equal one that is in use already stays,
// with everything that was built for it.
func (t *table) learn(s *schema) *schema {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schema == nil || !t.schema.sameColumns(s) {
		t.schema, t.decoders, t.blocks = s, nil, nil
	}
	return t.schema
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
