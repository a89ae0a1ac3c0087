// Package clickhouse provides the clickhouse output: JSON records become typed
// columns, inserted in batches by ClickHouse's own protocols.
//
// A record goes from bytes to columns in one step. The table's schema is read
// from the server; every column has a builder that converts JSON strictly and
// keeps its values in the layout of the Native format, so that the driver
// takes them without a conversion of its own.
//
// The output owns failure. A record that does not fit goes to the dead_letter
// output while its neighbours are stored; a block that the server rejects
// because of a row is halved until that row stands alone; everything else
// waits in the retry queue, without holding an insert slot, and is tried
// again. classify decides which is which.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/sync/semaphore"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// parked is how many batches may wait in the retry queue before the stream
// has to: Benthos calls WriteBatch for so many beyond those that insert.
const parked = 16

// closeTimeout bounds how long a dead_letter output that cannot connect holds
// up the end.
const closeTimeout = 5 * time.Second

func init() {
	service.MustRegisterBatchOutput(pluginName, spec(),
		func(conf *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			out, err := newOutput(conf, mgr)
			if err != nil {
				return nil, service.BatchPolicy{}, 0, err
			}
			// No batch policy: batches are formed in one place, the buffer.
			return out, service.BatchPolicy{}, out.cfg.maxInFlight + parked, nil
		})
}

// output is the clickhouse output of one stream.
type output struct {
	cfg     config
	log     *service.Logger
	board   *status.Output
	metrics metrics
	slots   *semaphore.Weighted
	queue   *retryQueue
	tables  tables
	letters deadLetters

	clusters  []*cluster // one for each shard
	connected atomic.Bool
	mu        sync.Mutex // serialises Connect and Close
	primed    bool
}

var _ service.BatchOutput = (*output)(nil)

// metrics are the figures that Benthos exports; those for /health are on the
// board.
type metrics struct {
	rows, batches, retries, deadLetters *service.MetricCounter
}

func newOutput(conf *service.ParsedConfig, mgr *service.Resources) (*output, error) {
	cfg, err := parseConfig(conf)
	if err != nil {
		return nil, err
	}
	letters, err := conf.FieldOutput(fieldDeadLetter)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", pluginName, fieldDeadLetter, err)
	}
	board := status.Of(mgr, cfg.gate).Output(status.LabelOf(mgr))
	m := mgr.Metrics()
	queue := &retryQueue{
		initial: cfg.initialInterval,
		max:     cfg.maxInterval,
		waiting: &board.RetryQueue,
		gauge:   m.NewGauge("clickhouse_retry_queue"),
	}
	o := &output{
		cfg:   cfg,
		log:   mgr.Logger(),
		board: board,
		metrics: metrics{
			rows:        m.NewCounter("clickhouse_rows"),
			batches:     m.NewCounter("clickhouse_batches"),
			retries:     m.NewCounter("clickhouse_retries"),
			deadLetters: m.NewCounter("clickhouse_dead_letters"),
		},
		slots:   semaphore.NewWeighted(int64(cfg.maxInFlight)),
		queue:   queue,
		letters: deadLetters{out: letters, reject: cfg.reject, queue: queue, log: mgr.Logger()},
	}
	o.clusters = newClusters(&o.cfg, o.log)
	return o, nil
}

// Connect opens the pool, asks the server for a sign of life, and for the
// columns of the table if there is only one. The pool reconnects by itself
// ever after.
func (o *output) Connect(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.connected.Load() {
		return nil
	}
	if err := o.connect(ctx); err != nil {
		err = o.cfg.explain(err)
		o.board.Link.Down(err)
		return err
	}
	o.board.Link.Up()
	return nil
}

func (o *output) connect(ctx context.Context) error {
	for _, c := range o.clusters {
		if err := c.connect(ctx); err != nil {
			return err
		}
	}
	if err := o.prepare(ctx); err != nil {
		return err
	}
	o.connected.Store(true)
	return nil
}

// prepare checks what can be checked before the first record.
func (o *output) prepare(ctx context.Context) error {
	if name := o.cfg.namer.literal; name != "" {
		s, err := o.loadSchema(ctx, o.clusters[0], o.tables.of(name))
		if err != nil {
			return err
		}
		if _, err := newBlock(s, o.cfg.times); err != nil {
			return fmt.Errorf("table %q: %w", name, err)
		}
	}
	if o.primed || o.letters.reject {
		return nil
	}
	o.primed = true
	if err := o.letters.out.Prime(); err != nil {
		return fmt.Errorf("starting %s.%s: %w", pluginName, fieldDeadLetter, err)
	}
	return nil
}

// loadSchema reads a table's schema from the server.
func (o *output) loadSchema(ctx context.Context, servers *cluster, t *table) (*schema, error) {
	var s *schema
	err := servers.do(ctx, func(ctx context.Context, r *replica) error {
		conn, err := r.conn()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, o.cfg.readTimeout)
		defer cancel()
		s, err = readSchema(ctx, conn, t.name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s, err = s.pick(o.cfg.columns); err != nil {
		return nil, err
	}
	return t.learn(s), nil
}

// WriteBatch returns nil when every row is stored or with the dead-letter
// output. It blocks for as long as that takes; when ctx ends it returns its
// error and the rows that were not stored count as not written.
func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	if !o.connected.Load() {
		return service.ErrNotConnected
	}
	groups, bad := o.cfg.namer.split(batch)
	jobs := make([]*job, len(groups))
	errs := make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		jobs[i] = &job{out: o, servers: o.clusters[0], batch: batch, group: g, table: o.tables.of(g.table)}
		if i > 0 { // tables do not wait for one another
			wg.Go(func() { errs[i] = jobs[i].run(ctx) })
		}
	}
	if len(jobs) > 0 {
		errs[0] = jobs[0].run(ctx)
	}
	wg.Wait()
	return o.settle(ctx, batch, jobs, errs, bad)
}

// settle delivers the bad rows and says which messages, if any, are not
// settled.
func (o *output) settle(ctx context.Context, batch service.MessageBatch, jobs []*job, errs []error, bad []badRow) error {
	if ctx.Err() != nil && errors.Join(errs...) != nil {
		return ctx.Err()
	}
	var failures failures
	tries := 1
	for i, j := range jobs {
		bad = append(bad, j.bad...)
		tries = max(tries, j.tries)
		if errs[i] != nil {
			failures.add(errs[i], j.unsettled()...)
		}
	}
	if o.letters.reject {
		for _, row := range bad {
			failures.add(row.err, row.index)
		}
		return failures.of(batch)
	}
	if err := o.letters.deliver(ctx, batch, bad, tries); err != nil {
		return err
	}
	o.board.DeadLetters.Add(int64(len(bad)))
	if len(bad) > 0 {
		o.metrics.deadLetters.Incr(int64(len(bad)))
	}
	return failures.of(batch)
}

// failures collects the messages that were not settled.
type failures struct {
	headline error
	rows     []int
	errs     []error
}

func (f *failures) add(err error, rows ...int) {
	if f.headline == nil {
		f.headline = err
	}
	for _, row := range rows {
		f.rows = append(f.rows, row)
		f.errs = append(f.errs, err)
	}
}

// of returns an error that names exactly the failed messages, nil if there
// are none.
func (f *failures) of(batch service.MessageBatch) error {
	if len(f.rows) == 0 {
		return nil
	}
	e := service.NewBatchError(batch, f.headline)
	for i, row := range f.rows {
		_ = e.Failed(row, f.errs[i]) // returns e
	}
	return e
}

// Close ends the dead-letter output and the connections.
func (o *output) Close(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.board.Link.Closed()
	var errs []error
	if o.primed { // an output that never started would be waited for in vain
		ctx, cancel := context.WithTimeout(ctx, closeTimeout)
		defer cancel()
		if err := o.letters.out.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("closing %s.%s: %w", pluginName, fieldDeadLetter, err))
		}
	}
	o.connected.Store(false)
	for _, c := range o.clusters {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}
