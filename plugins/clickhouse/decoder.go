package clickhouse

import (
	"fmt"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record/json"
)

// decoder decodes records, of which columns may be computed too.
type decoder struct {
	*json.Decoder
	records []record // that indexes are of
}

func newDecoder(s *column.Schema, cfg *config, newBlock func() (*column.Block, error)) *decoder {
	d := &decoder{}
	d.Decoder = json.NewDecoder(json.Config{
		Schema:        s,
		Sources:       d.sources(cfg.columns.sources),
		Known:         cfg.reads,
		RejectUnknown: cfg.rejectUnknown,
		RejectMissing: cfg.rejectMissing,
		NullAsDefault: cfg.nullAsDefault,
		NewBlock:      newBlock,
	})
	return d
}

// sources binds what is computed to the records of this decoder.
func (d *decoder) sources(given map[string]source) map[string]rec.Source {
	if given == nil {
		return nil
	}
	bound := make(map[string]rec.Source, len(given))
	for name, s := range given {
		from := rec.Source{Text: s.text, Path: s.path}
		if s.path == nil {
			from.Compute = func(index int) (any, bool, error) { return s.query(d.records[index]) }
			from.OfRecord = len(s.reads) > 0
		}
		bound[name] = from
	}
	return bound
}

// newBlock returns an empty block for a schema.
func newBlock(s *column.Schema, rules column.Rules) (*column.Block, error) {
	b, err := column.NewBlock(s, rules)
	if err != nil {
		return nil, fmt.Errorf("%w; %w", err, errUnsupported)
	}
	return b, nil
}
