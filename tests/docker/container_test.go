//go:build docker

package docker

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

const name = "data-bridge" // of the container, as compose has it

// site is the shipped pipeline in a container, and its servers.
type site struct {
	t      *testing.T
	nats   *stack.NATS
	kafka  *stack.Kafka
	ch     stack.ClickHouse
	status string
	feeds  map[marketdata.Kind]*feed
}

type feed struct {
	gen  *marketdata.Generator
	sink marketdata.Sink
}

const topic = "market.external"

func newSite(t *testing.T) *site {
	t.Helper()
	needsEngine(t)
	nats, err := stack.StartNATS(stack.NATSOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, nats.Close()) })
	kafka, err := stack.StartKafka(within(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kafka.Close()) })
	ch, err := stack.StartClickHouse(within(t), stack.KindChDB, stack.ClickHouseOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ch.Close()) })
	require.NoError(t, stack.ApplySQL(within(t), ch, "config/sql"))
	require.NoError(t, kafka.CreateTopic(within(t), topic, 4))
	return &site{t: t, nats: nats, kafka: kafka, ch: ch, feeds: map[marketdata.Kind]*feed{}}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	return ctx
}

// run starts the bridge as the documents do, with more options of docker run.
func (s *site) run(more ...string) {
	s.t.Helper()
	args := []string{"run", "--detach", "--name", name, "--network", "host", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}
	for variable, value := range s.variables() {
		args = append(args, "-e", variable+"="+value)
	}
	docker(s.t, append(append(args, more...), image)...)
	s.t.Cleanup(func() { docker(s.t, "rm", "--force", "--volumes", name) })
	s.connected()
}

// variables are what leads the container to the servers, and us to it.
func (s *site) variables() map[string]string {
	s.t.Helper()
	s.status = free(s.t)
	return map[string]string{
		"STATUS_ADDRESS": s.status, "HTTP_ADDRESS": free(s.t),
		"NATS_URLS": s.nats.URL(), "KAFKA_BROKERS": s.kafka.Addr(), "CLICKHOUSE_ADDRESSES": s.ch.Addr(),
		"CLICKHOUSE_PROTOCOL": s.ch.Protocol(), "CLICKHOUSE_USERNAME": s.ch.User(), "CLICKHOUSE_PASSWORD": s.ch.Password(),
	}
}

// connected waits until the container that was started is connected; a test that fails
// shows its log.
func (s *site) connected() {
	s.t.Helper()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Log(docker(s.t, "logs", "--tail", "40", name))
		}
	})
	s.until("all is connected", func(h harness.Health) bool {
		return h.Inputs["ticks"].Connected && h.Inputs["ch_candles"].Connected && h.Inputs["external"].Connected && h.Outputs["clickhouse"].Connected
	})
}

func free(t *testing.T) string {
	t.Helper()
	port, err := stack.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func (s *site) health() (harness.Health, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), patience)
	defer cancel()
	return harness.HealthAt(ctx, s.status)
}

// until waits for an answer of /health that satisfies ok.
func (s *site) until(what string, ok func(harness.Health) bool) harness.Health {
	s.t.Helper()
	var last harness.Health
	s.await(what, func() bool {
		h, err := s.health()
		last = h
		return err == nil && ok(h)
	})
	return last
}

func (s *site) await(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		require.Equal(s.t, "running", s.inspect(".State.Status"), "until %s", what)
		if time.Now().After(deadline) {
			h, err := s.health()
			require.FailNow(s.t, "waited too long", "until %s: %+v %v", what, h, err)
		}
	}
}

func (s *site) inspect(field string) string {
	s.t.Helper()
	return docker(s.t, "inspect", "--format", "{{"+field+"}}", name)
}

// publish sends n more records of each kind.
func (s *site) publish(n int64, kinds ...marketdata.Kind) {
	s.t.Helper()
	for _, kind := range kinds {
		f := s.feed(kind)
		_, err := marketdata.Publish(within(s.t), f.sink, f.gen, marketdata.Shape{Count: n})
		require.NoError(s.t, err)
	}
}

func (s *site) feed(kind marketdata.Kind) *feed {
	s.t.Helper()
	if f := s.feeds[kind]; f != nil {
		return f
	}
	gen, err := marketdata.New(1, kind, "image")
	require.NoError(s.t, err)
	f := &feed{gen: gen}
	if kind == marketdata.External {
		producer := kafkaClient(s.t, s.kafka.Addr())
		f.sink = marketdata.KafkaSink(producer, topic)
	} else {
		conn, err := s.nats.Connect()
		require.NoError(s.t, err)
		s.t.Cleanup(conn.Close)
		f.sink = marketdata.NATSSink(conn, "market."+string(kind))
	}
	s.feeds[kind] = f
	return f
}

// stored waits until so many records of the kind are stored, and finds none missing or
// twice.
func (s *site) stored(kind marketdata.Kind, n int64) {
	s.t.Helper()
	tally := s.awaitStored(kind, n)
	require.Zero(s.t, tally.Duplicated())
	require.Equal(s.t, n, tally.Distinct)
}

// awaitStored waits until so many different records of the kind are stored.
func (s *site) awaitStored(kind marketdata.Kind, n int64) (tally harness.Tally) {
	s.t.Helper()
	s.await("all of "+string(kind)+" is stored", func() bool {
		var err error
		tally, err = harness.Count(within(s.t), s.ch, "market."+string(kind), "image")
		return err == nil && tally.Distinct >= n
	})
	return tally
}

// stop stops the container as docker stop does, and returns its exit code.
func (s *site) stop() string {
	s.t.Helper()
	docker(s.t, "stop", name)
	require.NotEqual(s.t, "true", s.inspect(".State.OOMKilled"))
	return s.inspect(".State.ExitCode")
}

func (s *site) logs() string {
	s.t.Helper()
	return strings.TrimSpace(shell(s.t, "docker logs "+name+" 2>&1"))
}
