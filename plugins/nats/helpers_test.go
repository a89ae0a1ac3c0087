package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/frame"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/logtest"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// patience bounds every wait: a test that reaches it has failed. It is long, since
// a machine that does other things beside may be slow.
const patience = 3 * time.Minute

// startServer runs a real NATS server for the test; adjust may change its
// options.
func startServer(t testing.TB, adjust ...func(*server.Options)) *server.Server {
	t.Helper()
	opts := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, AuthTimeout: patience.Seconds()}
	for _, f := range adjust {
		f(opts)
	}
	s, err := server.NewServer(opts)
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { stopServer(s) })
	return s
}

func stopServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// onPortOfItsOwn makes a server listen where nobody else does while it is stopped.
func onPortOfItsOwn(t testing.TB) func(*server.Options) {
	t.Helper()
	port, err := stack.FreePort()
	require.NoError(t, err)
	return func(o *server.Options) { o.Port = port }
}

// onPortOf makes a server listen where another one did, on a port of its own.
func onPortOf(s *server.Server) func(*server.Options) {
	port := s.Addr().(*net.TCPAddr).Port
	return func(o *server.Options) { o.Port = port }
}

// awaitSubscription waits until a client has subscribed to feed.a.
func awaitSubscription(t testing.TB, s *server.Server) {
	t.Helper()
	eventually(t, func() bool {
		found, err := s.Subsz(&server.SubszOptions{Subscriptions: true, Account: "$G", Test: "feed.a"})
		require.NoError(t, err)
		return found.Total > 0
	}, func() string { return "nobody has subscribed" })
}

// rig is an input in a test: made from YAML, with its gate, its figures, its
// log and a publisher.
type rig struct {
	t       testing.TB
	in      *coreInput
	gate    *gate.Gate
	figures *status.Input
	log     *logBuffer
	pub     *nats.Conn

	accepted atomic.Int64 // messages that ReadBatch returned
}

// newRig makes an unconnected input; yaml adds to urls and subjects [feed.>].
func newRig(t testing.TB, s *server.Server, yaml string) *rig {
	t.Helper()
	return newRigAt(t, s.ClientURL(), yaml)
}

// newRigAt is newRig for servers by their URLs.
func newRigAt(t testing.TB, urls, yaml string) *rig {
	t.Helper()
	if !strings.Contains(yaml, "subjects:") {
		yaml = "subjects: [feed.>]\n" + yaml
	}
	if !strings.Contains(yaml, "reconnect_wait:") {
		yaml += "\nreconnect_wait: 10ms"
	}
	conf, err := coreSpec().ParseYAML(fmt.Sprintf("urls: [%q]\n%s", urls, yaml), nil)
	require.NoError(t, err)
	log := &logBuffer{}
	logger := service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil)))
	res := service.MockResources(service.MockResourcesOptUseLogger(logger))
	c, err := parseCore(conf)
	require.NoError(t, err)
	in := newCoreInput(c, res)
	r := &rig{t: t, in: in, log: log, gate: gate.Of(res, "")}
	r.figures = status.Of(res, "").Input(status.LabelOf(res), status.KindNATS)
	t.Cleanup(func() { require.NoError(t, in.Close(context.Background())) })
	return r
}

// connect connects an input as the host does: what was not answered in time on a
// busy machine is tried again.
func connect(t testing.TB, in service.BatchInput) {
	t.Helper()
	var err error
	eventually(t, func() bool { err = in.Connect(t.Context()); return !tookTooLong(err) }, func() string { return err.Error() })
	require.NoError(t, err)
}

func tookTooLong(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &timeout) && timeout.Timeout()
}

// connected is a rig whose input is connected, with a publisher beside it.
func connected(t testing.TB, s *server.Server, yaml string) *rig {
	t.Helper()
	r := newRig(t, s, yaml)
	r.publisher(s)
	connect(t, r.in)
	return r
}

// lasting makes a client of a test's wait as long as the test does.
func lasting(o *nats.Options) error {
	o.MaxReconnect, o.ReconnectWait, o.Timeout = -1, 10*time.Millisecond, patience
	return nil
}

func (r *rig) publisher(s *server.Server) {
	pub, err := nats.Connect(s.ClientURL(), lasting)
	require.NoError(r.t, err)
	r.t.Cleanup(pub.Close)
	r.pub = pub
}

// publish sends the numbers from up to but not including to, on one subject,
// and waits until the server has them.
func (r *rig) publish(subject string, from, to int) {
	r.t.Helper()
	for i := from; i < to; i++ {
		require.NoError(r.t, r.pub.Publish(subject, fmt.Append(nil, i)))
	}
	require.NoError(r.t, r.pub.FlushTimeout(patience))
}

// read returns the next batch and acknowledges it.
func (r *rig) read() service.MessageBatch {
	r.t.Helper()
	batch, err := r.tryRead()
	require.NoError(r.t, err)
	return batch
}

func (r *rig) tryRead() (service.MessageBatch, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	batch, ack, err := r.in.ReadBatch(ctx)
	if err != nil {
		return nil, err
	}
	r.accepted.Add(int64(batch.CollapsedCount()))
	require.NotEmpty(r.t, batch)
	return batch, ack(ctx, nil)
}

// readN reads exactly n messages and returns their contents.
func (r *rig) readN(n int) []string {
	r.t.Helper()
	var got []string
	for len(got) < n {
		got = append(got, contents(r.t, r.read())...)
	}
	require.Len(r.t, got, n)
	return got
}

// balanced waits until the books are: received is n, and nothing is queued.
func (r *rig) balanced(n int64) {
	r.t.Helper()
	eventually(r.t, func() bool {
		return r.figures.Received.Load() == n && r.figures.Received.Load() == r.settled()
	}, func() string {
		return fmt.Sprintf("received %d of %d; accepted %d, dropped %d, conflated %d, slow consumer %d",
			r.figures.Received.Load(), n, r.accepted.Load(), r.figures.Dropped.Load(), r.figures.Conflated.Load(), r.figures.SlowConsumer.Load())
	})
}

func (r *rig) settled() int64 {
	return r.accepted.Load() + r.figures.Dropped.Load() + r.figures.Conflated.Load() + r.figures.SlowConsumer.Load()
}

// contents are the records of a batch, those of frames each by itself.
func contents(t testing.TB, batch service.MessageBatch) (out []string) {
	t.Helper()
	for _, m := range batch {
		b, err := m.AsBytes()
		require.NoError(t, err)
		f := frame.Of(m)
		if f == nil {
			out = append(out, string(b))
			continue
		}
		for i := range f.Len() {
			out = append(out, string(f.Record(i)))
		}
	}
	return out
}

// numbers are the decimal numbers from up to but not including to.
func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// eventually polls until ok, and fails with what the state was if it never is.
func eventually(t testing.TB, ok func() bool, state func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("gave up waiting: " + state())
		}
		<-tick.C
	}
}

// logBuffer collects log lines.
type logBuffer struct {
	logtest.Text

	onWrite func(line string) // set before the first line; may be nil
}

func (l *logBuffer) Write(p []byte) (int, error) {
	if l.onWrite != nil {
		l.onWrite(string(p))
	}
	return l.Text.Write(p)
}

// lines returns the lines that contain s.
func (l *logBuffer) lines(s string) (found []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, s) {
			found = append(found, line)
		}
	}
	return found
}

// awaitLine waits for a line that contains s.
func (l *logBuffer) awaitLine(t testing.TB, s string) string {
	t.Helper()
	eventually(t, func() bool { return len(l.lines(s)) > 0 }, func() string { return fmt.Sprintf("no %q in:\n%s", s, l) })
	return l.lines(s)[0]
}

// contains reports whether an error says something.
func contains(err error, words string) bool {
	return err != nil && strings.Contains(err.Error(), words)
}
