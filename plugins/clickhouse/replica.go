package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// replica is one server: its own pool of connections, its breaker, and what
// it was found to be able to do. It is safe for concurrent use.
type replica struct {
	address string
	cfg     *config
	breaker breaker
	lastTry atomic.Uint64 // by the cluster's count

	mu     sync.Mutex
	pool   driver.Conn // nil until it is used
	closed bool

	dials    atomic.Int64 // connections made so far
	askMu    sync.Mutex   // one question at a time
	asked    features
	askedFor int64 // the value of dials that asked is good for
}

// dialError says that no connection to a replica could be had: nothing was
// sent on it but credentials.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return fmt.Sprintf("connecting to %s: %v", e.address, e.err) }
func (e *dialError) Unwrap() error { return e.err }

// neverSent reports whether an error means that no connection was had, and
// hence that nothing was stored.
func neverSent(err error) bool {
	var connect *dialError
	var network *net.OpError
	return errors.As(err, &connect) || errors.Is(err, clickhouse.ErrAcquireConnTimeout) ||
		(errors.As(err, &network) && network.Op == "dial") // HTTP dials again within a query
}

// conn returns the replica's pool, opened at the first call. A connection is
// made by whatever is first asked of it.
func (r *replica) conn() (driver.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, clickhouse.ErrConnectionClosed
	}
	if r.pool != nil {
		return r.pool, nil
	}
	opts := r.cfg.options(r.address)
	opts.DialStrategy = r.dial
	pool, err := clickhouse.Open(opts)
	if err != nil {
		return nil, fmt.Errorf("opening a pool of connections to %s: %w", r.address, err)
	}
	r.pool = pool
	return pool, nil
}

// ping makes sure that the server answers.
func (r *replica) ping(ctx context.Context) error {
	conn, err := r.conn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.dialTimeout+r.cfg.readTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

// close ends the connections; those in use end with their query.
func (r *replica) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.pool == nil {
		return nil
	}
	pool := r.pool
	r.pool = nil
	if err := pool.Close(); err != nil {
		return fmt.Errorf("closing the connections to %s: %w", r.address, err)
	}
	return nil
}

// dial makes one connection, handshake and all. The driver leaves those open
// that it fails to shake hands on.
func (r *replica) dial(ctx context.Context, _ int, opts *clickhouse.Options, dial clickhouse.Dial) (clickhouse.DialResult, error) {
	attempt := *opts
	var opened openedConns
	attempt.DialContext = func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := r.dialTCP(ctx, address)
		if err == nil {
			opened.add(conn)
		}
		return conn, err
	}
	result, err := dial(ctx, r.address, &attempt)
	if err != nil {
		opened.close()
		return result, &dialError{address: r.address, err: err}
	}
	opened.keep()
	r.dials.Add(1)
	return result, nil
}

// dialTCP connects, by TLS where the driver does not add it itself, as its
// HTTP client does.
func (r *replica) dialTCP(ctx context.Context, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: r.cfg.dialTimeout}
	if r.cfg.tls == nil || r.cfg.http {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: r.cfg.tls}).DialContext(ctx, "tcp", address)
}

// openedConns are the connections of one dial, until it has succeeded.
type openedConns struct {
	mu    sync.Mutex
	conns []net.Conn
	kept  bool
}

func (o *openedConns) add(conn net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.kept { // later ones, of an HTTP client that dials again, look after themselves
		o.conns = append(o.conns, conn)
	}
}

func (o *openedConns) keep() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conns, o.kept = nil, true
}

func (o *openedConns) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, conn := range o.conns {
		_ = conn.Close()
	}
}
