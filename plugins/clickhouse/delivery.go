package clickhouse

import (
	"context"
)

// delivery is what one WriteBatch call has for one table: a job of its lane. Its
// result belongs to the lane until it is sent to done, and to the caller from then on.
type delivery struct {
	ctx     context.Context //nolint:containedctx // of the call that waits for it
	table   string
	records []record
	rows    []int // the caller's indexes of them; nil means the same
	weight  int   // bytes of the records
	sealed  bool  // it makes a chunk of its own
	flight  string
	salt    string // see salts
	salts   *salts

	done     chan *delivery // has room for it
	err      error          // why some rows are neither stored nor bad
	failed   []int          // those rows, as indexes into records
	bad      []badRow       // likewise
	attempts int
}

func newDelivery(ctx context.Context, records []record, rows []int) *delivery {
	d := &delivery{ctx: ctx, records: records, rows: rows, done: make(chan *delivery, 1)}
	for _, r := range records {
		d.weight += len(r.data)
	}
	return d
}

// Context implements lane.Job.
func (d *delivery) Context() context.Context { return d.ctx }

// Size implements lane.Job.
func (d *delivery) Size() (rows, bytes int) { return len(d.records), d.weight }

// Alone implements lane.Job.
func (d *delivery) Alone() bool { return d.sealed }

// row returns the caller's index of record i.
func (d *delivery) row(i int) int {
	if d.rows == nil {
		return i
	}
	return d.rows[i]
}

// Fail implements lane.Job: nothing of the delivery was stored.
func (d *delivery) Fail(err error) {
	d.err = err
	d.failed = make([]int, len(d.records))
	for i := range d.failed {
		d.failed[i] = i
	}
	d.end()
}

// end hands the delivery, with its result, to the caller. It never blocks.
func (d *delivery) end() { d.done <- d }
