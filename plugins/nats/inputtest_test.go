package nats

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/inputtest"
	"github.com/data-bridge-io/data-bridge/plugins/reading"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestCoreKeepsTheContractOfInputs(t *testing.T) {
	t.Parallel()
	const forgets = "core NATS hands a message to who is subscribed at that moment, and forgets it"
	for onPause, pausing := range map[string]inputtest.Pausing{
		onPauseDrop: inputtest.Discards, onPauseConflate: inputtest.Conflates, onPauseLeave: inputtest.Leaves,
	} {
		t.Run(onPause, func(t *testing.T) {
			t.Parallel() // it mostly waits
			inputtest.Run(t, inputtest.Row{
				Kind: status.KindNATS, Spec: coreSpec(), New: newCoreInputFromConfig,
				Cannot: map[inputtest.Ability]string{
					inputtest.Keeps:      forgets,
					inputtest.Replays:    forgets,
					inputtest.Redelivers: forgets,
					inputtest.Renews:     "a subject is only a name: there is nothing to delete",
					inputtest.Locates:    "core NATS numbers nothing",
				},
				Pausing: pausing,
				Start: func(t *testing.T) inputtest.Server {
					return startContract(t, func(_ *testing.T, s *contractServer, id string) inputtest.Source {
						return &coreSource{s, "feed." + id, onPause}
					})
				},
				Light: true,
			})
		})
	}
}

func TestJetStreamKeepsTheContractOfInputs(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"explicit", "all"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel() // it mostly waits
			made := &jetInputs{}
			inputtest.Run(t, inputtest.Row{
				Kind: status.KindJetStream, Spec: jetSpec(), New: made.add,
				Start: func(t *testing.T) inputtest.Server {
					return startContract(t, func(t *testing.T, s *contractServer, id string) inputtest.Source {
						return newJetSource(t, s, id, policy, made)
					})
				},
				Light: true,
			})
		})
	}
}

// contractServer is a NATS server for the suite. Readers reach it through a link,
// as a user who can lose rights; publishers reach it directly, and cannot.
type contractServer struct {
	opts  *server.Options
	proxy *stack.FaultProxy
	admin *nats.Conn
	js    jetstream.JetStream
	made  func(*testing.T, *contractServer, string) inputtest.Source

	running atomic.Pointer[server.Server] // nil while it is stopped
	sources atomic.Int64
}

func startContract(t *testing.T, made func(*testing.T, *contractServer, string) inputtest.Source) *contractServer {
	t.Helper()
	port, err := stack.FreePort()
	require.NoError(t, err)
	s := &contractServer{made: made}
	s.opts = &server.Options{
		Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(), Users: usersWith(nil),
		AuthTimeout: patience.Seconds(),
	}
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	s.proxy, err = stack.Proxy(fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(t, err)
	t.Cleanup(s.proxy.Close)
	s.admin, err = nats.Connect(s.running.Load().ClientURL(), nats.UserInfo("admin", "a"), lasting)
	require.NoError(t, err)
	t.Cleanup(s.admin.Close)
	s.js = jetOf(t, s.admin)
	return s
}

func (s *contractServer) Source(t *testing.T) inputtest.Source {
	return s.made(t, s, fmt.Sprintf("s%d", s.sources.Add(1)))
}

func (s *contractServer) Link() inputtest.Link { return s.proxy }

func (s *contractServer) Stop(*testing.T) {
	if running := s.running.Swap(nil); running != nil {
		stopServer(running)
	}
}

func (s *contractServer) Start(t *testing.T) {
	t.Helper()
	started, err := server.NewServer(s.opts.Clone())
	require.NoError(t, err)
	started.Start()
	require.True(t, started.ReadyForConnections(patience))
	s.running.Store(started)
	if s.admin != nil {
		eventually(t, s.admin.IsConnected, func() string { return "the publisher is not back" })
	}
}

// permit lets readers do what p says from now on, nil for everything.
func (s *contractServer) permit(t *testing.T, p *server.Permissions) {
	t.Helper()
	next := s.opts.Clone()
	next.Users = usersWith(p)
	require.NoError(t, s.running.Load().ReloadOptions(next))
}

func (s *contractServer) url() string { return "nats://" + s.proxy.Addr() }

// access is how a reader gets to the server.
func (s *contractServer) access() string {
	return fmt.Sprintf("urls: [%q]\nauth: {user: bridge, password: b}\nreconnect_wait: 10ms\nbatch: {count: 10, period: 0s}\n", s.url())
}

type coreSource struct {
	*contractServer
	subject, onPause string
}

func (c *coreSource) Config(reader string) string {
	return c.access() + fmt.Sprintf("subjects: [%s]\nqueue: %s\non_pause: %s\n", c.subject, reader, c.onPause)
}

func (c *coreSource) Publish(t *testing.T, records [][]byte) {
	t.Helper()
	for _, r := range records {
		require.NoError(t, c.admin.Publish(c.subject, r))
	}
	require.NoError(t, c.admin.FlushTimeout(patience))
}

func (c *coreSource) Ready(reader string) bool {
	s := c.running.Load()
	if s == nil {
		return false
	}
	found, err := s.Subsz(&server.SubszOptions{Subscriptions: true, Account: "$G", Test: c.subject})
	if err != nil {
		return false
	}
	for _, sub := range found.Subs {
		if sub.Queue == reader {
			return true
		}
	}
	return false
}

func (c *coreSource) Settled(*testing.T, string) bool { return true }

func (c *coreSource) Quiet(_ *testing.T, reader string) bool {
	return c.onPause != onPauseLeave || !c.Ready(reader)
}

func (c *coreSource) Revoke(t *testing.T) {
	c.permit(t, &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{c.subject}}})
}

func (c *coreSource) Grant(t *testing.T) { c.permit(t, nil) }

func (c *coreSource) Remake(t *testing.T) { t.Fatal("there is nothing to make anew") }

// jetInputs are the inputs of a row. A request that an input has sent may not have
// reached the server yet: whether it has any open only both together know.
type jetInputs struct {
	mu  sync.Mutex
	all []*jetInput
}

func (i *jetInputs) add(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	in, err := newJetInputFromConfig(conf, res)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.all = append(i.all, in.(*reading.Reader).Input().(*jetInput))
	return in, nil
}

func (i *jetInputs) requesting(url, stream, durable string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(i.all, func(in *jetInput) bool {
		s := in.current()
		return in.conf.connection.urls[0] == url && in.conf.stream == stream && in.conf.durable == durable && s != nil && s.intake.requesting()
	})
}

type jetSource struct {
	*contractServer
	stream, policy string
	made           *jetInputs
}

func newJetSource(t *testing.T, s *contractServer, id, policy string, made *jetInputs) inputtest.Source {
	t.Helper()
	j := &jetSource{s, strings.ToUpper(id), policy, made}
	j.create(t)
	return j
}

func (j *jetSource) create(t *testing.T) {
	t.Helper()
	_, err := j.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: j.stream, Subjects: []string{"feed." + j.stream}})
	require.NoError(t, err)
}

func (j *jetSource) Config(reader string) string {
	return j.access() + fmt.Sprintf("stream: %s\ndurable: %s\nack_policy: %s\n", j.stream, reader, j.policy)
}

func (j *jetSource) Publish(t *testing.T, records [][]byte) {
	t.Helper()
	var futures []jetstream.PubAckFuture
	for _, r := range records {
		f, err := j.js.PublishAsync("feed."+j.stream, r, jetstream.WithStallWait(patience))
		require.NoError(t, err)
		futures = append(futures, f)
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			require.NoError(t, err)
		case <-time.After(patience):
			t.Fatal("not stored in time")
		}
	}
}

func (j *jetSource) Ready(string) bool { return true }

func (j *jetSource) Quiet(t *testing.T, reader string) bool {
	t.Helper()
	if j.made.requesting(j.url(), j.stream, reader) {
		return false
	}
	return j.consumer(t, reader).NumWaiting == 0
}

func (j *jetSource) Settled(t *testing.T, reader string) bool {
	t.Helper()
	info := j.consumer(t, reader)
	return info.NumAckPending == 0 && info.NumPending == 0
}

func (j *jetSource) consumer(t *testing.T, name string) *jetstream.ConsumerInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := j.js.Consumer(ctx, j.stream, name)
	require.NoError(t, err)
	return c.CachedInfo()
}

func (j *jetSource) Revoke(t *testing.T) {
	j.permit(t, &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.API.CONSUMER.MSG.NEXT." + j.stream + ".>"}}})
}

func (j *jetSource) Grant(t *testing.T) { j.permit(t, nil) }

func (j *jetSource) Remake(t *testing.T) {
	t.Helper()
	require.NoError(t, j.js.DeleteStream(t.Context(), j.stream))
	j.create(t)
}
