package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// chunk is deliveries that go into their table together, and how far they have
// come. It belongs to whoever attempts it, else to its lane.
type chunk struct {
	ctx        context.Context //nolint:containedctx // ends when somebody gives the chunk up
	cancel     context.CancelFunc
	number     uint64 // in the order of arrival
	since      time.Time
	deliveries []*delivery
	records    []record // of all deliveries
	sealed     bool     // nothing may join it

	decoded bool
	rows    []int     // records to decode; nil means all
	pending []segment // decoded and not stored yet; the last one is next
	bad     []badRow
	stored  int // rows

	tries     int // the one at work included; the lane counts
	due       time.Time
	last      report // why it is not stored yet
	mergeable bool   // others may join it: nothing of it can have been written
}

func newChunk(ctx context.Context, number uint64) *chunk {
	c := &chunk{number: number, since: time.Now()}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

// take adds deliveries, to be decoded with what there is.
func (c *chunk) take(deliveries []*delivery) {
	if len(deliveries) == 0 {
		return
	}
	c.startOver()
	c.rows = nil
	c.sealed = deliveries[0].sealed
	c.deliveries = append(c.deliveries, deliveries...)
	for _, d := range deliveries {
		d.chunk = c
	}
	if len(c.deliveries) == 1 {
		c.records = deliveries[0].records
		return
	}
	var all []record
	for _, d := range c.deliveries {
		all = append(all, d.records...)
	}
	c.records = all
}

// failed notes how an attempt ended that will be repeated.
func (c *chunk) failed(r report, b backoff) {
	n := c.tries
	if r.class.Overload() {
		n += slowSteps
	}
	c.last = r
	c.due = time.Now().Add(b.wait(n))
	c.mergeable = !c.sealed && c.stored == 0 && (c.mergeable || c.tries == 1) && server.NothingWritten(r.err)
}

// queued describes the chunk as the head of its retry queue.
func (c *chunk) queued() status.Queue {
	q := status.Queue{Since: c.since, Attempts: c.tries}
	if c.last.err != nil {
		q.Err = fmt.Sprintf("%s: %s", c.last.class, c.last.words)
		q.Stuck = c.last.class.NeedsSomebody()
	}
	return q
}

// finish ends every delivery. The error says why the rows that are neither
// stored nor bad are not.
func (c *chunk) finish(err error) {
	c.cancel()
	for _, row := range c.bad {
		d, i := c.locate(row.index)
		d.bad = append(d.bad, badRow{index: i, table: row.table, err: row.err})
	}
	if err != nil {
		for _, index := range c.unsettled() {
			d, i := c.locate(index)
			d.err = err
			d.failed = append(d.failed, i)
		}
	}
	for _, d := range c.deliveries {
		d.attempts = c.tries
		d.finish()
	}
}

// locate returns the delivery that a record came with, and its index there.
func (c *chunk) locate(index int) (*delivery, int) {
	for _, d := range c.deliveries {
		if index < len(d.records) {
			return d, index
		}
		index -= len(d.records)
	}
	panic("clickhouse: a row of no delivery")
}

// toDecode calls fn with the index of every record that is to be decoded,
// until it returns an error.
func (c *chunk) toDecode(fn func(index int) error) error {
	if c.rows == nil {
		for i := range c.records {
			if err := fn(i); err != nil {
				return err
			}
		}
		return nil
	}
	for _, i := range c.rows {
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

// startOver undoes the decoding of every row that is not stored: of the bad
// ones too, except for those that the server has rejected.
func (c *chunk) startOver() {
	if !c.decoded {
		return
	}
	rows := c.unsettled()
	rejected := c.bad[:0]
	for _, row := range c.bad {
		var fault *rec.RowError
		if errors.As(row.err, &fault) {
			rows = append(rows, row.index)
		} else {
			rejected = append(rejected, row)
		}
	}
	slices.Sort(rows)
	c.rows, c.pending, c.bad, c.decoded = rows, nil, rejected, false
}

// unsettled returns the records that are neither stored nor bad rows.
func (c *chunk) unsettled() []int {
	rows := []int{} // never nil, which would mean all
	if !c.decoded {
		_ = c.toDecode(func(i int) error { rows = append(rows, i); return nil })
	}
	for _, s := range c.pending {
		rows = append(rows, s.records()...)
	}
	return rows
}

// isolate halves a segment that the server rejects because of some row; a
// single row is the one.
func (c *chunk) isolate(s segment, err error) {
	if s.to-s.from == 1 {
		c.bad = append(c.bad, badRow{index: s.block.Rows[s.from], table: s.block.Schema.Table, err: err})
		return
	}
	first, second := s.halves()
	c.pending = append(c.pending, second, first)
}

// inUse reports whether rows of a block still wait to be stored.
func (c *chunk) inUse(b *column.Block) bool {
	return slices.ContainsFunc(c.pending, func(s segment) bool { return s.block == b })
}
