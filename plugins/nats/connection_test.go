package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func linkIs(r *rig, connected bool) func() bool {
	return func() bool { return r.figures.Link.State().Connected == connected }
}

func linkState(r *rig) func() string {
	return func() string { return fmt.Sprintf("%+v", r.figures.Link.State()) }
}

func TestReconnectsAfterAServerRestart(t *testing.T) {
	t.Parallel()
	s := startServer(t, onPortOfItsOwn(t))
	r := connected(t, s, "")
	eventually(t, linkIs(r, true), linkState(r))
	r.publish("feed.a", 0, 10)
	assert.Equal(t, numbers(0, 10), r.readN(10))

	samePort := onPortOf(s)
	stopServer(s)
	eventually(t, linkIs(r, false), linkState(r))
	startServer(t, samePort)
	eventually(t, linkIs(r, true), linkState(r))
	eventually(t, r.pub.IsConnected, func() string { return "publisher is away" })
	require.NoError(t, r.in.session.flush(context.Background()), "the server has the subscriptions again")

	r.publish("feed.a", 10, 30)
	assert.Equal(t, numbers(10, 30), r.readN(20))
	r.balanced(30)
	r.log.awaitLine(t, "NATS connection is back")
	assert.Len(t, r.log.lines("NATS connection lost"), 1, "the edge is logged, not the attempts")
	assert.Len(t, r.log.lines("NATS connection is back"), 1)
}

// The client itself may give a connection up. What was held is handed over
// first, then the host is asked to connect again; counters go on.
func TestConnectsAgainAfterTheConnectionEnded(t *testing.T) {
	t.Parallel()
	r := connected(t, startServer(t), "batch: {count: 10, period: 1ms}")
	r.publish("feed.a", 0, 50)
	eventually(t, func() bool { return r.figures.Received.Load() == 50 }, func() string { return "not received" })
	r.in.session.conn.Close()
	r.readN(10)
	for err := error(nil); !errors.Is(err, service.ErrNotConnected); {
		// A callback that waited for room may still hand in its message.
		if _, err = r.tryRead(); err != nil {
			require.ErrorIs(t, err, service.ErrNotConnected)
		}
	}
	connect(t, r.in)
	r.log.awaitLine(t, "were still queued when the NATS connection ended")
	assert.GreaterOrEqual(t, r.figures.Dropped.Load(), int64(39), "what nats.go had queued died with its connection")

	r.publish("feed.a", 100, 110)
	for got := []string{""}; got[len(got)-1] != "109"; {
		got = contents(t, r.read())
	}
	r.balanced(60)
	eventually(t, linkIs(r, true), linkState(r))
}

// The port of something else, which waits to be spoken to.
func TestASilentPortIsAskedAbout(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	require.NoError(t, here.SetReadDeadline(time.Unix(1, 0)))
	_, silence := here.Read(make([]byte, 1))
	err := connectionConfig{urls: []string{"nats://127.0.0.1:9092"}}.explain(silence)
	require.ErrorContains(t, err, "urls: connecting to nats://127.0.0.1:9092: ")
	require.ErrorContains(t, err, "is it the port of a NATS server?")
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestConnectNamesAnUnreachableServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())

	in, res := parsed(t, fmt.Sprintf("urls: ['nats://u:hunter2@%s']\nsubjects: [a]", addr))
	err = in.Connect(context.Background())
	require.ErrorContains(t, err, "connecting to nats://***@"+addr)
	require.ErrorContains(t, err, "connection refused")
	assert.NotContains(t, err.Error(), "hunter2")

	state := status.Of(res, "").Input(status.LabelOf(res), status.KindNATS).Link.State()
	assert.False(t, state.Connected)
	require.ErrorIs(t, state.Err, nats.ErrNoServers)
	require.NoError(t, in.Close(context.Background()), "closes without ever having connected")
	require.NoError(t, in.Close(context.Background()))
}

func parsed(t *testing.T, yaml string) (*coreInput, *service.Resources) {
	t.Helper()
	conf, err := coreSpec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	c, err := parseCore(conf)
	require.NoError(t, err)
	res := service.MockResources()
	return newCoreInput(c, res), res
}

func TestCloseWithoutConnect(t *testing.T) {
	in, _ := parsed(t, "urls: ['nats://127.0.0.1:1']\nsubjects: [a]")
	require.NoError(t, in.Close(context.Background()))
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(o *server.Options) { o.Username, o.Password = "bridge", "s3cret" })
	right := newRig(t, s, "auth: {user: bridge, password: s3cret}")
	connect(t, right.in)

	wrong := newRig(t, s, "auth: {user: bridge, password: hunter2}")
	err := wrong.in.Connect(context.Background())
	require.ErrorContains(t, err, "connecting to "+s.ClientURL())
	require.ErrorContains(t, err, "Authorization Violation")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.NotContains(t, wrong.log.String(), "hunter2")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(o *server.Options) { o.Authorization = "s3cret" })
	connect(t, newRig(t, s, "auth: {token: s3cret}").in)
	require.ErrorContains(t, newRig(t, s, "auth: {token: wrong}").in.Connect(context.Background()), "Authorization Violation")
}

func TestNKeyFileThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing.nk")
	err := newRig(t, startServer(t), "auth: {nkey_file: "+path+"}").in.Connect(context.Background())
	require.ErrorContains(t, err, "auth.nkey_file")
	require.ErrorContains(t, err, path)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestConnectNamesASubjectThatIsForbidden(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Allow: []string{"feed.ok"}},
		}}}
	})
	const auth = "\nauth: {user: u, password: p}"
	connect(t, newRig(t, s, "subjects: [feed.ok]"+auth).in)
	r := newRig(t, s, "subjects: [feed.ok, feed.no]"+auth)
	err := r.in.Connect(context.Background())
	require.ErrorContains(t, err, "feed.no")
	assert.False(t, r.figures.Link.State().Connected)
}

func TestConnectionTest(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := newRig(t, s, "")
	results := r.in.ConnectionTest(context.Background())
	require.Len(t, results, 1)
	require.NoError(t, results[0].Err)

	stopServer(s)
	results = r.in.ConnectionTest(context.Background())
	require.Len(t, results, 1)
	require.ErrorContains(t, results[0].Err, "connecting to "+s.ClientURL())
}

// A server that takes the connection and says nothing does not keep whoever stops the
// input waiting: no other server is tried.
func TestConnectEndsWithItsContext(t *testing.T) {
	for name, connect := range map[string]func(t *testing.T, ctx context.Context, urls string) error{
		"core": func(t *testing.T, ctx context.Context, urls string) error {
			in, _ := parsed(t, urls+"subjects: [a]")
			defer in.Close(context.Background())
			return in.Connect(ctx)
		},
		"jetstream": func(t *testing.T, ctx context.Context, urls string) error {
			conf, err := jetSpec().ParseYAML(urls+"stream: A\ndurable: a", nil)
			require.NoError(t, err)
			in, err := newJetInputFromConfig(conf, service.MockResources())
			require.NoError(t, err)
			defer in.Close(context.Background())
			return in.Connect(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			_, port, err := net.SplitHostPort(l.Addr().String())
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				ended <- connect(t, ctx, fmt.Sprintf("urls: ['nats://127.0.0.1:%[1]s', 'nats://localhost:%[1]s']\n", port))
			}()
			conn, err := l.Accept()
			require.NoError(t, err)
			defer conn.Close()
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)

			mark, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer mark.Close()
			next, err := l.Accept()
			require.NoError(t, err)
			defer next.Close()
			assert.Equal(t, mark.LocalAddr().String(), next.RemoteAddr().String(), "the attempt went on")
		})
	}
}

// A server that is slow to greet, on a busy machine or at the end of a long way, is
// connected to: every attempt that gives up sooner is as slow as the one before.
func TestConnectsToAServerThatGreetsLate(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	slow, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var relays sync.WaitGroup
	t.Cleanup(func() {
		slow.Close()
		relays.Wait()
	})
	relays.Go(func() {
		for {
			conn, err := slow.Accept()
			if err != nil {
				return
			}
			relays.Go(func() { relayLate(conn, s.Addr().String()) })
		}
	})
	r := newRigAt(t, "nats://"+slow.Addr().String(), "")
	require.NoError(t, r.in.Connect(t.Context()))
	require.NoError(t, r.in.Close(t.Context()))
}

// relayLate passes on what both sides say, the first word later than nats.go waits by itself.
func relayLate(conn net.Conn, to string) {
	defer conn.Close()
	time.Sleep(nats.DefaultTimeout + 500*time.Millisecond)
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn)
		server.Close()
	}()
	_, _ = io.Copy(conn, server)
}
