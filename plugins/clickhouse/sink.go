package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// mostRows is how many rows one INSERT holds at most: servers split larger
// ones (max_insert_block_size), and store the parts one by one.
const mostRows = 1_000_000

// sink brings chunks into one table of one shard: decode, insert, look for the
// bad rows. It is safe for concurrent use.
type sink struct {
	cfg     *config
	cluster *server.Cluster
	table   *table
	trouble *trouble
	window  *window
	board   *status.Output
	figures *status.Table
	metrics *metrics
}

// attempt goes on where the attempt before ended, and returns nil when every
// row of the chunk is stored or a bad row.
func (s *sink) attempt(ctx context.Context, c *chunk) error {
	err := s.insertAll(ctx, c)
	if err == nil || server.Classify(err) != server.SchemaFault || ctx.Err() != nil {
		return err
	}
	// The table may have changed: read it again, decode again, once.
	if _, err := s.loadSchema(ctx); err != nil {
		return err
	}
	c.startOver()
	return s.insertAll(ctx, c)
}

func (s *sink) insertAll(ctx context.Context, c *chunk) error {
	if !c.decoded {
		if err := s.decode(ctx, c); err != nil {
			return err
		}
	}
	if c.sealed {
		if err := s.insistOnWindow(ctx); err != nil {
			return err
		}
	}
	for len(c.pending) > 0 {
		last := len(c.pending) - 1
		if err := s.insert(ctx, c, &c.pending[last]); err != nil {
			return err
		}
	}
	return nil
}

// insert stores the segment that is next, or halves it when the server finds
// fault with one of its rows.
func (s *sink) insert(ctx context.Context, c *chunk, next *segment) error {
	var took time.Duration
	var written server.Written
	err := s.cluster.Do(ctx, func(ctx context.Context, r server.Server) error {
		f, err := r.Features(ctx)
		if err != nil {
			return err
		}
		in := server.Insert{Table: s.table.sql, Part: next.part()}
		switch {
		case s.cfg.deduplicate == deduplicateOff:
			in.Deduplication = server.NoDeduplication
		case f.DeduplicationToken() && next.token == "":
			next.token = token(c.records, *next)
		}
		in.Token = next.token
		begun := time.Now()
		written, err = r.Insert(ctx, in)
		took = time.Since(begun)
		return err
	})
	_ = written // TODO: count rows that were deduplicated as such
	done := *next
	switch {
	case err == nil:
		c.pending = c.pending[:len(c.pending)-1]
		s.stored(c, done, took)
	case ctx.Err() == nil && server.Classify(err) == server.RowFault:
		c.pending = c.pending[:len(c.pending)-1]
		c.isolate(done, err)
	default:
		return err
	}
	return nil
}

// insistOnWindow returns nil once the table is known to recognise a repeated
// insert, which exactly-once delivery relies on.
func (s *sink) insistOnWindow(ctx context.Context) error {
	if s.window.insisted.Load() {
		return nil
	}
	return s.cluster.Do(ctx, s.window.insist)
}

// stored counts rows that the server has accepted, and how long it took.
func (s *sink) stored(c *chunk, done segment, took time.Duration) {
	rows, bytes := done.to-done.from, 0
	for _, i := range done.records() {
		bytes += len(c.records[i].data)
	}
	c.stored += rows
	s.figures.Rows.Add(int64(rows))
	s.figures.Batches.Add(1)
	s.metrics.rows.Incr(int64(rows), s.table.name)
	s.metrics.bytes.Incr(int64(bytes), s.table.name)
	s.metrics.batches.Incr(1, s.table.name)
	s.metrics.batchRows.Timing(int64(rows), s.table.name)
	s.metrics.insert.Timing(took.Nanoseconds(), s.table.name)
	s.table.agree(done.block.Schema)
	if !c.inUse(done.block) {
		s.table.recycle(done.block)
	}
}

// report is told how each attempt ended.
func (s *sink) report(r report) {
	switch {
	case r.err == nil:
		s.board.Link.Up()
		s.trouble.over()
	case r.chunk.ctx.Err() != nil:
	default:
		if !r.class.NeedsSomebody() {
			s.board.Link.Down(r.err)
		}
		s.metrics.retries.Incr(1, s.table.name, r.class.Label())
		s.trouble.failed(r)
		s.board.Report(status.Incident{Table: s.table.name, Class: r.class.String(), Message: r.words, Count: 1})
	}
}

// decode turns the chunk's records into blocks of rows. Bad rows, and fields of
// a new name that are no column, are believed only if the schema they were
// decoded for is still the server's.
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
	stranger, err := s.decodeFor(known, c)
	if err != nil || fresh || len(c.bad) == 0 && !stranger {
		return err
	}
	current, err := s.loadSchema(ctx)
	if current == known {
		return nil
	}
	c.startOver()
	if err != nil {
		s.table.doubt()
		return err
	}
	_, err = s.decodeFor(current, c)
	return err
}

// decodeFor also tells whether a field of a new name is no column.
func (s *sink) decodeFor(known *column.Schema, c *chunk) (stranger bool, err error) {
	d := s.table.takeDecoder(known, s.cfg)
	d.records = c.records
	if err := c.toDecode(func(index int) error { return s.add(d, c, index) }); err != nil {
		c.bad = nil
		return false, err
	}
	stranger = d.Stranger()
	for _, b := range d.Blocks() {
		for from := 0; from < len(b.Rows); from += mostRows {
			c.pending = append(c.pending, segment{block: b, from: from, to: min(from+mostRows, len(b.Rows))})
		}
	}
	s.table.giveBack(d)
	c.decoded = true
	return stranger, nil
}

// add decodes one record. Values that only a change of the table has made bad
// are no fault of their row: the error keeps the chunk waiting until the table
// or the records are right again.
func (s *sink) add(d *decoder, c *chunk, index int) error {
	data, err := c.records[index].bytes()
	if err == nil {
		err = d.Add(data, index)
	} else {
		err = &rec.RowError{Err: err}
	}
	var fault *rec.RowError
	if !errors.As(err, &fault) {
		return err
	}
	if s.table.drifted(d.Schema(), fault) {
		return fmt.Errorf("%w: %w", errDrift, fault)
	}
	c.bad = append(c.bad, badRow{index: index, table: s.table.name, err: fault})
	return nil
}

// loadSchema reads the table's schema from a server and learns it.
func (s *sink) loadSchema(ctx context.Context) (*column.Schema, error) {
	var current *column.Schema
	err := s.cluster.Do(ctx, func(ctx context.Context, r server.Server) (err error) {
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
func (s *sink) readSchema(ctx context.Context, r server.Server) (*column.Schema, error) {
	current, err := r.Columns(ctx, s.table.sql)
	if err != nil {
		return nil, err
	}
	return pick(current, s.cfg.columns.names)
}
