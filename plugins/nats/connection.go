package nats

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// pingInterval bounds how long a server that vanished without a word is taken
// for alive: three of them. The client's own default is two minutes.
const pingInterval = 15 * time.Second

// greetingTimeout bounds how long a server that was reached may take to greet, to agree on
// TLS and to let us in. The client's own default is two seconds, which a busy machine or a
// long way exceeds with every attempt; who does not accept a connection is given up sooner.
const greetingTimeout = 10 * time.Second

// flushTimeout bounds how long a server may take to confirm what it was sent.
const flushTimeout = 5 * time.Second

// connection is one connection to a NATS cluster, which comes back by itself
// for as long as it is not closed.
type connection struct {
	conn     *nats.Conn
	log      *service.Logger
	link     *status.Link
	closing  atomic.Bool
	reported status.Repeats // errors of the server
	closed   chan struct{}  // closed after the last callback of nats.go
	wire     atomic.Int64   // bytes that have come, of all kinds
	nkey     string         // the public key that we claim to have; empty without auth.nkey_file
	atOnce   time.Time      // when it was last tried without a wait; nats.go's one reconnecting goroutine's

	mu     sync.Mutex
	faults map[string]error // why nothing comes although the server is reached
}

// hooks are what the owner of a connection wants to be told. All are called one
// after the other, in the order of events; nil ones are left out.
type hooks struct {
	lost        func()      // the connection has ended, by close or by nats.go
	reconnected func()      // it is back, and the server knows the subscriptions again
	denied      func(error) // the server refused to let us publish or subscribe
	refused     func()      // it does not believe who we are; dial's own
}

// reportsEvery is how often errors of the server are logged at most.
const reportsEvery = 5 * time.Second

// dial connects once: a server that cannot be reached is an error that names
// the servers. Afterwards the connection is kept up for ever; link follows it,
// and each edge is logged. Only the first attempt ends with ctx, as an error.
func (c connectionConfig) dial(ctx context.Context, label string, log *service.Logger, link *status.Link, told hooks) (*connection, error) {
	l := &connection{log: log, link: link, closed: make(chan struct{})}
	opts, err := c.options(label)
	if err == nil && c.auth.nkeyFile != "" {
		l.nkey, err = publicKey(c.auth.nkeyFile)
	}
	if err != nil {
		return nil, err
	}
	opts = append(opts, nats.CustomReconnectDelay(func(attempts int) time.Duration { return l.delay(c, attempts) }))
	told.refused = func() { l.endIfRotated(c.auth.nkeyFile) }
	first := newDialer(ctx, c.network, &l.wire)
	opts = append(opts, nats.SetCustomDialer(first), nats.SkipHostLookup())
	opts = append(opts, l.handlers(told)...)
	l.conn, err = nats.Connect(strings.Join(c.urls, ","), opts...)
	first.done()
	if err != nil {
		return nil, c.explain(cmp.Or(ctx.Err(), err))
	}
	return l, nil
}

// explain puts into words what nats.go makes of a refused connection, and names
// the field that is about it.
func (c connectionConfig) explain(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoServers): // that it ran out of servers
		return fmt.Errorf("%s: connecting to %s: connection refused: is a NATS server listening there? (%w)", fieldURLs, c.servers(), err)
	case errors.Is(err, os.ErrDeadlineExceeded): // a NATS server speaks first
		return fmt.Errorf("%s: connecting to %s: connected, but nothing is said there: is it the port of a NATS server? (%w)", fieldURLs, c.servers(), err)
	case refused(err):
		return fmt.Errorf("%s: connecting to %s: the server refuses user %q, token or key; correct it or the user's rights: %w", fieldAuth, c.servers(), c.auth.user, err)
	}
	return fmt.Errorf("%s: connecting to %s: %w", fieldURLs, c.servers(), err)
}

// refused reports whether the server did not accept who we are. While it
// connects, nats.go hands the server's words on as they are.
func refused(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || strings.EqualFold(err.Error(), nats.ErrAuthorization.Error())
}

func (c connectionConfig) options(label string) ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name(cmp.Or(c.name, label)),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // credentials that are being rotated are no reason to give up
		nats.ReconnectWait(c.reconnectWait),
		nats.ReconnectJitter(c.reconnectJitter, c.reconnectJitter),
		nats.PingInterval(pingInterval),
		nats.Timeout(greetingTimeout),
	}
	if c.inboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.inboxPrefix))
	}
	if c.tls != nil {
		opts = append(opts, c.secure())
	}
	auth, err := c.auth.option()
	if err != nil {
		return nil, err
	}
	return append(opts, auth), nil
}

// secure reads the files of tls again for each connection.
func (c connectionConfig) secure() nats.Option {
	return func(o *nats.Options) error {
		conf := c.tls.Clone()
		if len(conf.Certificates) > 0 {
			conf.GetClientCertificate = c.clientCertificate
		}
		if conf.RootCAs != nil {
			o.RootCAsCB = func() (*x509.CertPool, error) {
				now, err := c.readTLS()
				if err != nil {
					return nil, fmt.Errorf("reading the files of %s: %w", fieldTLS, err)
				}
				return now.RootCAs, nil
			}
		}
		return nats.Secure(conf)(o)
	}
}

// clientCertificate is the first one that the server would take.
func (c connectionConfig) clientCertificate(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	now, err := c.readTLS()
	if err != nil {
		return nil, fmt.Errorf("reading the files of %s: %w", fieldTLS, err)
	}
	for i := range now.Certificates {
		if asked.SupportsCertificate(&now.Certificates[i]) == nil {
			return &now.Certificates[i], nil
		}
	}
	return &tls.Certificate{}, nil // none: the server says what it makes of that
}

// publicKey reads the public key that belongs to the seed in a file.
func publicKey(seedFile string) (string, error) {
	seed, err := os.ReadFile(seedFile)
	if err != nil {
		return "", fmt.Errorf("reading auth.nkey_file %q: %w", seedFile, err)
	}
	pair, err := nkeys.ParseDecoratedNKey(seed)
	if err != nil {
		return "", fmt.Errorf("reading auth.nkey_file %q: %w", seedFile, err)
	}
	defer pair.Wipe()
	return pair.PublicKey()
}

// endIfRotated ends the connection if the file holds another key than the one
// that it was made with: nats.go would go on to claim that one. The next
// connection is made with the new one.
func (l *connection) endIfRotated(seedFile string) {
	if l.nkey == "" || l.closing.Load() {
		return
	}
	if now, err := publicKey(seedFile); err == nil && now != l.nkey {
		l.log.Info("The key in auth.nkey_file has changed: connecting anew")
		l.conn.Close()
	}
}

// delay is how long to wait before the servers are tried again. At first it is
// not at all, if that was not so just now: a server that takes connections and
// cuts them is not to be overrun.
func (l *connection) delay(c connectionConfig, attempts int) time.Duration {
	if now := time.Now(); attempts == 1 && now.Sub(l.atOnce) > c.reconnectWait {
		l.atOnce = now
		return 0
	}
	wait := c.reconnectWait
	if c.reconnectJitter > 0 {
		wait += rand.N(c.reconnectJitter)
	}
	return wait
}

// option proves who we are in the one way that is configured.
func (a authConfig) option() (nats.Option, error) {
	switch {
	case a.user != "":
		return nats.UserInfo(a.user, a.password), nil
	case a.token != "":
		return nats.Token(a.token), nil
	case a.credentialsFile != "":
		return nats.UserCredentials(a.credentialsFile), nil
	case a.nkeyFile != "":
		opt, err := nats.NkeyOptionFromSeed(a.nkeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading auth.nkey_file %q: %w", a.nkeyFile, err)
		}
		return opt, nil
	}
	return func(*nats.Options) error { return nil }, nil
}

// handlers keep the link and the log in step with the connection. nats.go calls
// them one after the other, in the order of events.
func (l *connection) handlers(told hooks) []nats.Option {
	return []nats.Option{
		nats.ConnectHandler(func(*nats.Conn) { l.link.Up() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { l.disconnected(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { l.link.Down(err) }),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			if told.reconnected != nil {
				told.reconnected()
			}
			l.show()
			l.log.With("server", redact(nc.ConnectedUrl())).Info("NATS connection is back")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				return // counted and logged by tally
			}
			if repeats, tell := l.reported.Tell(reportsEvery); tell {
				l.log.With("cause", err, "repeats", repeats).Error("NATS server reports an error")
			}
			if errors.Is(err, nats.ErrAuthorization) {
				told.refused()
			}
			if told.denied != nil && errors.Is(err, nats.ErrPermissionViolation) {
				told.denied(err)
			}
		}),
		nats.ClosedHandler(func(*nats.Conn) {
			if told.lost != nil {
				told.lost()
			}
			close(l.closed)
		}),
	}
}

// fault says that something that the input needs does not work, although the
// server is reached: the link is down until mended is called for all such keys.
func (l *connection) fault(key string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.faults == nil {
		l.faults = map[string]error{}
	}
	l.faults[key] = err
	l.link.Down(err)
}

// mended takes a fault back, and reports whether there was one.
func (l *connection) mended(key string) bool {
	l.mu.Lock()
	_, was := l.faults[key]
	delete(l.faults, key)
	l.mu.Unlock()
	if was && l.conn.IsConnected() {
		l.show()
	}
	return was
}

// show sets the link of a connection that is up.
func (l *connection) show() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, err := range l.faults {
		l.link.Down(err)
		return
	}
	l.link.Up()
}

func (l *connection) disconnected(err error) {
	if l.closing.Load() {
		return
	}
	if err == nil {
		err = errors.New("the server closed the connection")
	}
	l.link.Down(err)
	l.log.With("cause", err).Warn("NATS connection lost, reconnecting")
}

// flush waits until the server has seen everything that was sent to it.
func (l *connection) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return l.conn.FlushWithContext(ctx)
}

// close ends the connection and waits for its last callback. Closing twice is
// closing once.
func (l *connection) close() {
	l.closing.Store(true)
	l.conn.Close()
	<-l.closed
}

// test dials with a connection of its own and looks whether check is content.
func (c connectionConfig) test(ctx context.Context, label string, log *service.Logger, check func(*connection) error) service.ConnectionTestResults {
	var link status.Link
	conn, err := c.dial(ctx, label, log, &link, hooks{})
	if err == nil {
		defer conn.close()
		err = check(conn)
	}
	if err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

// joinGate joins an input to its gate, and says so when nothing will pause it.
func joinGate(g *gate.Gate, label string, in gate.Input, log *service.Logger) *gate.Member {
	if !g.Governed() {
		log.Info("This stream has no backpressure buffer: the input never pauses")
	}
	return g.JoinAs(label, in)
}
