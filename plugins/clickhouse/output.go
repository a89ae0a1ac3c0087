// Package clickhouse provides the clickhouse output: JSON records become typed
// columns, inserted in batches by ClickHouse's own protocols.
//
// A record goes from bytes to columns in one step (packages record/json and
// column). The table's schema is read from the server; every column converts
// strictly and keeps its values in the layout of the Native format, in which they
// go to the wire (package server).
//
// The output owns failure. A record that does not fit goes to the dead_letter
// output while its neighbours are stored; a block that the server rejects
// because of a row is halved until that row stands alone; everything else
// waits in the retry queue of its table, without holding an insert slot, and
// is tried again. server.Classify decides which is which.
//
// What happens to a batch, as a shipment: it is split into one delivery per table; the
// table's lane makes chunks of deliveries and brings them to the table's sink,
// which decodes a chunk into blocks and sends their segments, one INSERT each.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/lane"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/network"
	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// mostMerged and mostMergedBytes are how many rows of deliveries that wait
// together leave together, and how many bytes their records have.
const (
	mostMerged      = 200_000
	mostMergedBytes = 64 << 20
)

// closeTimeout bounds how long a dead_letter output that cannot connect holds
// up the end.
const closeTimeout = 5 * time.Second

func init() {
	registerSourceFault()
	service.MustRegisterBatchOutput(pluginName, spec(),
		func(conf *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			out, err := newOutput(conf, mgr)
			if err != nil {
				return nil, service.BatchPolicy{}, 0, err
			}
			// No batch policy: batches are formed in one place, the buffer.
			return out, service.BatchPolicy{}, out.cfg.batches(), nil
		})
}

// output is the clickhouse output of one stream.
type output struct {
	cfg      config
	res      *service.Resources
	log      *service.Logger
	board    *status.Output
	metrics  metrics
	letters  deadLetters
	clusters []*server.Cluster // one per shard
	once     func() bool       // whether an input of the stream relies on deduplication
	ways     *ways
	recovery *recovery
	guards   guards
	returned returned

	over    context.Context //nolint:containedctx // ends when the stream's buffer has ended
	running context.Context //nolint:containedctx // ends with Close
	stop    context.CancelFunc

	mu        sync.Mutex // serialises Connect and Close
	patience  patience
	connected atomic.Bool
	primed    bool
}

var _ service.BatchOutput = (*output)(nil)

func newOutput(conf *service.ParsedConfig, mgr *service.Resources) (*output, error) {
	cfg, err := parseConfig(conf)
	if err != nil {
		return nil, err
	}
	letters, err := conf.FieldOutput(fieldDeadLetter)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", pluginName, fieldDeadLetter, err)
	}
	name := topology.Gate(mgr, cfg.gate)
	board := status.Of(mgr, name)
	o := &output{
		cfg:     cfg,
		res:     mgr,
		log:     mgr.Logger(),
		board:   board.Output(status.LabelOf(mgr)),
		over:    gate.Of(mgr, name).Over(),
		once:    chunks(topology.Of(mgr), board),
		metrics: newMetrics(mgr.Metrics()),
		letters: deadLetters{out: letters, reject: cfg.reject, backoff: cfg.backoff, turns: newLetterTurns(cfg.backoff), log: mgr.Logger()},
	}
	o.cfg.server.Dial = network.Of(mgr)
	o.guards.most = cfg.mostBad
	o.letters.board = o.board
	o.letters.told.log, o.letters.told.to = mgr.Logger(), cfg.deadLetter
	o.clusters = o.newClusters()
	checkup.Join(mgr, o)
	o.running, o.stop = context.WithCancel(context.Background())
	o.recovery = newRecovery(o)
	o.ways = newWays(lane.NewYard(o.running, o.cfg.width()), o.newSink)
	return o, nil
}

// chunks asks whether an input of the stream relies on deduplication. Where nobody
// knows what the stream is made of, its inputs have said so on the board.
func chunks(stream *topology.Generation, board *status.Board) func() bool {
	return func() bool {
		if t := stream.Topology(); t != nil {
			return t.Chunks()
		}
		return board.ExactlyOnce()
	}
}

// newClusters makes one cluster for each shard, without a connection yet.
func (o *output) newClusters() []*server.Cluster {
	watcher := server.Watcher{
		Lost: func(address string, err error) {
			o.metrics.replica.Set(0, address)
			o.log.With("server", address).Warnf("ClickHouse on %s is lost: %v", address, o.cfg.redact(err))
		},
		Back: func(address string, after time.Duration) {
			o.metrics.replica.Set(1, address)
			after = after.Round(time.Millisecond)
			o.log.With("server", address, "duration", after.String()).Infof("ClickHouse on %s is back after %s", address, after)
		},
	}
	clusters := make([]*server.Cluster, len(o.cfg.shards))
	for i, addresses := range o.cfg.shards {
		clusters[i] = server.NewCluster(&o.cfg.server, addresses, watcher)
	}
	return clusters
}

// Connect asks every shard for a sign of life, and for the columns of the
// table if there is only one. Connections are kept up by themselves ever
// after. It gives up for good when the buffer has ended: nothing is going to come, and
// the host would wait for the servers until shutdown_timeout is nearly over.
func (o *output) Connect(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.connected.Load() {
		return nil
	}
	o.board.Export(o.res.Metrics(), pluginName)
	o.board.Configure(o.cfg.described())
	o.showReplicas()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.running, cancel)()
	defer context.AfterFunc(o.over, cancel)()
	err := o.patience.try(ctx, func(ctx context.Context) error {
		err := o.cfg.explain(o.connect(ctx))
		if err != nil && o.over.Err() == nil {
			o.board.Link.Down(err)
		}
		return err
	})
	if err != nil && o.over.Err() != nil {
		return service.ErrEndOfInput // the host's word for "do not try again"
	}
	if err != nil {
		return err
	}
	o.connected.Store(true)
	o.board.Link.Up()
	return nil
}

func (o *output) connect(ctx context.Context) error {
	for _, c := range o.clusters {
		if err := c.Connect(ctx); err != nil {
			return err
		}
	}
	if err := o.checkTable(ctx); err != nil {
		return err
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

// checkTable reads the schema of the one table there is, before the first
// record.
func (o *output) checkTable(ctx context.Context) error {
	name := o.cfg.namer.literal()
	if name == "" {
		return nil
	}
	for shard := range o.clusters {
		w := o.ways.to(target{name, shard})
		defer o.ways.leave(w)
		s, err := w.sink.loadSchema(ctx)
		if err != nil {
			return err
		}
		if _, err := newBlock(s, o.cfg.times); err != nil {
			return fmt.Errorf("table %q: %w", name, err)
		}
		if !o.once() {
			continue
		}
		if err := w.sink.insistOnWindow(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) newSink(to target) *sink {
	o.metrics.begin(to.table)
	t := tableNamed(to.table)
	return &sink{
		cfg:     &o.cfg,
		cluster: o.clusters[to.shard],
		table:   t,
		quality: &quality{most: o.cfg.mostBad},
		salts:   &salts{},
		trouble: &trouble{table: to.table, log: o.log},
		window:  &window{cfg: &o.cfg, table: to.table, log: o.log},
		order:   &order{cfg: &o.cfg, table: t.sql, log: o.log},
		board:   o.board,
		figures: o.board.Table(to.table),
		metrics: &o.metrics,
	}
}

// WriteBatch returns nil when every row is stored or with the dead-letter
// output. It blocks for as long as that takes, though what can be stored is stored,
// and delivered, and counted before that; when ctx ends it returns its
// error and the rows that were not stored count as not written.
func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	if !o.connected.Load() {
		return service.ErrNotConnected
	}
	o.recovery.enter()
	defer o.recovery.leave(o.running)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.running, cancel)()
	all := recordsOf(batch)
	s := o.ship(ctx, batch, all)
	defer s.leave()
	s.send()
	err := s.settle(batch)
	if err == nil { // else an insert that was given up may still be looking
		o.countStoredFailed(s)
		recycle(all)
		return nil
	}
	// The batch comes again, with what was stored of it as well.
	for _, d := range s.parts {
		d.salts.keep(d)
	}
	return err
}

// flightOf names the batch, if the buffer has named it.
func flightOf(batch service.MessageBatch) string {
	if len(batch) == 0 {
		return ""
	}
	return position.FlightOf(batch[0].Context())
}

// Close ends the dead-letter output and the connections. What still waits in a
// lane is handed back first.
func (o *output) Close(ctx context.Context) error {
	o.stop() // ends a Connect, too
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ways.yard.Wait()
	o.recovery.wait()
	o.returned.close()
	o.board.Link.Closed()
	var errs []error
	if o.primed { // an output that never started would be waited for in vain
		ctx, cancel := context.WithTimeout(ctx, closeTimeout)
		defer cancel()
		if err := o.letters.out.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("closing %s.%s: %w", pluginName, fieldDeadLetter, err))
		}
	}
	for _, c := range o.clusters {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
