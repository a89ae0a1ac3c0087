package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
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
	quality *quality
	salts   *salts
	trouble *trouble
	window  *window
	order   *order
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
		s.countHollow(c)
		return lane.Outcome{}
	}
	class := server.Classify(err)
	c.maybe = c.maybe || maybeStored(class)
	return lane.Outcome{
		Err:       &failure{class: class, err: s.cfg.redact(err)},
		Slow:      class.Overload(),
		Patient:   class == server.ViewFault,
		Untouched: c.untouched() && server.NothingWritten(err),
		TooLarge:  class == server.TooLarge,
	}
}

// countHollow counts the rows that no column took anything for: those that are
// stored as zeros and defaults, and those that are bad rows for it.
func (s *sink) countHollow(c *chunk) {
	n := int64(c.hollow)
	for _, row := range c.unfit {
		if errors.Is(row.err, rec.ErrNoColumn) {
			n++
		}
	}
	if n > 0 {
		s.figures.Unmatched.Add(n)
		s.metrics.unmatched.Incr(n, s.table.name)
	}
}

// maybeStored reports whether rows may be in the table after a failure of that
// class: then they are sent again unchanged, and in no other company.
func maybeStored(c server.Class) bool { return c == server.UnknownOutcome || c == server.ViewFault }

// bring is attempt without the judgement. A table that may have changed is read
// again, and the rows decoded again, once.
func (s *sink) bring(ctx context.Context, c *chunk) error {
	err := s.insertAll(ctx, c)
	if err == nil || server.Classify(err) != server.SchemaFault || ctx.Err() != nil {
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
			next.token = s.token(c, *next)
		}
		in.Token = next.token
		begun, waiting := time.Now(), s.figures.AwaitInsert(next.to-next.from)
		written, err = r.Insert(ctx, in)
		waiting.Done()
		took = time.Since(begun)
		return err
	})
	if err == nil {
		s.stored(c, written, took)
		return s.sampled(c, 0)
	}
	switch class := server.Classify(err); {
	case ctx.Err() != nil:
		return err
	case class == server.RowFault:
		return s.refused(c, err)
	case class == server.TooLarge && len(c.deliveries) == 1 && !c.sealed && !next.maybe && c.halve():
		return err // the halves leave after a while, since memory is short
	default:
		if !next.maybe && next.part().Varies() && server.RefusesStatement(err) { // another replica than that which was asked
			s.table.noteMixing(next.block.Schema, mixing{tried: true, refusal: err})
			c.startOver()
			return err
		}
		next.maybe = next.maybe || maybeStored(class)
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
		err = c.flood(err)
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
		err = c.flood(err)
		c.reopen()
	}
	return err
}

// insistOnWindow returns nil once the table is known to recognise a repeated
// insert, which exactly-once delivery relies on.
func (s *sink) insistOnWindow(ctx context.Context) error {
	if s.window.insisted.Load() {
		return nil
	}
	return s.cluster.Do(ctx, s.window.insist)
}

// stored counts the rows of the segment that was next, which the server has
// accepted, and how long it took.
func (s *sink) stored(c *chunk, written server.Written, took time.Duration) {
	done := c.pending[0]
	c.pending = c.pending[1:]
	rows, bytes := done.to-done.from, 0
	for _, i := range done.records() {
		bytes += len(c.records[i].data)
	}
	c.stored += rows
	if written.Deduplicated {
		s.figures.Deduplicated.Add(int64(rows))
		s.metrics.deduplicated.Incr(int64(rows), s.table.name)
	} else {
		s.figures.Rows.Add(int64(rows))
		s.metrics.rows.Incr(int64(rows), s.table.name)
		s.metrics.bytes.Incr(int64(bytes), s.table.name)
	}
	s.figures.Batches.Add(1)
	s.figures.Inserted(took)
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
		if !f.class.NeedsSomebody() {
			s.board.Link.Down(f)
		}
		if a.Again {
			s.figures.Retries.Add(1)
		}
		s.metrics.retries.Incr(1, s.table.name, f.class.Label())
		s.trouble.failed(f, a.Number)
		s.board.Report(status.Incident{Table: s.table.name, Class: f.class.String(), Message: wordOf(f), Count: 1})
	}
}

// queued shows what waits for a retry.
func (s *sink) queued(q lane.Queue) {
	before := s.figures.Queue().Batches
	shown := status.Queue{Batches: int64(q.Jobs), Rows: int64(q.Rows), Since: q.Since, Attempts: q.Attempts}
	if q.Last.Err != nil {
		f := failureOf(q.Last.Err)
		shown.Err, shown.Stuck = fmt.Sprintf("%s: %s", f.class, wordOf(f)), f.class.NeedsSomebody()
	}
	s.figures.SetQueue(shown)
	if shown.Batches != before {
		s.board.Publish()
	}
}
