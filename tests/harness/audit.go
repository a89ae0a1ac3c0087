package harness

import (
	"context"
	"fmt"
	"strconv"
)

// Querier is a ClickHouse to ask, such as stack.ClickHouse.
type Querier interface {
	Query(ctx context.Context, sql string) ([][]string, error)
}

// Tally is what a table holds of one generated stream, whose records are
// numbered from 1 without a gap.
type Tally struct {
	Rows     int64
	Distinct int64
	First    int64 // lowest sequence number, 0 without rows
	Last     int64 // highest sequence number
}

// Duplicated is the number of rows beyond one for each record.
func (t Tally) Duplicated() int64 { return t.Rows - t.Distinct }

// Missing is how many of the published records are neither stored nor among
// those that were counted as dropped.
func (t Tally) Missing(published, dropped int64) int64 { return published - dropped - t.Distinct }

// Count counts a stream in a table, by SQL over its sequence numbers.
func Count(ctx context.Context, ch Querier, table, stream string) (Tally, error) {
	rows, err := ch.Query(ctx, fmt.Sprintf(
		"SELECT count(), uniqExact(seq), min(seq), max(seq) FROM %s WHERE stream = '%s'", table, stream))
	if err != nil {
		return Tally{}, fmt.Errorf("counting stream %s in %s: %w", stream, table, err)
	}
	if len(rows) != 1 || len(rows[0]) != 4 {
		return Tally{}, fmt.Errorf("counting stream %s in %s: unexpected result %v", stream, table, rows)
	}
	var n [4]int64
	for i, s := range rows[0] {
		if n[i], err = strconv.ParseInt(s, 10, 64); err != nil {
			return Tally{}, fmt.Errorf("counting stream %s in %s: %w", stream, table, err)
		}
	}
	return Tally{Rows: n[0], Distinct: n[1], First: n[2], Last: n[3]}, nil
}
