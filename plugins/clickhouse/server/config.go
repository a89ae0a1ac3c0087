package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Values of Config.Compression.
const (
	LZ4  = "lz4"
	ZSTD = "zstd"
	None = "none"
)

// Values of Config.Balance: which replica is asked first.
const (
	InOrder    = "in_order"
	RoundRobin = "round_robin"
	Random     = "random"
)

// DefaultUser is the user that ClickHouse has from the start.
const DefaultUser = "default"

// Config says how the servers of an output are talked to. It is not changed
// once a cluster has it.
type Config struct {
	HTTP     bool   // the protocol is HTTP, else native
	Balance  string // one of InOrder, RoundRobin, Random
	Database string // of tables that are named without one; "" is the user's own

	Username string
	Password Secret
	JWT      Secret // sent in place of user and password, over TLS only

	// TLS returns the configuration of a new connection, with the certificates
	// that there are now; nil means no TLS. It may be called at the same time
	// from several goroutines. An empty ServerName stands for the address's host.
	TLS func() (*tls.Config, error)

	Compression string         // one of LZ4, ZSTD, None
	Settings    map[string]any // of every query, as the user wants them: int, bool or string

	// Dial makes a connection that is without TLS, as net.Dialer.DialContext does, which
	// nil stands for.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	DialTimeout   time.Duration // a connection with its handshakes
	ReadTimeout   time.Duration // anything that is asked but an insert
	InsertTimeout time.Duration // an insert as a whole

	// Inserts is how many inserts may run at a time, and so how many
	// connections are kept for them.
	Inserts int
	// Piece is how many bytes of records are encoded at a time; 0 means a good
	// default.
	Piece int
}

// Deduplication says what an insert asks the server for.
type Deduplication int

const (
	// ByToken lets servers that can recognise a repeated insert by its token.
	ByToken Deduplication = iota
	// NoDeduplication tells the server not to look for repetitions: of
	// themselves, some tables deduplicate by content.
	NoDeduplication
)

// Redact takes the secrets out of an error, should a driver or a proxy ever
// put them there. Classify and errors.As find the same in it as before.
func (c *Config) Redact(err error) error {
	text := err.Error()
	for _, secret := range append(c.Password.seen(), c.JWT.seen()...) {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	if text == err.Error() {
		return err
	}
	return redactedError{text: text, cause: err}
}

// redactedError is an error without the secrets in its text; what it is remains to
// be found by errors.Is and errors.As.
type redactedError struct {
	text  string
	cause error
}

func (e redactedError) Error() string { return e.text }
func (e redactedError) Unwrap() error { return e.cause }

// jwtUser stands for the user's name where a JSON Web Token is sent as the
// password of the native protocol.
const jwtUser = " JWT AUTHENTICATION "

// dial makes a connection without TLS.
func (c *Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// credentials are those of a new connection or request.
type credentials struct {
	username, password, jwt string
}

func (c *Config) credentials() (credentials, error) {
	jwt, err := c.JWT.read()
	if err != nil {
		return credentials{}, fmt.Errorf("reading the token: %w", err)
	}
	if jwt != "" {
		return credentials{username: jwtUser, password: jwt, jwt: jwt}, nil
	}
	password, err := c.Password.read()
	if err != nil {
		return credentials{}, fmt.Errorf("reading the password: %w", err)
	}
	return credentials{username: c.Username, password: password}, nil
}

// tlsFor is the configuration of a new connection to a host, nil without TLS.
func (c *Config) tlsFor(host string) (*tls.Config, error) {
	if c.TLS == nil {
		return nil, nil //nolint:nilnil // nil is no TLS
	}
	conf, err := c.TLS()
	if err != nil {
		return nil, fmt.Errorf("reading the certificates: %w", err)
	}
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName = host
	}
	return conf, nil
}

// spareConns are connections beside those that insert: for schemas, pings and
// checks.
const spareConns = 3
