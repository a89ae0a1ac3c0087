//go:build synctests

package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/data-bridge-io/data-bridge/plugins/all"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/network"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// process is one bridge: input, buffer and output of the bundle in the real engine.
type process struct {
	w      *world
	name   string
	stream *service.Stream
	ended  chan error
	gate   *gate.Gate
	member *gate.Member
	input  *status.Input
	ending atomic.Bool
	gone   atomic.Bool

	settled int64 // records, when it was looked last
}

type worldKey struct{}

// environment has what a process needs beside the bundle.
var environment = func() *service.Environment {
	env := service.GlobalEnvironment().Clone()
	err := env.RegisterBatchOutput("letters", service.NewConfigSpec(), func(_ *service.ParsedConfig, res *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		w, _ := res.GetGeneric(worldKey{})
		return &letterBox{w.(*world)}, service.BatchPolicy{}, 1, nil //nolint:forcetypeassert // by start
	})
	if err != nil {
		panic(err)
	}
	return env
}()

// letterBox is the output of dead letters.
type letterBox struct{ w *world }

func (*letterBox) Connect(context.Context) error { return nil }
func (*letterBox) Close(context.Context) error   { return nil }

func (b *letterBox) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	if f := b.w.meet(pointLetter); f != nil {
		switch f.act {
		case actDelay:
			time.Sleep(f.delay)
		case actStall:
			<-ctx.Done()
			return ctx.Err()
		default:
			return errCut
		}
	}
	var rows []record
	for _, m := range batch {
		body, err := m.AsBytes()
		if err != nil {
			return err
		}
		var r struct {
			Source string `json:"source"`
			N      int    `json:"n"`
		}
		if err := json.Unmarshal(body, &r); err != nil {
			return err
		}
		if r.N < 0 {
			r.N = -r.N - 1
		}
		rows = append(rows, record{r.Source, r.N})
	}
	b.w.bury(rows)
	return nil
}

func (w *world) yaml(id string) string {
	s := w.script.settings
	return fmt.Sprintf(`
input:
  label: k
  pausable_kafka:
    seed_brokers: [%q]
    topics: [%s]
    consumer_group: %s
    client_id: %s
    start_offset: earliest
    commit_period: 1s
    fetch_max_wait: 5s
    exactly_once: %t
    batch: {count: %d, period: 100ms}
buffer:
  backpressure:
    max_buffer_size: %d
    pause_threshold: %d
    resume_threshold: %d
    batch: {count: %d, period: 200ms}
    status_server: {enabled: false}
output:
  clickhouse:
    addresses: [%q]
    table: t
    compression: none
    max_in_flight: %d
    preserve_order: %t
    insert_timeout: 20s
    max_dead_letter_share: 1
    retry: {max_retries: %d}
    dead_letter: {letters: {}}
metrics: {none: {}}
logger: {level: none}
`, w.broker.ListenAddrs()[0], topic, group, id, s.once, s.fetch, s.most, s.pause, s.resume, s.count, clickHouseAddress, s.inflight, s.order, s.retries)
}

// start starts a process.
func (w *world) start(name string) error {
	if w.processes[name] != nil {
		return nil
	}
	b := environment.NewStreamBuilder()
	b.DisableLinting() // it takes a third of the time
	b.SetLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	w.lives++
	id := fmt.Sprint(name, w.lives)
	if err := b.SetYAML(w.yaml(id)); err != nil {
		return err
	}
	stream, err := b.Build()
	if err != nil {
		return err
	}
	res := stream.Resources()
	network.Replace(res, w.wires.dialer(id))
	res.SetGeneric(worldKey{}, w)
	p := &process{w: w, name: id, stream: stream, ended: make(chan error, 1), gate: gate.Of(res, ""), input: status.Of(res, "").Input("k", status.KindKafka)}
	p.member = p.gate.Join(p)
	w.processes[name] = p
	w.all = append(w.all, p)
	go func() { p.ended <- stream.Run(context.Background()) }()
	return nil
}

// Pause, Resume and Drain are told by the gate: the process watches its edges.
func (p *process) Pause() {
	if level, s := int(p.input.Level.Load()), p.w.script.settings; level <= s.pause {
		p.w.fail("%s paused at level %d, the threshold is %d", p.name, level, s.pause)
	}
}

func (p *process) Resume() {
	if level, s := int(p.input.Level.Load()), p.w.script.settings; level >= s.resume && !p.ending.Load() {
		p.w.fail("%s resumed at level %d, the threshold is %d", p.name, level, s.resume)
	}
}

func (p *process) Drain() {}

// stop ends a process as a host does, within so long.
func (p *process) stop(patience time.Duration) error {
	p.ending.Store(true)
	p.member.Leave()
	err := p.stream.StopWithin(patience)
	<-p.ended
	p.gone.Store(true)
	return err
}

// books compares the figures of a process that has settled everything.
func (p *process) books() {
	var out int64
	for _, o := range status.Of(p.stream.Resources(), "").Figures().Outputs {
		for _, t := range o.Tables() {
			out += t.Rows.Load() + t.Deduplicated.Load() + t.DeadLetters.Load()
		}
		out += o.Unrouted.Load()
	}
	if in := p.input.Accepted.Load(); in != out {
		p.w.fail("%s has accepted %d records, and says that %d are stored or dead letters", p.name, in, out)
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	var stored int64
	for _, n := range p.w.stored {
		stored += int64(n)
	}
	for _, n := range p.w.letters {
		stored += int64(n)
	}
	if len(p.w.all) == 1 && !p.w.replays && stored != out {
		p.w.failLocked("%s says that %d records are stored or dead letters, and %d are", p.name, out, stored)
	}
}

// kill ends a process without a word to anybody.
func (p *process) kill() {
	p.w.wires.kill(p.name)
	_ = p.stop(100 * time.Millisecond)
}

var _ gate.Input = (*process)(nil)
