package clickhouse

import (
	"errors"
	"fmt"

	"github.com/go-faster/city"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// sharder says which shard a message goes to. The zero value is that of a
// single shard.
type sharder struct {
	by     source
	shards int
}

func newSharder(text string, shards int) (sharder, error) {
	by, err := parseSource(text)
	if err != nil {
		return sharder{}, fmt.Errorf("%s.%s: %w", pluginName, fieldShardBy, err)
	}
	return sharder{by: by, shards: shards}, nil
}

var errNoShardKey = errors.New("there is no value, a whole number or a text is required")

// of returns the number of a record's shard, from 0: the remainder of a whole
// number, or of ClickHouse's cityHash64 of a text.
func (s *sharder) of(r record) (int, error) {
	key, err := s.key(r)
	if err != nil {
		return 0, fmt.Errorf("%s.%s: %s: %w", pluginName, fieldShardBy, s.by.text, err)
	}
	return int(key % uint64(s.shards)), nil //nolint:gosec // less than shards
}

func (s *sharder) key(r record) (uint64, error) {
	var v column.Value
	found, err := s.by.find(r, &v)
	if err != nil {
		return 0, err
	}
	if !found || v.Kind == column.KindNull {
		return 0, errNoShardKey
	}
	return shardKey(&v)
}

// shardKey is what the remainder is taken of. A negative number counts as the
// unsigned one of the same bits, as it does to ClickHouse.
func shardKey(v *column.Value) (uint64, error) {
	switch v.Kind {
	case column.KindString:
		return city.CH64([]byte(v.Text())), nil
	case column.KindNumber, column.KindFloat:
		if n, err := v.Uint64(); err == nil {
			return n, nil
		}
		if n, err := v.Int64(); err == nil {
			return uint64(n), nil //nolint:gosec // the same bits
		}
	}
	return 0, fmt.Errorf("%s is neither a whole number nor a text", rec.Shorten(v.Literal()))
}

// divide splits groups by shard. A record whose shard cannot be told is a bad
// row.
func (s *sharder) divide(all []record, groups []group) (divided []group, bad []badRow) {
	if s.shards == 0 {
		return groups, nil
	}
	for _, g := range groups {
		byShard := make([][]int, s.shards)
		g.each(all, func(row int) {
			shard, err := s.of(all[row])
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
