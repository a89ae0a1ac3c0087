package clickhouse

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// longestToken is where a token is replaced by its SHA-256: rows of very many
// partitions.
const longestToken = 200

// token names the rows of a segment for the server's deduplication: the same
// name means the same rows, in this process and in the next.
//
// It consists of where the rows stand in their sources, with the first and
// last offset of each source, the number of rows and a hash of every position
// and every byte. The positions keep apart what is equal by chance, such as
// repeated quotes; the bytes keep apart what stands in the same position, such
// as the records of a topic that was made anew. When a row has no position
// (core NATS, or a processor has rewritten it) the name is a random one, which
// still serves every retry of the segment.
func token(all []record, s segment) string {
	t := tokenizer{hash: xxhash.New()}
	for _, i := range s.records() {
		if !t.add(all[i]) {
			return uuid.NewString()
		}
	}
	return t.name(s.to - s.from)
}

// tokenizer gathers the positions of rows.
type tokenizer struct {
	hash   *xxhash.Digest
	finder position.Finder
	spans  []span
	last   int // the span of the row before
	offset [8]byte
}

// span is what a segment holds of one source.
type span struct {
	source      string
	first, last int64
}

func (t *tokenizer) add(r record) bool {
	source, offset, ok := t.finder.Find(r.msg.Context(), r.whole())
	if !ok {
		return false
	}
	if len(t.spans) == 0 || t.spans[t.last].source != source {
		t.change(source, offset)
	}
	s := &t.spans[t.last]
	s.first, s.last = min(s.first, offset), max(s.last, offset)
	binary.LittleEndian.PutUint64(t.offset[:], uint64(offset))
	_, _ = t.hash.Write(t.offset[:]) // never fails
	if r.part != nil {               // equal objects of one message are different rows
		binary.LittleEndian.PutUint64(t.offset[:], uint64(r.part.number))
		_, _ = t.hash.Write(t.offset[:])
	}
	_, _ = t.hash.Write(r.data)
	return true
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
