package stack

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsPatience bounds the start of a server, and what a client waits for.
const natsPatience = time.Minute

// NATSOptions says how a NATS server runs. The zero value is a server without a password.
type NATSOptions struct {
	User     string
	Password string
}

// NATS is a real NATS server with JetStream in this process. Its methods may
// be called from any goroutine.
type NATS struct {
	opts    NATSOptions
	port    int
	dir     string
	cluster *membership // nil for a server that stands alone

	mu  sync.Mutex
	srv *server.Server
}

// StartNATS starts a server on a free port. Its streams live in a temporary
// folder until Close, so they survive Stop and Start.
func StartNATS(opts NATSOptions) (*NATS, error) {
	n, err := newNATS(opts)
	if err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// newNATS gives a server that is not running its port and its folder.
func newNATS(opts NATSOptions) (*NATS, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "data-bridge-nats-")
	if err != nil {
		return nil, fmt.Errorf("creating the JetStream folder: %w", err)
	}
	return &NATS{opts: opts, port: port, dir: dir}, nil
}

// URL is the server's address as clients take it, without the password.
func (n *NATS) URL() string { return "nats://" + address(n.port) }

// Start starts a stopped server again, on the same port and with the same streams.
func (n *NATS) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.srv != nil {
		return nil
	}
	srv, err := server.NewServer(n.serverOptions())
	if err != nil {
		return fmt.Errorf("configuring the NATS server: %w", err)
	}
	srv.Start()
	if !srv.ReadyForConnections(natsPatience) {
		srv.Shutdown()
		return fmt.Errorf("starting the NATS server on %s: not ready after %s", address(n.port), natsPatience)
	}
	n.srv = srv
	return nil
}

func (n *NATS) serverOptions() *server.Options {
	opts := &server.Options{
		ServerName: "data-bridge-stack",
		Host:       loopback,
		Port:       n.port,
		Username:   n.opts.User,
		Password:   n.opts.Password,
		JetStream:  true,
		StoreDir:   n.dir,
		NoSigs:     true,
		NoLog:      true,
		// Those who connect may be slow on a busy machine, as the server may be.
		AuthTimeout: natsPatience.Seconds(),
	}
	n.cluster.apply(opts)
	return opts
}

// Stop shuts the server down; connections break. Streams stay on disk.
func (n *NATS) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.srv == nil {
		return
	}
	n.srv.Shutdown()
	n.srv.WaitForShutdown()
	n.srv = nil
}

// running is the server itself, nil while it is stopped.
func (n *NATS) running() *server.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.srv
}

// Restart is Stop and Start.
func (n *NATS) Restart() error {
	n.Stop()
	return n.Start()
}

// Connect opens a client connection with the server's own user and password.
// The caller closes it.
func (n *NATS) Connect(opts ...nats.Option) (*nats.Conn, error) {
	opts = append([]nats.Option{nats.Timeout(natsPatience)}, opts...)
	if n.opts.User != "" {
		opts = append([]nats.Option{nats.UserInfo(n.opts.User, n.opts.Password)}, opts...)
	}
	nc, err := nats.Connect(n.URL(), opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", n.URL(), err)
	}
	return nc, nil
}

// Subscribed reports whether a client of a server without accounts subscribes
// to the subject, so that what is published to core NATS now is not lost.
func (n *NATS) Subscribed(subject string) bool {
	srv := n.running()
	return srv != nil && srv.GlobalAccount().SubscriptionInterest(subject)
}

// Close stops the server and removes its data.
func (n *NATS) Close() error {
	n.Stop()
	return os.RemoveAll(n.dir)
}
