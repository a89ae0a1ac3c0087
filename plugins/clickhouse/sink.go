package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// mostRows is how many rows one INSERT holds at most: servers split larger
// ones (max_insert_block_size), and store the parts one by one.
const mostRows = 1_000_000

// sink brings chunks into one table of one shard: decode, insert, look for the
// bad rows. It is safe for concurrent use.
type sink struct {
	cfg     *config
	cluster *cluster
	table   *table
	quality *quality
	salts   *salts
	trouble *trouble
	window  *window
	board   *status.Output
	figures *status.Table
	metrics *metrics
}

// attempt goes on where the attempt before ended. Its outcome has no error when
// every row of the chunk is stored or a bad row.
func (s *sink) attempt(ctx context.Context, c *chunk) lane.Outcome {
	err := s.bring(ctx, c)
	if err == nil {
		s.quality.settled(c.stored, len(c.unfit)+len(c.refused))
		return lane.Outcome{}
	}
	class := classify(err)
	c.maybe = c.maybe || class == unknownOutcome
	return lane.Outcome{
		Err:       &failure{class: class, err: s.cfg.redact(err)},
		Slow:      class == retrySlow || class == tooLarge,
		Untouched: c.untouched() && nothingWritten(err),
		TooLarge:  class == tooLarge,
	}
}

// bring is attempt without the judgement. A table that may have changed is read
// again, and the rows decoded again, once.
func (s *sink) bring(ctx context.Context, c *chunk) error {
	err := s.insertAll(ctx, c)
	if err == nil || classify(err) != schemaFault || ctx.Err() != nil {
		return err
	}
	if _, err := s.loadSchema(ctx); err != nil {
		return err
	}
	c.startOver()
	return s.insertAll(ctx, c)
}

func (s *sink) insertAll(ctx context.Context, c *chunk) error {
	for {
		if c.sealed && len(c.pending) > 0 {
			if err := s.insistOnWindow(ctx); err != nil {
				return err
			}
		}
		for len(c.pending) > 0 {
			if err := s.insert(ctx, c); err != nil {
				return err
			}
		}
		if c.next == c.toDecode() {
			return nil
		}
		if err := s.decode(ctx, c); err != nil {
			return err
		}
	}
}

// insert stores the segment that is next, or halves it when the server finds
// fault with one of its rows, or cannot take it whole.
func (s *sink) insert(ctx context.Context, c *chunk) error {
	next := &c.pending[0]
	var took time.Duration
	err := s.cluster.do(ctx, func(ctx context.Context, r *replica) error {
		f, err := r.features(ctx)
		if err != nil {
			return err
		}
		if s.cfg.deduplicate != deduplicateOff && f.deduplicationToken && next.token == "" {
			next.token = s.token(c, *next)
		}
		if s.cfg.http && !f.refusesConversion {
			if err := s.unchanged(ctx, r, next.block.Schema); err != nil {
				return err
			}
		}
		begun := time.Now()
		err = send(ctx, r, f, s.cfg, *next)
		took = time.Since(begun)
		return err
	})
	if err == nil {
		s.stored(c, took)
		return s.sampled(c, 0)
	}
	switch class := classify(err); {
	case ctx.Err() != nil:
		return err
	case class == rowFault:
		return s.refused(c, err)
	case class == tooLarge && len(c.deliveries) == 1 && !c.sealed && !next.maybe && c.halve():
		return err // the halves leave after a while, since memory is short
	default:
		next.maybe = next.maybe || class == unknownOutcome
		return err
	}
}

// refused looks for the row that the server refuses the segment for. Of a large
// one it asks about some rows first, so that it is soon known if all are bad; not
// where the rows have to stay in their order.
func (s *sink) refused(c *chunk, err error) error {
	next, before := c.pending[0], len(c.refused)
	if !c.sample.taken && !s.cfg.preserveOrder && next.to-next.from >= sampleFrom {
		c.takeSample()
		return nil
	}
	c.isolate(err)
	if len(c.refused) == before {
		return nil
	}
	if err := s.sampled(c, 1); err != nil {
		return err
	}
	return s.enough(c)
}

// sampled notes what the server said of a row of the sample, if it was one.
func (s *sink) sampled(c *chunk, bad int) error {
	if c.sample.left == 0 {
		return nil
	}
	c.sample.left--
	c.sample.bad += bad
	if c.sample.left > 0 {
		return nil
	}
	err := s.quality.judgeSample(c.sample.bad)
	if err != nil {
		c.reopen()
	}
	return err
}

// enough returns an error when so many rows are bad that it is rather the table,
// or the configuration, than the rows. The rows then wait, those that the server
// has refused included.
func (s *sink) enough(c *chunk) error {
	err := s.quality.judge(c.stored+c.undecided(), len(c.unfit)+len(c.refused))
	if err != nil {
		c.reopen()
	}
	return err
}

// unchanged makes sure that the table has the columns that rows were decoded
// for, just before an INSERT which the server does not check for it.
func (s *sink) unchanged(ctx context.Context, r *replica, decodedFor *column.Schema) error {
	current, err := s.readSchema(ctx, r)
	if err == nil && !current.Same(decodedFor) {
		err = errSchemaChanged
	}
	return err
}

// insistOnWindow returns nil once the table is known to recognise a repeated
// insert, which exactly-once delivery relies on.
func (s *sink) insistOnWindow(ctx context.Context) error {
	if s.window.insisted.Load() {
		return nil
	}
	return s.cluster.do(ctx, s.window.insist)
}

// stored counts the rows of the segment that was next, which the server has
// accepted, and how long it took.
func (s *sink) stored(c *chunk, took time.Duration) {
	done := c.pending[0]
	c.pending = c.pending[1:]
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

// attempted is told how each attempt ended.
func (s *sink) attempted(a lane.Attempted) {
	switch {
	case a.Err == nil:
		s.board.Link.Up()
		s.trouble.over()
	case a.GivenUp:
	default:
		f := failureOf(a.Err)
		if !f.class.needsSomebody() {
			s.board.Link.Down(f)
		}
		if a.Again {
			s.figures.Retries.Add(1)
		}
		s.metrics.retries.Incr(1, s.table.name, f.class.label())
		s.trouble.failed(f, a.Number)
		s.board.Report(status.Incident{Table: s.table.name, Class: f.class.String(), Message: wordOf(f), Count: 1})
	}
}

// queued shows what waits for a retry.
func (s *sink) queued(q lane.Queue) {
	before := s.figures.Queue().Batches
	shown := status.Queue{Batches: int64(q.Jobs), Since: q.Since, Attempts: q.Attempts}
	if q.Last.Err != nil {
		f := failureOf(q.Last.Err)
		shown.Err, shown.Stuck = fmt.Sprintf("%s: %s", f.class, wordOf(f)), f.class.needsSomebody()
	}
	s.figures.SetQueue(shown)
	if shown.Batches != before {
		s.board.Publish()
	}
}
