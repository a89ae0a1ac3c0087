package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// job brings one group of a batch into its table: decode, insert, look for
// the bad rows, wait and try again. It belongs to one goroutine.
type job struct {
	out     *output
	servers *cluster
	batch   service.MessageBatch
	group   group
	table   *table
	decoded bool
	pending []segment // decoded and not stored yet; the last one is next
	bad     []badRow
	tries   int
}

// run returns nil when every row of the group is stored or a bad row. The
// error says why the rest is not.
func (j *job) run(ctx context.Context) error {
	for {
		j.tries++
		err := j.attempt(ctx)
		if err == nil {
			j.recovered()
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c := classify(err)
		j.failed(err, c)
		if limit := j.out.cfg.maxRetries; limit > 0 && j.tries > limit {
			return fmt.Errorf("giving up after %d attempts: %w", j.tries, err)
		}
		j.out.board.Retries.Add(1)
		j.out.metrics.retries.Incr(1)
		if err := j.out.queue.wait(ctx, j.tries, c); err != nil {
			return err
		}
	}
}

// attempt takes an insert slot and goes on where the attempt before ended.
func (j *job) attempt(ctx context.Context) error {
	if err := j.out.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer j.out.slots.Release(1)
	err := j.insertAll(ctx)
	if err == nil || classify(err) != schemaFault || ctx.Err() != nil {
		return err
	}
	// The table may have changed: read it again, decode again, once.
	if err := j.refresh(ctx); err != nil {
		return err
	}
	return j.insertAll(ctx)
}

func (j *job) insertAll(ctx context.Context) error {
	if !j.decoded {
		if err := j.decode(ctx); err != nil {
			return err
		}
	}
	for len(j.pending) > 0 {
		last := len(j.pending) - 1
		s := j.pending[last]
		err := j.servers.do(ctx, func(ctx context.Context, r *replica) error { return send(ctx, r, &j.out.cfg, s) })
		switch {
		case err == nil:
			j.pending = j.pending[:last]
			j.stored(s)
		case ctx.Err() == nil && classify(err) == rowFault:
			j.pending = j.pending[:last]
			j.isolate(s, err)
		default:
			return err
		}
	}
	return nil
}

// isolate halves a segment that the server rejects because of some row; a
// single row is the one.
func (j *job) isolate(s segment, err error) {
	if s.to-s.from == 1 {
		j.bad = append(j.bad, badRow{index: s.block.rows[s.from], table: j.table.name, err: err})
		return
	}
	first, second := s.halves()
	j.pending = append(j.pending, second, first)
}

// stored counts rows that the server has accepted.
func (j *job) stored(s segment) {
	rows := int64(s.to - s.from)
	j.out.board.Rows.Add(rows)
	j.out.board.Batches.Add(1)
	j.out.metrics.rows.Incr(rows)
	j.out.metrics.batches.Incr(1)
	if !slices.ContainsFunc(j.pending, func(p segment) bool { return p.block == s.block }) {
		j.table.recycle(s.block)
	}
}

// decode turns the group's messages into blocks of rows. Bad rows are believed
// only if the schema they were decoded for is still the server's.
func (j *job) decode(ctx context.Context) error {
	s := j.table.known()
	if s == nil {
		var err error
		if s, err = j.out.loadSchema(ctx, j.servers, j.table); err != nil {
			return err
		}
		return j.decodeFor(s)
	}
	if err := j.decodeFor(s); err != nil || len(j.bad) == 0 {
		return err
	}
	current, err := j.out.loadSchema(ctx, j.servers, j.table)
	if current == s {
		return nil
	}
	j.startOver()
	if err != nil {
		return err
	}
	return j.decodeFor(current)
}

func (j *job) decodeFor(s *schema) error {
	d := j.table.takeDecoder(s, &j.out.cfg)
	for i := range j.group.len(j.batch) {
		if err := j.add(d, j.group.row(i)); err != nil {
			return err
		}
	}
	for _, b := range d.blocks {
		if len(b.rows) > 0 {
			j.pending = append(j.pending, segment{b, 0, len(b.rows)})
		}
	}
	j.table.giveBack(d)
	j.decoded = true
	return nil
}

func (j *job) add(d *decoder, index int) error {
	record, err := j.batch[index].AsBytes()
	if err == nil {
		err = d.add(record, index)
	} else {
		err = &rowError{err: err}
	}
	var fault *rowError
	if errors.As(err, &fault) {
		j.bad = append(j.bad, badRow{index: index, table: j.table.name, err: fault})
		return nil
	}
	return err
}

// refresh reads the schema again and marks what is not stored yet to be
// decoded for it.
func (j *job) refresh(ctx context.Context) error {
	if _, err := j.out.loadSchema(ctx, j.servers, j.table); err != nil {
		return err
	}
	if j.decoded {
		j.startOver()
	}
	return nil
}

// startOver undoes the decoding of every row that is not stored: of the bad
// ones too, except for those that the server has rejected.
func (j *job) startOver() {
	rows := j.unsettled()
	rejected := j.bad[:0]
	for _, row := range j.bad {
		var fault *rowError
		if errors.As(row.err, &fault) {
			rows = append(rows, row.index)
		} else {
			rejected = append(rejected, row)
		}
	}
	slices.Sort(rows)
	j.group.rows, j.pending, j.bad, j.decoded = rows, nil, rejected, false
}

// unsettled returns the messages that are neither stored nor bad rows.
func (j *job) unsettled() []int {
	rows := []int{} // never nil, which would mean all
	if !j.decoded {
		for i := range j.group.len(j.batch) {
			rows = append(rows, j.group.row(i))
		}
	}
	for _, s := range j.pending {
		rows = append(rows, s.messages()...)
	}
	return rows
}

// failed logs a failure, unless the same trouble was logged a moment ago.
func (j *job) failed(err error, c class) {
	if c != schemaFault && c != accessFault {
		j.out.board.Link.Down(j.out.cfg.redact(err))
	}
	j.table.mu.Lock()
	tell := j.table.trouble.failed(time.Now())
	j.table.mu.Unlock()
	if !tell {
		return
	}
	log := j.out.log.Warnf
	if c == accessFault || c == schemaFault {
		log = j.out.log.Errorf
	}
	log("Inserting into table %q fails (%s), keeping the rows in the retry queue, attempt %d: %s", j.table.name, c, j.tries, j.out.cfg.redact(err))
}

// recovered logs the end of a trouble.
func (j *job) recovered() {
	j.out.board.Link.Up()
	j.table.mu.Lock()
	failures, lasted := j.table.trouble.over(time.Now())
	j.table.mu.Unlock()
	if failures > 0 {
		j.out.log.Infof("Inserting into table %q works again, after %d failed attempts in %s", j.table.name, failures, lasted.Round(time.Millisecond))
	}
}
