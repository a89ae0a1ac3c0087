package kafka

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/network"
	"github.com/data-bridge-io/data-bridge/plugins/reading"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

func init() {
	service.MustRegisterBatchInput(inputName, inputSpec(), newFromConfig)
}

// input is pausable_kafka. The host calls its methods one at a time, but a
// wrapper that replays rejected messages calls Close beside ReadBatch.
type input struct {
	conf    *config
	res     *service.Resources
	log     *service.Logger
	metrics metrics
	board   *status.Board

	ids     *topicIDs
	stats   *status.Input // nil before the first Connect
	closed  sync.Once
	session atomic.Pointer[session] // nil unless connected
}

// metrics are the figures that Benthos exports.
type metrics struct {
	announced, reformed *service.MetricCounter
	lag                 *service.MetricGauge // labels: topic, partition
}

var (
	_ reading.Input              = (*input)(nil)
	_ service.ConnectionTestable = (*input)(nil)
)

func newFromConfig(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	c, err := parseConfig(conf)
	if err != nil {
		return nil, err
	}
	c.network = network.Of(res)
	r := reading.New(reading.Config{Kind: status.KindKafka, Gate: c.gate, Resources: res, Make: func() (reading.Input, service.BatchInput) {
		in := newInput(c, res)
		if c.replayNacks {
			return in, service.AutoRetryNacksBatched(in)
		}
		return in, in
	}})
	checkup.Join(res, r.Input())
	return r, nil
}

func newInput(c *config, res *service.Resources) *input {
	m := res.Metrics()
	in := &input{
		conf:  c,
		res:   res,
		board: status.Of(res, topology.Gate(res, c.gate)),
		ids:   newTopicIDs(),
		log:   res.Logger().With("input", status.LabelOf(res), "topics", c.topics, "consumer_group", c.group),
		metrics: metrics{
			announced: m.NewCounter("kafka_chunks_announced"),
			reformed:  m.NewCounter("kafka_chunks_reformed"),
			lag:       m.NewGauge("kafka_lag", "topic", "partition"),
		},
	}
	in.board.SetExactlyOnce(in, c.exactlyOnce)
	return in
}

// Connect checks brokers and topics, joins the group, if any, and the gate.
func (in *input) Connect(ctx context.Context) error {
	in.disconnect()
	g := in.attach()
	if err := in.conf.probe(ctx); err != nil {
		in.stats.Link.Down(err)
		return err
	}
	s, err := openSession(in.conf, in.ids, in.stats, in.metrics, in.log)
	if err != nil {
		in.stats.Link.Down(err)
		return err
	}
	s.member = g.JoinAs(status.LabelOf(in.res), s)
	in.session.Store(s)
	return nil
}

// attach finds the stream's gate and board; a constructor must leave no traces.
func (in *input) attach() *gate.Gate {
	g := gate.Of(in.res, topology.Gate(in.res, in.conf.gate))
	if in.stats == nil {
		in.stats = in.board.Input(status.LabelOf(in.res), status.KindKafka)
		in.stats.Link.Opened()
		in.stats.Export(in.res.Metrics())
		in.stats.Configure(in.conf.described())
		in.metrics.announced.Incr(0) // shown from the start
		in.metrics.reformed.Incr(0)
		if !g.Governed() {
			in.log.Info("no backpressure buffer in this stream: this input never pauses")
		}
	}
	return g
}

// ReadBatch blocks until there is something to deliver.
func (in *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	s := in.session.Load()
	if s == nil {
		return nil, nil, service.ErrNotConnected
	}
	batch, ack, err := s.next(ctx)
	if err != nil && ctx.Err() != nil {
		s.member.Stopping()
	}
	return batch, ack, err
}

// Stopped implements reading.Input: nothing more is handed out. What was is still to be
// acknowledged, and only a member of the group can commit that: Close leaves it.
func (in *input) Stopped() {
	if s := in.session.Load(); s != nil {
		s.member.Stopping()
	}
}

// Close commits what is settled and leaves the group. On a graceful stop the
// host calls it after the last acknowledgement.
func (in *input) Close(context.Context) error {
	in.disconnect()
	if in.stats != nil {
		in.closed.Do(in.stats.Link.Closed)
	}
	in.board.SetExactlyOnce(in, false)
	return nil
}

func (in *input) disconnect() {
	if s := in.session.Swap(nil); s != nil {
		s.close()
		s.member.Leave() // behind the last commit: the process may exit now
		s.pausing.Set(false)
	}
}

// ConnectionTest implements service.ConnectionTestable.
func (in *input) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := in.conf.probe(ctx); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}
