package clickhouse

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// longestToken is where a token is replaced by its SHA-256: rows of very many
// partitions.
const longestToken = 200

// token names the rows of a segment for the server's deduplication: the same
// name means the same rows, in this process and in the next.
//
// It consists of where the rows stand in their sources, with the first and
// last offset of each source, the number of rows and a hash of every position,
// every byte, and of what else the configuration makes of a record: see
// config.makes. The positions keep apart what is equal by chance, such as
// repeated quotes; the bytes keep apart what stands in the same position, such
// as the records of a topic that was made anew. A row without a position (core
// NATS, or a processor has rewritten it) stands in its delivery, which has a name
// of its own: see salts.
func (s *sink) token(c *chunk, of segment) string {
	t := tokenizer{hash: xxhash.New()}
	_, _ = t.hash.WriteString(s.cfg.makes) // never fails
	var last *service.Message
	for _, i := range of.records() {
		if m := c.records[i].msg; m != last { // those of a frame share their metadata
			t.noteMetadata(m, s.cfg.columns.metadata)
			last = m
		}
		if t.add(c.records[i]) {
			continue
		}
		d, at := c.locate(i)
		t.note(s.salts.of(d), int64(at), c.records[i])
	}
	return t.name(of.to - of.from)
}

// tokenizer gathers the positions of rows.
type tokenizer struct {
	hash    *xxhash.Digest
	finder  position.Finder
	spans   []span
	last    int // the span of the row before
	scratch [8]byte
}

// span is what a segment holds of one source.
type span struct {
	source      string
	first, last int64
}

// add notes a row where it stands in its source, if that is known.
func (t *tokenizer) add(r record) bool {
	source, offset, ok := t.finder.Find(r.msg.Context(), r.whole())
	if ok {
		t.note(source, offset, r)
	}
	return ok
}

// note adds a row that stands there.
func (t *tokenizer) note(source string, offset int64, r record) {
	if len(t.spans) == 0 || t.spans[t.last].source != source {
		t.change(source, offset)
	}
	s := &t.spans[t.last]
	s.first, s.last = min(s.first, offset), max(s.last, offset)
	t.number(uint64(offset))
	if r.part != nil { // equal objects of one message are different rows
		t.number(uint64(r.part.number))
	}
	_, _ = t.hash.Write(r.data)
}

func (t *tokenizer) number(n uint64) {
	binary.LittleEndian.PutUint64(t.scratch[:], n)
	_, _ = t.hash.Write(t.scratch[:])
}

// noteMetadata adds what columns take of a message beside its bytes.
func (t *tokenizer) noteMetadata(m *service.Message, keys []string) {
	for _, key := range keys {
		if v, ok := m.MetaGetMut(key); ok {
			_, _ = fmt.Fprintf(t.hash, "%s=%v\x00", key, v)
		}
	}
}

// change goes on with another source.
func (t *tokenizer) change(source string, offset int64) {
	_, _ = t.hash.WriteString(source)
	t.last = slices.IndexFunc(t.spans, func(s span) bool { return s.source == source })
	if t.last < 0 {
		t.last = len(t.spans)
		t.spans = append(t.spans, span{source, offset, offset})
	}
}

func (t *tokenizer) name(rows int) string {
	var b strings.Builder
	for _, s := range t.spans {
		fmt.Fprintf(&b, "%s:%d-%d,", s.source, s.first, s.last)
	}
	fmt.Fprintf(&b, "%d,%016x", rows, t.hash.Sum64())
	if b.Len() <= longestToken {
		return b.String()
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}
