package clickhouse

import (
	"fmt"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// fill moves the segment's columns into those of the driver, after a check
// that the server still wants what was decoded.
func (s segment) fill(targets []chcolumn.Interface) error {
	want := 0
	for _, absent := range s.block.Absent {
		if !absent {
			want++
		}
	}
	if len(targets) != want {
		return fmt.Errorf("%w: %d columns, not %d", errSchemaChanged, len(targets), want)
	}
	source := &column.Native{}
	reader := chproto.NewReader(source)
	for _, target := range targets {
		i, ok := s.block.Schema.Index(target.Name())
		if !ok || s.block.Absent[i] {
			return fmt.Errorf("%w: column %q", errSchemaChanged, target.Name())
		}
		if typ := s.block.Schema.Columns[i].Type; !column.Same(typ, string(target.Type())) {
			return fmt.Errorf("%w: column %q is %s, not %s", errSchemaChanged, target.Name(), target.Type(), typ)
		}
		if err := s.move(source, reader, s.block.Columns[i], target); err != nil {
			return fmt.Errorf("filling column %q: %w", target.Name(), err)
		}
	}
	return nil
}

// move gives one column to the driver, which reads nearly every one as if it
// came from a server, so that it neither converts nor boxes anything.
func (s segment) move(source *column.Native, reader *chproto.Reader, from column.Column, to chcolumn.Interface) error {
	switch from := from.(type) { // where the driver spares a copy, or knows a state that it does not take from us
	case *column.String:
		_, err := to.Append(from.Values()[s.from:s.to])
		return err
	case *column.JSON:
		_, err := to.Append(from.Values()[s.from:s.to])
		return err
	case *column.Dynamic:
		return s.moveDynamic(from, to)
	}
	source.Reset()
	from.Encode(source, s.from, s.to)
	return to.Decode(reader, s.to-s.from)
}

func (s segment) moveDynamic(from *column.Dynamic, to chcolumn.Interface) error {
	for i := s.from; i < s.to; i++ {
		var v any
		if typ, x := from.Value(i); typ != "" {
			v = chcol.NewDynamicWithType(x, typ)
		}
		if err := to.AppendRow(v); err != nil {
			return err
		}
	}
	return nil
}
