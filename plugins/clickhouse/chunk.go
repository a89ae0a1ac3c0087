package clickhouse

import (
	"context"
	"slices"
	"sort"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
)

// chunk is deliveries that go into their table together, and how far they have
// come: a load of the table's lane. Its records are decoded in stretches, each of
// which makes blocks; runs of a block's rows, the segments, leave by one INSERT
// each, in the order of the records as far as their blocks allow.
type chunk struct {
	sink       *sink
	deliveries []*delivery
	records    []record // of all deliveries
	starts     []int    // per delivery, the index of its first record
	sealed     bool     // nothing may join it, and its inserts stay what they are

	rows    []int // records to decode, ascending; nil means all
	next    int   // of those, the first that is not decoded yet
	pending []segment
	unfit   []badRow // found by the decoder: a change of the table may make them fit
	refused []badRow // found by the server
	stored  int      // rows
	hollow  int      // rows that no column took anything for
	maybe   bool     // an insert was sent whose outcome is not known, or was not at a time
	sample  sample
	poison  map[int]*rec.RowError // records that the decoder has panicked at

	promises []promise // of the records to decode, what the first ones are to become
}

// promise is rows that one insert of unknown outcome held: decoded anew, they are
// to be one insert again, under the same token.
type promise struct {
	rows  int
	token string
}

// sample is rows that the server judges ahead of the others, one by one.
type sample struct {
	taken     bool
	left, bad int
}

var _ lane.Load[*delivery] = (*chunk)(nil)

// Take implements lane.Load.
func (c *chunk) Take(deliveries []*delivery) {
	for _, d := range deliveries {
		c.starts = append(c.starts, len(c.records))
		if len(c.deliveries) == 0 {
			c.records = d.records
		} else {
			c.records = append(c.records[:len(c.records):len(c.records)], d.records...)
		}
		c.deliveries = append(c.deliveries, d)
	}
	c.sealed = c.deliveries[0].sealed
	c.rows, c.next, c.pending, c.unfit, c.hollow, c.sample, c.promises = nil, 0, nil, nil, 0, sample{}, nil
}

// Attempt implements lane.Load.
func (c *chunk) Attempt(ctx context.Context) lane.Outcome { return c.sink.attempt(ctx, c) }

// Jobs implements lane.Load.
func (c *chunk) Jobs() []*delivery { return c.deliveries }

// Part implements lane.Load: what left together leaves one by one. A chunk of one
// delivery is halved by the sink, by segments.
func (c *chunk) Part() []lane.Load[*delivery] {
	if len(c.deliveries) < 2 || !c.untouched() {
		return nil
	}
	parts := make([]lane.Load[*delivery], len(c.deliveries))
	for i, d := range c.deliveries {
		part := &chunk{sink: c.sink}
		part.Take([]*delivery{d})
		parts[i] = part
	}
	return parts
}

// untouched reports whether nothing of the chunk can have been stored, nor was
// judged by the server, so that its rows may go on in other company.
func (c *chunk) untouched() bool {
	return !c.sealed && !c.maybe && c.stored == 0 && len(c.refused) == 0
}

// Finish implements lane.Load.
func (c *chunk) Finish(err error, attempts int) {
	for _, row := range slices.Concat(c.unfit, c.refused) {
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
		d.attempts = attempts
		d.end()
	}
}

// locate returns the delivery that a record came with, and its index there.
func (c *chunk) locate(index int) (*delivery, int) {
	i := sort.SearchInts(c.starts, index+1) - 1
	return c.deliveries[i], index - c.starts[i]
}

// toDecode is how many records are to be decoded.
func (c *chunk) toDecode() int {
	if c.rows == nil {
		return len(c.records)
	}
	return len(c.rows)
}

// record returns the index of the nth record that is to be decoded.
func (c *chunk) record(n int) int {
	if c.rows == nil {
		return n
	}
	return c.rows[n]
}

// startOver undoes the decoding of every row that is not stored: of the unfit
// ones too, and of those alone not that the server has refused.
func (c *chunk) startOver() {
	promised, promises := c.promised()
	kept := make(map[int]bool, len(promised))
	for _, index := range promised {
		kept[index] = true
	}
	rows := slices.DeleteFunc(c.unsettled(), func(index int) bool { return kept[index] })
	for _, row := range c.unfit {
		rows = append(rows, row.index)
	}
	slices.Sort(rows)
	rows, c.promises = append(promised, rows...), promises
	c.rows, c.next, c.pending, c.unfit, c.hollow, c.sample = rows, 0, nil, nil, 0, sample{}
}

// promised returns the rows of the inserts whose outcome is not known, insert by
// insert.
func (c *chunk) promised() (rows []int, promises []promise) {
	for _, s := range c.pending {
		if s.maybe && s.token != "" {
			rows = append(rows, s.records()...)
			promises = append(promises, promise{rows: s.to - s.from, token: s.token})
		}
	}
	next := c.next
	for _, p := range c.promises { // not decoded since
		for n := next; n < next+p.rows; n++ {
			rows = append(rows, c.record(n))
		}
		next += p.rows
		promises = append(promises, p)
	}
	return rows, promises
}

// redeem gives the rows that were just decoded the token that they had. Rows that
// have become several inserts, or do not fit any more, cannot keep it.
func (c *chunk) redeem() {
	if len(c.promises) == 0 {
		return
	}
	p := c.promises[0]
	c.promises = c.promises[1:]
	if len(c.pending) == 1 && c.pending[0].to-c.pending[0].from == p.rows {
		c.pending[0].token, c.pending[0].maybe = p.token, true
	}
}

// reopen is startOver for the rows that the server has refused as well: what they
// were refused for may have been put right.
func (c *chunk) reopen() {
	c.unfit, c.refused = append(c.unfit, c.refused...), nil
	c.startOver()
}

// unsettled returns the records that are neither stored nor bad rows.
func (c *chunk) unsettled() []int {
	rows := []int{} // never nil, which would mean all
	for _, s := range c.pending {
		rows = append(rows, s.records()...)
	}
	for n := c.next; n < c.toDecode(); n++ {
		rows = append(rows, c.record(n))
	}
	return rows
}

// halve replaces the segment that is next by its halves, in their order. It
// returns false for a single row.
func (c *chunk) halve() bool {
	s := c.pending[0]
	if s.to-s.from == 1 {
		return false
	}
	first, second := s.halves()
	c.pending = slices.Insert(c.pending, 1, second)
	c.pending[0] = first
	return true
}

// isolate halves the segment that is next, which the server refuses because of
// some row; a single row is the one.
func (c *chunk) isolate(err error) {
	if c.halve() {
		return
	}
	s := c.pending[0]
	c.refused = append(c.refused, badRow{index: s.records()[0], table: s.block.Schema.Table, err: err})
	c.pending = c.pending[1:]
}

// takeSample brings single rows of the segment that is next before all others.
func (c *chunk) takeSample() {
	s := c.pending[0]
	step := (s.to - s.from) / sampleRows
	var singles, rest []segment
	for i := range sampleRows {
		from, to := s.from+i*step, s.from+(i+1)*step
		if i == sampleRows-1 {
			to = s.to
		}
		singles = append(singles, segment{block: s.block, from: from, to: from + 1})
		rest = append(rest, segment{block: s.block, from: from + 1, to: to})
	}
	c.pending = slices.Concat(singles, rest, c.pending[1:])
	c.sample = sample{taken: true, left: sampleRows}
}

// undecided is how many rows are decoded and were not sent yet, or not in vain.
func (c *chunk) undecided() (rows int) {
	for _, s := range c.pending {
		rows += s.to - s.from
	}
	return rows
}

// inUse reports whether rows of a block still wait to be stored.
func (c *chunk) inUse(b *column.Block) bool {
	return slices.ContainsFunc(c.pending, func(s segment) bool { return s.block == b })
}
