package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// errUnexpected is an answer that ClickHouse would not give.
var errUnexpected error = &classifiedError{UnknownOutcome, "that is no answer of ClickHouse"}

// Replica is one server and the connections to it. It is safe for concurrent
// use.
type Replica struct {
	address string
	host    string
	cfg     *Config
	wire    wire

	dials    atomic.Int64  // connections made so far
	asking   chan struct{} // one question at a time; capacity 1
	askMu    sync.Mutex
	asked    Features
	askedFor int64 // the value of dials that asked is good for
}

// wire is a protocol. Its methods may be called from several goroutines, and
// return at the latest when ctx ends, or soon after.
type wire interface {
	// ping returns nil when the server answers.
	ping(ctx context.Context) error
	// query runs a statement. Where rows is not nil, its columns are all of type
	// String and rows is called with each row; else what it returns is dropped.
	query(ctx context.Context, q statement, rows func([]string)) error
	// insert sends the rows of an INSERT, also of none. With an error nothing was sent, or the
	// outcome is as its class says.
	insert(ctx context.Context, q statement, rows *rows) (Written, error)
	// close ends every connection, those in use as well.
	close()
}

// statement is SQL with its settings.
type statement struct {
	id       string // of the query; a server refuses that of one that still runs
	sql      string
	columns  int // of what it returns
	settings []settingValue
}

// settingValue is a setting of one statement.
type settingValue struct {
	name  string
	value any  // int, bool or string
	must  bool // a server that does not know it is to say so
}

func newReplica(cfg *Config, address string) *Replica {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	r := &Replica{address: address, host: host, cfg: cfg, asking: make(chan struct{}, 1)}
	if cfg.HTTP {
		r.wire = newHTTPWire(r)
	} else {
		r.wire = newNativeWire(r)
	}
	return r
}

// Address implements Server.
func (r *Replica) Address() string { return r.address }

// Ping implements Server.
func (r *Replica) Ping(ctx context.Context) error {
	return r.bounded(ctx, r.cfg.DialTimeout+r.cfg.ReadTimeout, r.wire.ping)
}

// Texts implements Server.
func (r *Replica) Texts(ctx context.Context, columns int, sql string) (texts [][]string, err error) {
	err = r.bounded(ctx, r.cfg.ReadTimeout, func(ctx context.Context) error {
		texts = nil
		q := r.statement(sql)
		q.columns = columns
		return r.wire.query(ctx, q, func(row []string) { texts = append(texts, row) })
	})
	return texts, err
}

// run runs a statement and drops what it returns.
func (r *Replica) run(ctx context.Context, sql string) error {
	return r.bounded(ctx, r.cfg.ReadTimeout, func(ctx context.Context) error {
		return r.wire.query(ctx, r.statement(sql), nil)
	})
}

// statement adds the configured settings to SQL.
func (r *Replica) statement(sql string) statement {
	return statement{id: uuid.NewString(), sql: sql, settings: r.cfg.given()}
}

// errTooLong says which bound a call has met.
type errTooLong struct{ after time.Duration }

func (e *errTooLong) Error() string { return fmt.Sprintf("no answer within %s", e.after) }

// ClickHouseClass implements Classified.
func (e *errTooLong) ClickHouseClass() Class { return UnknownOutcome }

// bounded calls f with a context that ends after so long, and makes a panic of
// it an error.
func (r *Replica) bounded(parent context.Context, after time.Duration, f func(context.Context) error) error {
	tooLong := &errTooLong{after}
	ctx, cancel := context.WithTimeoutCause(parent, after, tooLong)
	defer cancel()
	err := sheltered(func() error { return f(ctx) })
	if err == nil || ctx.Err() == nil {
		return err
	}
	if _, answered := Code(err); answered {
		return err
	}
	if parent.Err() != nil {
		return errors.Join(context.Cause(parent), err)
	}
	return fmt.Errorf("%w: %w", tooLong, err)
}

// Close implements Server.
func (r *Replica) Close() error {
	r.wire.close()
	return nil
}

// dial makes one connection of TCP, with TLS where that is configured.
func (r *Replica) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.DialTimeout)
	defer cancel()
	secure, err := r.cfg.tlsFor(r.host)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{}
	if secure == nil {
		return r.cfg.dial(ctx, "tcp", r.address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext(ctx, "tcp", r.address)
}

// TryInsert implements Server.
func (r *Replica) TryInsert(ctx context.Context, s *column.Schema, t Table) error {
	return r.bounded(ctx, r.cfg.InsertTimeout, func(ctx context.Context) error {
		_, err := r.wire.insert(ctx, r.statement(""), emptyRows(s, t))
		return err
	})
}
