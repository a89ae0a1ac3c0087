package clickhouse

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// separate divides groups further, so that sealed records share one with their
// own run only; see position.Sealed. Batches without any, which is the rule, stay
// as they are.
func separate(batch service.MessageBatch, groups []group) []group {
	seals := sealsOf(batch)
	if seals == nil {
		return groups
	}
	var out []group
	for _, g := range groups {
		at := map[*position.Sealed]int{}
		g.each(batch, func(row int) {
			i, known := at[seals[row]]
			if !known {
				i = len(out)
				at[seals[row]] = i
				out = append(out, group{table: g.table, shard: g.shard, sealed: seals[row] != nil})
			}
			out[i].rows = append(out[i].rows, row)
		})
	}
	return out
}

// sealsOf returns the sealed run of every message, nil if there is none in the
// batch.
func sealsOf(batch service.MessageBatch) []*position.Sealed {
	var seals []*position.Sealed
	var ctx context.Context // only compared: messages in a row tend to share theirs
	var seal *position.Sealed
	for i, m := range batch {
		if c := m.Context(); c != ctx {
			ctx, seal = c, position.SealOf(c) //nolint:fatcontext // nothing is nested
		}
		if seal == nil {
			continue
		}
		if seals == nil {
			seals = make([]*position.Sealed, len(batch))
		}
		seals[i] = seal
	}
	return seals
}
