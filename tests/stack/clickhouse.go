package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Protocols of a ClickHouse address, as the clickhouse output's protocol field names them.
const (
	ProtocolNative = "native"
	ProtocolHTTP   = "http"
)

// Kinds of ClickHouse that StartClickHouse knows.
const (
	// KindAuto is the first that can be had of KindGiven, KindLocal, KindChDB and KindLegacy.
	KindAuto = ""
	// KindGiven is the server that CLICKHOUSE_ADDR names.
	KindGiven = "given"
	// KindLocal is a `clickhouse` binary on PATH.
	KindLocal = "path"
	// KindChDB is the current engine behind a server of ours, over HTTP and the native protocol.
	KindChDB = "chdb"
	// KindLegacy is Debian's server 18.16, with the native protocol.
	KindLegacy = "legacy"
)

// ErrNotOurs is returned when somebody else's server should be stalled, stopped or started.
var ErrNotOurs = errors.New("the server was not started by this program")

// ClickHouse is a running ClickHouse of any kind. Its methods may be called
// from any goroutine.
type ClickHouse interface {
	// Kind is one of the Kind constants, never KindAuto.
	Kind() string
	// Protocol is what Addr speaks: http for chDB, native for all others. See OverNative.
	Protocol() string
	// Addr is where data-bridge connects to.
	Addr() string
	// NativeAddr is host:port of the native protocol.
	NativeAddr() string
	// HTTPAddr is host:port of the HTTP interface.
	HTTPAddr() string
	// TLSAddr is where the protocol of Addr is spoken over TLS; empty without ClickHouseOptions.TLS.
	TLSAddr() string
	// User and Password are the credentials it was started with.
	User() string
	Password() string
	// Version is the server's own, such as 18.16.1.
	Version() string
	// Legacy reports a server of before DateTime64: see LegacySQL.
	Legacy() bool

	// Exec runs one statement and drops its result.
	Exec(ctx context.Context, sql string) error
	// Query runs one statement and returns its rows as text.
	Query(ctx context.Context, sql string) ([][]string, error)

	// Stall freezes the server: connections stay open and nothing answers.
	Stall() error
	// Continue ends a Stall.
	Continue() error
	// Stop ends the server in order and Kill as a crash does. Data stays.
	Stop() error
	Kill() error
	// Start starts a stopped server on the same ports and data, and returns when it serves.
	Start(ctx context.Context) error
	// Close ends the server and removes its data unless the caller gave the folder.
	Close() error
}

// ClickHouseOptions says how a ClickHouse runs. The zero value has no password and a temporary folder.
type ClickHouseOptions struct {
	Password string // of the user "default"
	Dir      string // keeps the data after Close; removed with it when empty

	// ReadOnlyUser is the name of one more user, with the same password, who
	// may not insert. chDB has one user only.
	ReadOnlyUser string
	// Profiles are more users, with the same password, by name: the settings and
	// constraints of each, as XML. chDB has one user only.
	Profiles map[string]string
	// Faults makes a server of KindChDB show faults on demand: see FaultyClickHouse.
	Faults bool
	// TLS makes the server listen on TLSAddr too.
	TLS *ServerTLS
}

// ServerTLS is what a server that speaks TLS needs, in files in PEM form.
type ServerTLS struct {
	Cert, Key string
	// ClientCA is the authority of the certificates that clients have to show;
	// none when empty.
	ClientCA string
}

// StartClickHouse starts a ClickHouse of the kind, or finds the one to use.
func StartClickHouse(ctx context.Context, kind string, opts ClickHouseOptions) (ClickHouse, error) {
	switch kind {
	case KindAuto:
		return startAnyClickHouse(ctx, opts)
	case KindGiven:
		return givenClickHouse(ctx)
	case KindLocal:
		return startLocal(ctx, opts)
	case KindChDB:
		return startChDB(ctx, opts)
	case KindLegacy:
		return startLegacy(ctx, opts)
	}
	return nil, fmt.Errorf("choosing a ClickHouse: unknown kind %q, expected %s, %s, %s or %s",
		kind, KindGiven, KindLocal, KindChDB, KindLegacy)
}

func startAnyClickHouse(ctx context.Context, opts ClickHouseOptions) (ClickHouse, error) {
	if os.Getenv(EnvClickHouseAddr) != "" {
		return givenClickHouse(ctx)
	}
	if _, err := exec.LookPath(localBinary); err == nil {
		return startLocal(ctx, opts)
	}
	ch, chdbErr := startChDB(ctx, opts)
	if chdbErr == nil {
		return ch, nil
	}
	progress("no chDB here (%v), falling back to ClickHouse 18.16", chdbErr)
	ch, err := startLegacy(ctx, opts)
	if err != nil {
		return nil, errors.Join(chdbErr, err)
	}
	return ch, nil
}

// clickhouseServer is a server that answers HTTP. proc is nil when it is somebody else's.
type clickhouseServer struct {
	kind     string
	native   string
	http     string
	secure   string
	user     string
	protocol string // of Addr; native when empty
	// secureNative is what secure is, where one server speaks both protocols over TLS.
	secureNative string
	password     string
	version      string
	dir          string
	faulty       bool // shows faults on demand
	keepDir      bool
	proc         *process
}

var _ ClickHouse = (*clickhouseServer)(nil)

// newClickHouse makes the folder of a server that is about to be started.
func newClickHouse(kind string, opts ClickHouseOptions) (*clickhouseServer, error) {
	c := &clickhouseServer{kind: kind, user: "default", password: opts.Password, dir: opts.Dir, keepDir: opts.Dir != ""}
	var err error
	if c.keepDir {
		c.dir, err = filepath.Abs(opts.Dir)
		err = errors.Join(err, os.MkdirAll(c.dir, 0o755))
	} else {
		c.dir, err = os.MkdirTemp("", "data-bridge-clickhouse-")
	}
	if err != nil {
		return nil, fmt.Errorf("creating the folder of ClickHouse: %w", err)
	}
	return c, nil
}

// launch starts the process for the first time and asks for the version.
func (c *clickhouseServer) launch(ctx context.Context, command func() *exec.Cmd) (ClickHouse, error) {
	c.proc = &process{
		name:    "ClickHouse (" + c.kind + ")",
		logPath: filepath.Join(c.dir, "server.log"),
		command: command,
		ready:   c.ping,
	}
	if err := c.proc.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.askVersion(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *clickhouseServer) askVersion(ctx context.Context) error {
	rows, err := c.Query(ctx, "SELECT version()")
	if err != nil {
		return fmt.Errorf("asking ClickHouse for its version: %w", err)
	}
	c.version = rows[0][0]
	return nil
}

func (c *clickhouseServer) Kind() string       { return c.kind }
func (c *clickhouseServer) NativeAddr() string { return c.native }
func (c *clickhouseServer) HTTPAddr() string   { return c.http }
func (c *clickhouseServer) User() string       { return c.user }
func (c *clickhouseServer) Password() string   { return c.password }
func (c *clickhouseServer) Version() string    { return c.version }
func (c *clickhouseServer) Legacy() bool       { return strings.HasPrefix(c.version, "18.") }

func (c *clickhouseServer) Protocol() string { return cmp.Or(c.protocol, ProtocolNative) }

func (c *clickhouseServer) Addr() string {
	if c.Protocol() == ProtocolHTTP {
		return c.http
	}
	return c.native
}

func (c *clickhouseServer) TLSAddr() string {
	if c.Protocol() == ProtocolHTTP {
		return c.secure
	}
	return cmp.Or(c.secureNative, c.secure)
}

// OverNative is the same running server with the native protocol as that of
// Protocol, Addr and TLSAddr. It is ch itself for a server whose protocol that
// is. Either may be stopped, started and closed, for both.
func OverNative(ch ClickHouse) ClickHouse {
	c, ok := ch.(*clickhouseServer)
	if !ok || c.Protocol() == ProtocolNative {
		return ch
	}
	view := *c
	view.protocol = ProtocolNative
	return &view
}

func (c *clickhouseServer) Exec(ctx context.Context, sql string) error {
	_, err := c.post(ctx, sql)
	return err
}

func (c *clickhouseServer) Query(ctx context.Context, sql string) ([][]string, error) {
	body, err := c.post(ctx, sql)
	if err != nil {
		return nil, err
	}
	return parseTSV(body), nil
}

// httpClient keeps no connection open, so that none breaks on a restart and none leaks.
var httpClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func (c *clickhouseServer) post(ctx context.Context, sql string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+c.http+"/?default_format=TabSeparated", strings.NewReader(sql))
	if err != nil {
		return "", fmt.Errorf("asking ClickHouse: %w", err)
	}
	req.SetBasicAuth(c.user, c.password)
	resp, err := httpClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking ClickHouse: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("reading ClickHouse's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("asking ClickHouse: HTTP %d: %s", resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}

// ping is nil when both interfaces answer.
func (c *clickhouseServer) ping(ctx context.Context) error {
	if c.native != "" {
		if err := dial(ctx, c.native); err != nil {
			return err
		}
	}
	return c.Exec(ctx, "SELECT 1")
}

func (c *clickhouseServer) Stall() error {
	if c.proc == nil {
		return ErrNotOurs
	}
	return c.proc.stall()
}

func (c *clickhouseServer) Continue() error {
	if c.proc == nil {
		return ErrNotOurs
	}
	return c.proc.signal(signalContinue)
}

func (c *clickhouseServer) Stop() error {
	if c.proc == nil {
		return ErrNotOurs
	}
	return c.proc.stop()
}

func (c *clickhouseServer) Kill() error {
	if c.proc == nil {
		return ErrNotOurs
	}
	return c.proc.kill()
}

func (c *clickhouseServer) Start(ctx context.Context) error {
	if c.proc == nil {
		return ErrNotOurs
	}
	return c.proc.start(ctx)
}

func (c *clickhouseServer) Close() error {
	if c.proc == nil {
		return nil
	}
	if c.keepDir {
		return c.proc.stop()
	}
	return errors.Join(c.proc.kill(), removeAll(c.dir)) // nothing to keep, so nothing to end in order
}
