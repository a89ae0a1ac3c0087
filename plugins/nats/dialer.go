package nats

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/data-bridge-io/data-bridge/plugins/network"
)

// dialer makes the network connections of one connection to NATS. nats.go takes no
// context: it may look for a name, try several servers and wait for their first words
// for seconds each. So until done is called, the end of ctx ends all of that.
//
// It counts what the connections bring, whole messages or not: on a slow link nothing
// else tells a large one from none.
type dialer struct {
	count *atomic.Int64
	dial  network.Dial

	mu   sync.Mutex
	ctx  context.Context //nolint:containedctx // of the first attempt; replaced when that is over
	free []func() bool   // parts the connections from ctx
}

func newDialer(ctx context.Context, dial network.Dial, count *atomic.Int64) *dialer {
	return &dialer{count: count, dial: dial, ctx: ctx}
}

// done says that the first attempt is over, well or not.
func (d *dialer) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, part := range d.free {
		part()
	}
	d.ctx, d.free = context.Background(), nil
}

// Dial implements nats.CustomDialer. Of several addresses that a name has it takes
// any, as nats.go does by itself.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.mu.Lock()
	ctx := d.ctx
	d.mu.Unlock()
	addresses, err := resolve(ctx, address)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, address := range addresses {
		if conn, err = d.try(ctx, network, address); err == nil {
			d.bind(ctx, conn)
			return &countingConn{Conn: conn, count: d.count}, nil
		}
	}
	return nil, err
}

// try makes one connection.
func (d *dialer) try(ctx context.Context, network, address string) (net.Conn, error) {
	if d.dial == nil {
		return (&net.Dialer{Timeout: nats.DefaultTimeout}).DialContext(ctx, network, address)
	}
	ctx, cancel := context.WithTimeout(ctx, nats.DefaultTimeout)
	defer cancel()
	return d.dial(ctx, network, address)
}

// bind has the connection end with ctx while that is the first attempt's.
func (d *dialer) bind(ctx context.Context, conn net.Conn) {
	if ctx.Done() == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = append(d.free, context.AfterFunc(ctx, func() { _ = conn.Close() }))
}

// resolve turns a host:port into those of all addresses of the host, in any order.
func resolve(ctx context.Context, address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, nats.DefaultTimeout)
	defer cancel()
	hosts, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", host, err)
	}
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	for i := range hosts {
		hosts[i] = net.JoinHostPort(hosts[i], port)
	}
	return hosts, nil
}

type countingConn struct {
	net.Conn
	count *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.count.Add(int64(n))
	return n, err
}
