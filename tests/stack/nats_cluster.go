package stack

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// clusterPatience bounds how long the nodes may take to agree on a leader.
const clusterPatience = 3 * time.Minute

// membership is what makes a server a node of a cluster.
type membership struct {
	name   string
	port   int        // of the routes
	routes []*url.URL // to all nodes, itself included
}

func (m *membership) apply(opts *server.Options) {
	if m == nil {
		return
	}
	opts.ServerName = m.name
	opts.Cluster = server.ClusterOpts{Name: "data-bridge-stack", Host: loopback, Port: m.port, PoolSize: -1}
	opts.Routes = slices.Clone(m.routes)
}

// NATSCluster is a cluster of real NATS servers with JetStream in this process.
// Its methods may be called from any goroutine.
type NATSCluster struct{ nodes []*NATS }

// StartNATSCluster starts a cluster of n nodes on free ports and waits until
// JetStream has a leader. Streams that are replicated survive the stop of a
// minority of the nodes; all survive Stop and Start.
func StartNATSCluster(n int) (*NATSCluster, error) {
	c := &NATSCluster{}
	err := c.add(n)
	for i := 0; err == nil && i < n; i++ {
		err = c.Start(i)
	}
	if err == nil {
		err = c.AwaitLeader()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// add makes n nodes that know of each other.
func (c *NATSCluster) add(n int) error {
	var routes []*url.URL
	for i := range n {
		node, err := newNATS(NATSOptions{})
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, node)
		port, err := FreePort()
		if err != nil {
			return err
		}
		node.cluster = &membership{name: "node-" + strconv.Itoa(i), port: port}
		routes = append(routes, &url.URL{Scheme: "nats", Host: address(port)})
	}
	for _, node := range c.nodes {
		node.cluster.routes = routes
	}
	return nil
}

// URLs are the addresses of all nodes, running or not, by index.
func (c *NATSCluster) URLs() []string {
	urls := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		urls[i] = n.URL()
	}
	return urls
}

// Node is the server at an index.
func (c *NATSCluster) Node(i int) *NATS { return c.nodes[i] }

// Index is the index of the node of a URL or of a server's name, such as a
// connection's ConnectedUrl or a stream leader's; -1 if it is none of them.
func (c *NATSCluster) Index(urlOrName string) int {
	return slices.IndexFunc(c.nodes, func(n *NATS) bool { return n.URL() == urlOrName || n.cluster.name == urlOrName })
}

// Stop shuts a node down; its connections break, its data stays.
func (c *NATSCluster) Stop(i int) { c.nodes[i].Stop() }

// Start starts a stopped node again, on its ports and with its data. It does
// not wait until the node has caught up.
func (c *NATSCluster) Start(i int) error { return c.nodes[i].Start() }

// AwaitLeader waits until the running nodes have a JetStream leader that sees
// all of them.
func (c *NATSCluster) AwaitLeader() error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(clusterPatience); time.Now().Before(deadline); <-tick.C {
		if c.led() {
			return nil
		}
	}
	return fmt.Errorf("awaiting a JetStream leader of the cluster: none after %s", clusterPatience)
}

func (c *NATSCluster) led() bool {
	running, led := 0, 0
	for _, n := range c.nodes {
		if s := n.running(); s != nil {
			running++
			if s.JetStreamIsLeader() && s.JetStreamIsCurrent() {
				led = len(s.JetStreamClusterPeers())
			}
		}
	}
	return led > 0 && led >= running
}

// Connect opens a client connection to any of the running nodes. The caller
// closes it.
func (c *NATSCluster) Connect(opts ...nats.Option) (*nats.Conn, error) {
	servers := strings.Join(c.URLs(), ",")
	nc, err := nats.Connect(servers, opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", servers, err)
	}
	return nc, nil
}

// Close stops all nodes and removes their data.
func (c *NATSCluster) Close() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}
