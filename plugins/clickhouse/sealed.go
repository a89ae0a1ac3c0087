package clickhouse

import (
	"context"

	"github.com/data-bridge-io/data-bridge/plugins/position"
)

// separate divides groups further, so that sealed records share one with their
// own run only; see position.Sealed. Batches without any, which is the rule, stay
// as they are.
func separate(all []record, groups []group) []group {
	seals := sealsOf(all)
	if seals == nil {
		return groups
	}
	var out []group
	for _, g := range groups {
		at := map[*position.Sealed]int{}
		g.each(all, func(row int) {
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

// sealsOf returns the sealed run of every record, nil if there is none among
// them.
func sealsOf(all []record) []*position.Sealed {
	var seals []*position.Sealed
	var ctx context.Context // only compared: messages in a row tend to share theirs
	var seal *position.Sealed
	for i, r := range all {
		if c := r.msg.Context(); c != ctx {
			ctx, seal = c, position.SealOf(c) //nolint:fatcontext // nothing is nested
		}
		if seal == nil {
			continue
		}
		if seals == nil {
			seals = make([]*position.Sealed, len(all))
		}
		seals[i] = seal
	}
	return seals
}
