package kafka

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// connectError is what Connect says.
func connectError(t *testing.T, yaml string) error {
	t.Helper()
	in, _, err := parseInput(t, yaml)
	require.NoError(t, err)
	defer in.Close(t.Context())
	err = in.Connect(t.Context())
	_, _, readErr := in.ReadBatch(t.Context())
	if err != nil {
		require.ErrorIs(t, readErr, service.ErrNotConnected)
		require.False(t, in.stats.Link.State().Connected)
		require.ErrorIs(t, err, in.stats.Link.State().Err)
	}
	return err
}

func TestConnectNamesTheUnknownTopic(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		err := connectError(t, c.config(c.topic(1)+",nowhere", ""))
		require.ErrorContains(t, err, `topics: "nowhere" does not exist on the brokers`)
		groups, err := c.admin.ListGroups(t.Context())
		require.NoError(t, err)
		require.NotContains(t, groups, c.group(), "a failed attempt does not disturb the group")
	})
}

func TestConnectNamesTheUnreachableBroker(t *testing.T) {
	port, err := stack.FreePort()
	require.NoError(t, err)
	c := &cluster{brokers: []string{"127.0.0.1:" + strconv.Itoa(port)}, prefix: "x"}
	err = connectError(t, c.config("t", ""))
	require.ErrorContains(t, err, "connecting to seed_brokers 127.0.0.1:"+strconv.Itoa(port))
	require.ErrorContains(t, err, "connection refused")
}

// A NATS server, say, which speaks first.
func TestConnectAsksAboutThePortOfSomethingElse(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := other.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("INFO {\"server_id\":\"x\"}\r\n"))
			_, _ = io.Copy(io.Discard, conn) // until the client has had enough
			_ = conn.Close()
		}
	}()
	defer func() { _ = other.Close(); <-served }()
	c := &cluster{brokers: []string{other.Addr().String()}, prefix: "x"}
	err = connectError(t, c.config("t", ""))
	require.ErrorContains(t, err, "connecting to seed_brokers "+c.brokers[0])
	require.ErrorContains(t, err, "is it the port of a broker?")
}

func saslBrokers(t *testing.T) []string {
	return fakeBrokers(t, kfake.NumBrokers(1), kfake.EnableSASL(), kfake.SeedTopics(1, "t"),
		kfake.Superuser("PLAIN", "bridge", "right"),
		kfake.Superuser("SCRAM-SHA-256", "bridge", "right"),
		kfake.Superuser("SCRAM-SHA-512", "bridge", "right"))
}

func TestConnectExplainsARejectedLogin(t *testing.T) {
	c := &cluster{brokers: saslBrokers(t), prefix: "x"}
	for _, mechanism := range []string{saslPlain, saslScram256, saslScram512} {
		t.Run(mechanism, func(t *testing.T) {
			err := connectError(t, c.config("t", `sasl: [{mechanism: `+mechanism+`, username: bridge, password: s3cret}]`))
			require.ErrorContains(t, err, `authenticating by sasl mechanism `+mechanism+` as username "bridge" at seed_brokers `+c.brokers[0])
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
	t.Run("no sasl at all", func(t *testing.T) {
		require.ErrorContains(t, connectError(t, c.config("t", "")), "connecting to seed_brokers "+c.brokers[0])
	})
}

func TestLogsInByEachMechanism(t *testing.T) {
	brokers := saslBrokers(t)
	for _, mechanism := range []string{saslPlain, saslScram256, saslScram512} {
		t.Run(mechanism, func(t *testing.T) {
			c := newCluster(t, brokers, kgo.SASL(plain.Auth{User: "bridge", Pass: "right"}.AsMechanism()))
			c.produce("t", 0, 0, 3)
			k := c.consume("t", false, `sasl: [{mechanism: `+mechanism+`, username: bridge, password: right}]`)
			eventually(t, "it delivers", func() bool { return k.total() >= 3 })
		})
	}
}

func TestConnectionTest(t *testing.T) {
	onEachBroker(t, func(t *testing.T, c *cluster) {
		good, _, err := parseInput(t, c.config(c.topic(1), ""))
		require.NoError(t, err)
		require.NoError(t, good.ConnectionTest(t.Context())[0].Err)
		bad, _, err := parseInput(t, c.config("nowhere", ""))
		require.NoError(t, err)
		require.ErrorContains(t, bad.ConnectionTest(t.Context())[0].Err, "nowhere")
	})
}

func TestBrokerRestart(t *testing.T) {
	port, err := stack.FreePort()
	require.NoError(t, err)
	dir := t.TempDir()
	start := func() *kfake.Cluster {
		f, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.SyncWrites())
		require.NoError(t, err)
		return f
	}
	fake := start()
	defer func() { fake.Close() }()
	c := newCluster(t, fake.ListenAddrs())
	topic := c.topic(2)
	c.produce(topic, 0, 0, 10)
	k := c.consume(topic, false, "")
	eventually(t, "it delivers and commits", func() bool { return c.committed(c.group(), topic, 0) == 10 })
	link := &k.in.stats.Link

	fake.Close()
	eventually(t, "the link is down", func() bool { return !link.State().Connected })
	require.Error(t, link.State().Err)
	fake = start()
	eventually(t, "the link is up", func() bool { return link.State().Connected })
	c.produce(topic, 0, 10, 20)
	eventually(t, "it delivers again", func() bool { return len(k.got(0)) >= 20 })
	require.Equal(t, upTo(0, 20), k.got(0))
}

// With no broker left to say goodbye to, Close must still end.
func TestCloseEndsWithoutABroker(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	c := newCluster(t, fake.ListenAddrs())
	topic := c.topic(1)
	c.produce(topic, 0, 0, 10)
	k := c.consume(topic, true, "commit_period: 1h")
	eventually(t, "it delivers", func() bool { return k.total() == 10 })
	k.gate.Hold(gate.ReasonOperator)
	k.ackAll()
	fake.Close()
	k.close()
	require.True(t, k.in.stats.Link.State().Closed)
	require.False(t, k.in.stats.Paused())
}

// An attempt to connect to a broker that accepts connections and says nothing ends
// with its context, and not when the client has waited long enough.
func TestConnectEndsWithItsContext(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer mute.Close()
	c := &cluster{brokers: []string{mute.Addr().String()}, prefix: "x"}
	in, _, err := parseInput(t, c.config("t", "request_timeout_overhead: 10m"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- in.Connect(ctx) }()
	conn, err := mute.Accept()
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1)) // it has asked
	require.NoError(t, err)
	cancel()
	select {
	case err := <-failed:
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "connecting to seed_brokers "+c.brokers[0])
	case <-time.After(3 * time.Minute):
		t.Fatal("Connect does not end")
	}
	require.NoError(t, in.Close(t.Context()))
}

func TestConstructionLeavesNothingBehind(t *testing.T) {
	c := &cluster{brokers: []string{"127.0.0.1:1"}, prefix: "x"}
	in, _, err := parseInput(t, c.config("t", ""))
	require.NoError(t, err)
	require.NoError(t, in.Close(context.Background()), "closing what never connected is fine")
}

func TestReplaysRejectedMessagesWhenAsked(t *testing.T) {
	c := newCluster(t, fakeBrokers(t, kfake.NumBrokers(1)))
	topic := c.topic(1)
	c.produce(topic, 0, 0, 3)
	conf, err := spec().ParseYAML(c.config(topic, "auto_replay_nacks: true"), nil)
	require.NoError(t, err)
	in, err := newFromConfig(conf, service.MockResources())
	require.NoError(t, err)
	require.NoError(t, in.Connect(t.Context()))
	batch, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	require.NoError(t, ack(t.Context(), errors.New("no")))
	again, ack, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	require.Len(t, again, len(batch))
	require.NoError(t, ack(t.Context(), nil))
	require.NoError(t, in.Close(t.Context()))
	require.EqualValues(t, len(batch), c.committed(c.group(), topic, 0))
}
