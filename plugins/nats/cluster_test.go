package nats

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// cluster is three real servers that replicate their streams.
type cluster struct {
	t       testing.TB
	options []*server.Options
	servers []*server.Server // nil where one is stopped
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{t: t}
	ports := freePorts(t, 6)
	var routes []string
	for _, p := range ports[3:] {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", p))
	}
	for i := range 3 {
		opts := &server.Options{
			ServerName: fmt.Sprintf("node-%d", i), Host: "127.0.0.1", Port: ports[i], NoLog: true, NoSigs: true,
			JetStream: true, StoreDir: t.TempDir(),
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[3+i]},
			Routes:  server.RoutesFromStr(strings.Join(routes, ",")),
		}
		c.options = append(c.options, opts)
		c.servers = append(c.servers, nil)
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	eventually(t, func() bool { return c.leader() != nil }, func() string { return "the cluster has no leader" })
	return c
}

// freePorts are ports that nobody listens on at this moment.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// start runs one node, again with what it stored if it was stopped.
func (c *cluster) start(i int) {
	c.t.Helper()
	s, err := server.NewServer(c.options[i].Clone())
	require.NoError(c.t, err)
	s.Start()
	require.True(c.t, s.ReadyForConnections(patience))
	c.servers[i] = s
}

func (c *cluster) stop(i int) {
	if s := c.servers[i]; s != nil {
		c.servers[i] = nil
		stopServer(s)
	}
}

// leader is the node that leads the cluster's JetStream, nil while there is none.
func (c *cluster) leader() *server.Server {
	for _, s := range c.servers {
		if s != nil && s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(c.servers) {
			return s
		}
	}
	return nil
}

// urls are the addresses of all nodes.
func (c *cluster) urls() string {
	var urls []string
	for _, o := range c.options {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", o.Port))
	}
	return strings.Join(urls, ",")
}

// nodeAt is the index of the node that listens at a client URL.
func (c *cluster) nodeAt(client string) int {
	c.t.Helper()
	u, err := url.Parse(client)
	require.NoError(c.t, err)
	for i, o := range c.options {
		if u.Port() == fmt.Sprint(o.Port) {
			return i
		}
	}
	c.t.Fatalf("no node listens at %s", client)
	return -1
}
