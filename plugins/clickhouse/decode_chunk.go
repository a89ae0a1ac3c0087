package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
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
	begun, unfit, hollow, promises := c.next, len(c.unfit), c.hollow, c.promises
	stranger, err := s.decodeFor(ctx, known, c)
	if err != nil {
		return err
	}
	if !fresh && (len(c.unfit) > unfit || stranger) {
		current, err := s.loadSchema(ctx)
		if current != known {
			c.next, c.pending, c.unfit, c.hollow, c.promises = begun, nil, c.unfit[:unfit], hollow, promises
			if err != nil {
				s.table.doubt()
				return err
			}
			if _, err = s.decodeFor(ctx, current, c); err != nil {
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
func (s *sink) decodeFor(ctx context.Context, known *column.Schema, c *chunk) (stranger bool, err error) {
	end := min(c.toDecode(), c.next+s.stretch(known))
	if len(c.promises) > 0 {
		end = c.next + c.promises[0].rows
	}
	for way := s.apart(known, c); ; {
		d := s.table.takeDecoder(known, s.cfg)
		d.records = c.records
		if way.mixed {
			d.Mix()
		}
		unfit, next, err := s.decodeRun(d, c, end, way.blocks)
		var fault *lane.PanicError
		switch {
		case errors.As(err, &fault): // what the decoder holds is not to be trusted any more
			s.trouble.log.With("table", s.table.name, "stack", string(fault.Stack)).Errorf("Decoding a record for table %q: %v; the record becomes a dead letter", s.table.name, fault)
			if c.poison == nil {
				c.poison = map[int]*rec.RowError{}
			}
			c.poison[c.record(next)] = &rec.RowError{Err: rec.ErrInternal}
			continue
		case err != nil:
			return false, err
		}
		stranger = stranger || d.Stranger() // it says so of a name once
		segments := segmentsOf(d.Blocks(), s.cfg.preserveOrder)
		if len(segments) > way.inserts {
			s.table.discard(d)
			if way, err = s.together(ctx, known, c); err != nil {
				return false, err
			}
			continue
		}
		c.unfit, c.next, c.hollow = append(c.unfit, unfit...), next, c.hollow+d.Hollow()
		s.tellSets(d.Blocks(), len(segments), way.refusal)
		c.pending = segments
		c.redeem()
		s.table.giveBack(d)
		return stranger, nil
	}
}

// decodeRun decodes records up to end, exclusively, or until they have become so
// many blocks, and returns the first that is not decoded. A *lane.PanicError is
// about that one.
func (s *sink) decodeRun(d *decoder, c *chunk, end, blocks int) (unfit []badRow, next int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &lane.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	for next = c.next; next < end && len(d.Blocks()) < blocks; next++ {
		at := c.record(next)
		fault := c.poison[at]
		if fault == nil {
			if fault, err = s.add(d, c.records[at], at); err != nil {
				return nil, next, err
			}
		}
		if fault != nil {
			unfit = append(unfit, badRow{index: at, table: s.table.name, err: fault})
		}
	}
	return unfit, next, nil
}

// blockMemory bounds what the columns of one stretch hold, beside the texts that
// they share with the records.
const blockMemory = 64 << 20

// stretch is how many records are decoded at once. It depends on the table alone,
// so that the inserts of a chunk are the same whoever makes them.
func (s *sink) stretch(known *column.Schema) int {
	return max(1, min(mostRows, blockMemory/max(1, known.Width())))
}

// segmentsOf returns the blocks' rows as they leave: block by block, or, where
// order matters, in the order of their records.
func segmentsOf(blocks []*column.Block, inOrder bool) (segments []segment) {
	if !inOrder || len(blocks) == 1 {
		for _, b := range blocks {
			if len(b.Rows) > 0 {
				segments = append(segments, segment{block: b, to: len(b.Rows)})
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
			case at[i] == len(b.Rows):
			case first < 0 || b.Rows[at[i]] < blocks[first].Rows[at[first]]:
				first, second = i, first
			case second < 0 || b.Rows[at[i]] < blocks[second].Rows[at[second]]:
				second = i
			}
		}
		if first < 0 {
			return segments
		}
		b, from := blocks[first], at[first]
		for at[first] < len(b.Rows) && (second < 0 || b.Rows[at[first]] < blocks[second].Rows[at[second]]) {
			at[first]++
		}
		segments = append(segments, segment{block: b, from: from, to: at[first]})
	}
}

// add decodes one record. A fault is that of a bad row. Values that only a change
// of the table has made bad are no fault of their row: the error keeps the chunk
// waiting until the table or the records are right again.
func (s *sink) add(d *decoder, r record, index int) (fault *rec.RowError, err error) {
	data, err := r.bytes()
	if err != nil {
		return &rec.RowError{Err: err}, nil
	}
	if err = d.Add(data, index); err == nil {
		return nil, nil
	}
	if !errors.As(err, &fault) {
		return nil, err
	}
	if s.table.drifted(d.Schema(), fault, data, index, d.records, s.cfg) {
		return nil, fmt.Errorf("%w: %w", errDrift, fault)
	}
	return fault, nil
}

// loadSchema reads the table's schema from a server and learns it.
func (s *sink) loadSchema(ctx context.Context) (*column.Schema, error) {
	var current *column.Schema
	err := s.cluster.Do(ctx, func(ctx context.Context, r server.Server) (err error) {
		if current, err = s.readSchema(ctx, r); err != nil {
			return err
		}
		if err = s.window.check(ctx, r); err == nil {
			s.order.check(ctx, r, current)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.table.learn(current, time.Now()), nil
}

// readSchema reads the columns that rows are inserted into.
func (s *sink) readSchema(ctx context.Context, r server.Server) (*column.Schema, error) {
	current, err := r.Columns(ctx, s.table.sql)
	if err != nil {
		return nil, err
	}
	return pick(current, s.cfg.columns.names)
}

// laneFor returns the lane of a sink.
func (s *sink) laneFor(yard *lane.Yard) *lane.Lane[*delivery] {
	return lane.New(yard, s.cfg.laneRules(), lane.Hooks[*delivery]{
		New:       func() lane.Load[*delivery] { return &chunk{sink: s} },
		Queue:     s.queued,
		Attempted: s.attempted,
	})
}
