package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// withJetStream makes a test server keep streams, in dir.
func withJetStream(dir string) func(*server.Options) {
	return func(o *server.Options) { o.JetStream, o.StoreDir = true, dir }
}

// jetServer runs a server with a stream FEED on feed.>.
func jetServer(t testing.TB) (*server.Server, jetstream.JetStream) {
	t.Helper()
	s := startServer(t, withJetStream(t.TempDir()))
	js := jetClient(t, s.ClientURL())
	makeStream(t, js, 1)
	return s, js
}

func jetClient(t testing.TB, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, lasting)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return jetOf(t, nc)
}

// jetOf asks a server that may be slow.
func jetOf(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(patience))
	require.NoError(t, err)
	return js
}

func makeStream(t testing.TB, js jetstream.JetStream, replicas int) {
	t.Helper()
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "FEED", Subjects: []string{"feed.>"}, Replicas: replicas, Storage: jetstream.MemoryStorage,
	})
	require.NoError(t, err)
}

// jetRig is a JetStream input in a test.
type jetRig struct {
	t       testing.TB
	in      *jetInput
	gate    *gate.Gate
	figures *status.Input
	log     *logBuffer
	js      jetstream.JetStream
}

// newJetRig makes an unconnected input; yaml adds to urls, stream and durable.
func newJetRig(t testing.TB, url string, js jetstream.JetStream, yaml string) *jetRig {
	t.Helper()
	if !strings.Contains(yaml, "durable:") {
		yaml += "\ndurable: bridge"
	}
	conf, err := jetSpec().ParseYAML(fmt.Sprintf("urls: [%q]\nstream: FEED\nreconnect_wait: 10ms\n%s", url, yaml), nil)
	require.NoError(t, err)
	log := &logBuffer{}
	logger := service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil)))
	res := service.MockResources(service.MockResourcesOptUseLogger(logger))
	c, err := parseJet(conf)
	require.NoError(t, err)
	r := &jetRig{t: t, in: newJetInput(c, res), log: log, js: js, gate: gate.Of(res, "")}
	r.figures = status.Of(res, "").Input(status.LabelOf(res), status.KindJetStream)
	t.Cleanup(func() { require.NoError(t, r.in.Close(context.Background())) })
	return r
}

// jetConnected is a rig whose input is connected to a server of its own.
func jetConnected(t testing.TB, yaml string) *jetRig {
	t.Helper()
	s, js := jetServer(t)
	r := newJetRig(t, s.ClientURL(), js, yaml)
	connect(t, r.in)
	return r
}

// publish stores the numbers from up to but not including to.
func (r *jetRig) publish(from, to int) { publishNumbers(r.t, r.js, "feed.a", from, to) }

func publishNumbers(t testing.TB, js jetstream.JetStream, subject string, from, to int) {
	t.Helper()
	var last jetstream.PubAckFuture
	for i := from; i < to; i++ {
		f, err := js.PublishAsync(subject, fmt.Append(nil, i), jetstream.WithStallWait(patience))
		require.NoError(t, err)
		last = f
	}
	if last == nil {
		return
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(patience):
		t.Fatal("not stored in time")
	}
	select {
	case err := <-last.Err():
		require.NoError(t, err)
	default:
	}
}

// batch is what one ReadBatch returned.
type batch struct {
	messages service.MessageBatch
	answer   service.AckFunc
}

func (b batch) ack(t testing.TB) { require.NoError(t, b.answer(t.Context(), nil)) }

func (b batch) nack(t testing.TB) { require.NoError(t, b.answer(t.Context(), errors.New("rejected"))) }

func (r *jetRig) read() batch {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	messages, answer, err := r.in.ReadBatch(ctx)
	require.NoError(r.t, err, r.log.String())
	require.NotEmpty(r.t, messages)
	return batch{messages, answer}
}

// readN reads n messages or a few more, and returns their contents; ack says
// whether they are acknowledged.
func (r *jetRig) readN(n int, ack bool) (got []string, batches []batch) {
	r.t.Helper()
	for len(got) < n {
		b := r.read()
		got = append(got, contents(r.t, b.messages)...)
		if batches = append(batches, b); ack {
			b.ack(r.t)
		}
	}
	return got, batches
}

// info is what the server says about the consumer.
func (r *jetRig) info() *jetstream.ConsumerInfo {
	r.t.Helper()
	c, err := r.js.Consumer(r.t.Context(), "FEED", "bridge")
	require.NoError(r.t, err)
	return c.CachedInfo()
}

// settled waits until the server has heard of every acknowledgement.
func (r *jetRig) settled(upTo uint64) {
	r.t.Helper()
	var i *jetstream.ConsumerInfo
	eventually(r.t, func() bool {
		i = r.info()
		return i.NumAckPending == 0 && i.AckFloor.Stream == upTo
	}, func() string { return fmt.Sprintf("%+v\n%s", *i, r.log) })
}

// untilIdle waits until the server has no request of ours.
func (r *jetRig) untilIdle() {
	r.t.Helper()
	eventually(r.t, func() bool { return !r.in.current().intake.requesting() && r.info().NumWaiting == 0 },
		func() string { return "a request is open" })
}
