package clickhouse

import (
	"context"
)

// delivery is what one WriteBatch call has for one lane. Its result belongs to
// the lane until done is closed, and to the caller from then on.
type delivery struct {
	ctx     context.Context //nolint:containedctx // of the call that waits for it
	records []record
	rows    []int // the caller's indexes of them; nil means the same
	sealed  bool  // it makes a chunk of its own

	chunk *chunk // what it has become part of; guarded by the lane's mu
	stop  func() bool

	done     chan struct{}
	err      error    // why some rows are neither stored nor bad
	failed   []int    // those rows, as indexes into records
	bad      []badRow // likewise
	attempts int
}

func newDelivery(ctx context.Context, records []record, rows []int) *delivery {
	return &delivery{ctx: ctx, records: records, rows: rows, done: make(chan struct{})}
}

// row returns the caller's index of record i.
func (d *delivery) row(i int) int {
	if d.rows == nil {
		return i
	}
	return d.rows[i]
}

// fail ends a delivery of which nothing was stored.
func (d *delivery) fail(err error) {
	d.err = err
	d.failed = make([]int, len(d.records))
	for i := range d.failed {
		d.failed[i] = i
	}
	d.finish()
}

func (d *delivery) finish() {
	d.stop()
	close(d.done)
}
