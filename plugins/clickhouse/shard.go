package clickhouse

import (
	"errors"
	"fmt"
	"math"

	"github.com/go-faster/city"
	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// sharder says which shard a message goes to. The zero value is that of a
// single shard.
type sharder struct {
	text   string
	expr   *bloblang.Executor
	shards int
}

func newSharder(text string, shards int) (sharder, error) {
	// The value in an object, since a text alone would become a message's bytes.
	expr, err := bloblang.Parse("root.key = " + text)
	if err != nil {
		return sharder{}, fmt.Errorf("%s.%s: %q is no Bloblang expression: %w", pluginName, fieldShardBy, text, err)
	}
	return sharder{text: text, expr: expr, shards: shards}, nil
}

var errNoShardKey = errors.New("there is no value, a whole number or a text is required")

// of returns the number of a message's shard, from 0: the remainder of a whole
// number, or of ClickHouse's cityHash64 of a text.
func (s *sharder) of(m *service.Message) (int, error) {
	v, err := s.value(m)
	if err != nil {
		return 0, fmt.Errorf("%s.%s: %s: %w", pluginName, fieldShardBy, s.text, err)
	}
	key, err := shardKey(v)
	if err != nil {
		return 0, fmt.Errorf("%s.%s: %s: %w", pluginName, fieldShardBy, s.text, err)
	}
	return int(key % uint64(s.shards)), nil //nolint:gosec // less than shards
}

func (s *sharder) value(m *service.Message) (any, error) {
	result, err := m.BloblangQuery(s.expr)
	if err != nil {
		return nil, err
	}
	if result == nil {
		return nil, errNoShardKey
	}
	fields, err := result.AsStructured()
	if err != nil {
		return nil, err
	}
	object, _ := fields.(map[string]any)
	if v := object["key"]; v != nil {
		return v, nil
	}
	return nil, errNoShardKey
}

// shardKey is what the remainder is taken of. A negative number counts as the
// unsigned one of the same bits, as it does to ClickHouse.
func shardKey(v any) (uint64, error) {
	switch v := v.(type) {
	case int64:
		return uint64(v), nil //nolint:gosec // the same bits
	case int:
		return uint64(v), nil //nolint:gosec // the same bits
	case uint64:
		return v, nil
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return 0, fmt.Errorf("%v is not a whole number of less than 2^53", v)
		}
		return uint64(int64(v)), nil //nolint:gosec // the same bits
	case interface{ Int64() (int64, error) }: // json.Number
		n, err := v.Int64()
		if err != nil {
			return 0, fmt.Errorf("%v is not a whole number", v)
		}
		return uint64(n), nil //nolint:gosec // the same bits
	case string:
		return city.CH64([]byte(v)), nil
	case []byte:
		return city.CH64(v), nil
	}
	return 0, fmt.Errorf("%v is neither a whole number nor a text", v)
}

// divide splits groups by shard. A message whose shard cannot be told is a bad
// row.
func (s *sharder) divide(batch service.MessageBatch, groups []group) (divided []group, bad []badRow) {
	if s.expr == nil {
		return groups, nil
	}
	for _, g := range groups {
		byShard := make([][]int, s.shards)
		g.each(batch, func(row int) {
			shard, err := s.of(batch[row])
			if err != nil {
				bad = append(bad, badRow{index: row, table: g.table, err: err})
				return
			}
			byShard[shard] = append(byShard[shard], row)
		})
		for shard, rows := range byShard {
			if len(rows) > 0 {
				divided = append(divided, group{table: g.table, shard: shard, rows: rows})
			}
		}
	}
	return divided, bad
}
