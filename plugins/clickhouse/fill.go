package clickhouse

import (
	"fmt"
	"strings"

	chproto "github.com/ClickHouse/ch-go/proto"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// fill moves the segment's columns into those of the driver, after a check
// that the server still wants what was decoded.
func (s segment) fill(targets []chcolumn.Interface) error {
	want := 0
	for _, absent := range s.block.absent {
		if !absent {
			want++
		}
	}
	if len(targets) != want {
		return fmt.Errorf("%w: %d columns, not %d", errSchemaChanged, len(targets), want)
	}
	source := &native{}
	reader := chproto.NewReader(source)
	for _, target := range targets {
		i, ok := s.block.schema.index[target.Name()]
		if !ok || s.block.absent[i] {
			return fmt.Errorf("%w: column %q", errSchemaChanged, target.Name())
		}
		if typ := s.block.schema.columns[i].typ; !sameType(typ, string(target.Type())) {
			return fmt.Errorf("%w: column %q is %s, not %s", errSchemaChanged, target.Name(), target.Type(), typ)
		}
		if err := s.move(source, reader, s.block.builders[i], target); err != nil {
			return fmt.Errorf("filling column %q: %w", target.Name(), err)
		}
	}
	return nil
}

// move gives one column to the driver, which reads nearly every one as if it
// came from a server, so that it neither converts nor boxes anything.
func (s segment) move(source *native, reader *chproto.Reader, from builder, to chcolumn.Interface) error {
	if values, ok := from.(handed); ok {
		return values.handOver(to, s.from, s.to)
	}
	source.parts = source.parts[:0]
	from.encode(source, s.from, s.to)
	return to.Decode(reader, s.to-s.from)
}

// sameType compares two spellings of a type.
func sameType(a, b string) bool {
	return a == b || strings.ReplaceAll(a, " ", "") == strings.ReplaceAll(b, " ", "")
}
