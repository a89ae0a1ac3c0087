package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
)

// decode turns the chunk's next stretch of records into blocks of rows. Bad rows,
// and fields of a new name that are no column, are believed only if the schema
// they were decoded for is still the server's.
func (s *sink) decode(ctx context.Context, c *chunk) error {
	known, age := s.table.known()
	fresh := known == nil || age > s.cfg.schemaRefresh
	if fresh {
		current, err := s.loadSchema(ctx)
		if err != nil && known == nil {
			return err
		}
		if err == nil {
			known = current
		}
	}
	begun, unfit := c.next, len(c.unfit)
	stranger, err := s.decodeFor(known, c)
	if err != nil {
		return err
	}
	if !fresh && (len(c.unfit) > unfit || stranger) {
		current, err := s.loadSchema(ctx)
		if current != known {
			c.next, c.pending, c.unfit = begun, nil, c.unfit[:unfit]
			if err != nil {
				s.table.doubt()
				return err
			}
			if _, err = s.decodeFor(current, c); err != nil {
				return err
			}
		}
	}
	if len(c.unfit) > unfit {
		return s.enough(c)
	}
	return nil
}

// decodeFor also tells whether a field of a new name is no column. On error the
// chunk is as it was. A record that the decoder panics at is a bad row.
func (s *sink) decodeFor(known *schema, c *chunk) (stranger bool, err error) {
	end := min(c.toDecode(), c.next+s.stretch(known))
	for {
		d := s.table.takeDecoder(known, s.cfg)
		d.records = c.records
		unfit, at, err := s.decodeRun(d, c, end)
		var fault *lane.PanicError
		switch {
		case errors.As(err, &fault): // what the decoder holds is not to be trusted any more
			s.trouble.log.With("table", s.table.name, "stack", string(fault.Stack)).Errorf("Decoding a record for table %q: %v; the record becomes a dead letter", s.table.name, fault)
			if c.poison == nil {
				c.poison = map[int]*rowError{}
			}
			c.poison[at] = &rowError{err: errInternal}
			continue
		case err != nil:
			return false, err
		}
		c.unfit, c.next = append(c.unfit, unfit...), end
		stranger = d.stranger
		c.pending = segmentsOf(d.blocks, s.cfg.preserveOrder)
		s.table.giveBack(d)
		return stranger, nil
	}
}

// decodeRun decodes records up to end, exclusively. A *lane.PanicError is about
// the record with the index at.
func (s *sink) decodeRun(d *decoder, c *chunk, end int) (unfit []badRow, at int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &lane.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	for n := c.next; n < end; n++ {
		at = c.record(n)
		fault := c.poison[at]
		if fault == nil {
			if fault, err = s.add(d, c.records[at], at); err != nil {
				return nil, at, err
			}
		}
		if fault != nil {
			unfit = append(unfit, badRow{index: at, table: s.table.name, err: fault})
		}
	}
	return unfit, at, nil
}

// blockMemory bounds what the columns of one stretch hold, beside the texts that
// they share with the records.
const blockMemory = 64 << 20

// stretch is how many records are decoded at once. It depends on the table alone,
// so that the inserts of a chunk are the same whoever makes them.
func (s *sink) stretch(known *schema) int {
	return max(1, min(mostRows, blockMemory/max(1, known.width())))
}

// segmentsOf returns the blocks' rows as they leave: block by block, or, where
// order matters, in the order of their records.
func segmentsOf(blocks []*block, inOrder bool) (segments []segment) {
	if !inOrder || len(blocks) == 1 {
		for _, b := range blocks {
			if len(b.rows) > 0 {
				segments = append(segments, segment{block: b, to: len(b.rows)})
			}
		}
		slices.SortStableFunc(segments, func(a, b segment) int { return a.records()[0] - b.records()[0] })
		return segments
	}
	at := make([]int, len(blocks))
	for {
		first, second := -1, -1 // the blocks whose next rows come first
		for i, b := range blocks {
			switch {
			case at[i] == len(b.rows):
			case first < 0 || b.rows[at[i]] < blocks[first].rows[at[first]]:
				first, second = i, first
			case second < 0 || b.rows[at[i]] < blocks[second].rows[at[second]]:
				second = i
			}
		}
		if first < 0 {
			return segments
		}
		b, from := blocks[first], at[first]
		for at[first] < len(b.rows) && (second < 0 || b.rows[at[first]] < blocks[second].rows[at[second]]) {
			at[first]++
		}
		segments = append(segments, segment{block: b, from: from, to: at[first]})
	}
}

// add decodes one record. A fault is that of a bad row. Values that only a change
// of the table has made bad are no fault of their row: the error keeps the chunk
// waiting until the table or the records are right again.
func (s *sink) add(d *decoder, r record, index int) (fault *rowError, err error) {
	data, err := r.bytes()
	if err != nil {
		return &rowError{err: err}, nil
	}
	if err = d.add(data, index); err == nil {
		return nil, nil
	}
	if !errors.As(err, &fault) {
		return nil, err
	}
	if s.table.drifted(d.schema, fault, data, index, d.records, s.cfg) {
		return nil, fmt.Errorf("%w: %w", errDrift, fault)
	}
	return fault, nil
}

// loadSchema reads the table's schema from a server and learns it.
func (s *sink) loadSchema(ctx context.Context) (*schema, error) {
	var current *schema
	err := s.cluster.do(ctx, func(ctx context.Context, r *replica) (err error) {
		if current, err = s.readSchema(ctx, r); err != nil {
			return err
		}
		return s.window.check(ctx, r)
	})
	if err != nil {
		return nil, err
	}
	return s.table.learn(current, time.Now()), nil
}

// readSchema reads the columns that rows are inserted into.
func (s *sink) readSchema(ctx context.Context, r *replica) (*schema, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.readTimeout)
	defer cancel()
	conn, err := r.conn()
	if err != nil {
		return nil, err
	}
	current, err := readSchema(ctx, conn, s.table.name)
	if err != nil {
		return nil, err
	}
	return current.pick(s.cfg.columns.names)
}

// laneFor returns the lane of a sink.
func (s *sink) laneFor(yard *lane.Yard) *lane.Lane[*delivery] {
	return lane.New(yard, s.cfg.laneRules(), lane.Hooks[*delivery]{
		New:       func() lane.Load[*delivery] { return &chunk{sink: s} },
		Queue:     s.queued,
		Attempted: s.attempted,
	})
}
