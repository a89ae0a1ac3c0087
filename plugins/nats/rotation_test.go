package nats

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// client is the only connection of a server, as the server sees it.
func client(t testing.TB, s *server.Server) *server.ConnInfo {
	t.Helper()
	z, err := s.Connz(&server.ConnzOptions{Username: true})
	require.NoError(t, err)
	if len(z.Conns) == 0 {
		return nil
	}
	return z.Conns[0]
}

// cut ends the connection and waits for the next, which is another client.
func (r *rig) cut(s *server.Server) {
	r.t.Helper()
	old := client(r.t, s).Cid
	require.NoError(r.t, s.DisconnectClientByID(old))
	eventually(r.t, func() bool { c := client(r.t, s); return c != nil && c.Cid != old }, func() string { return r.log.String() })
	conn := r.in.session.conn
	eventually(r.t, func() bool { return conn.IsConnected() && conn.FlushTimeout(patience) == nil }, func() string { return r.log.String() })
}

func overwrite(t testing.TB, path, with string) {
	t.Helper()
	data, err := os.ReadFile(with)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// readInBackground does what the host does: it reads, and connects again when it
// is told to.
func (r *rig) readInBackground() {
	ctx := r.t.Context()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, _, err := r.in.ReadBatch(ctx); err != nil && ctx.Err() == nil {
				_ = r.in.Connect(ctx)
			}
		}
	}()
	r.t.Cleanup(func() { <-done })
}

func TestANewKeyIsUsedByTheNextConnection(t *testing.T) {
	t.Parallel()
	before, after := nkeyFile(t), nkeyFile(t)
	var opts *server.Options
	s := startServer(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: before.public}}; opts = o })
	path := filepath.Join(t.TempDir(), "user.nk")
	overwrite(t, path, before.path)
	next := opts.Clone()
	r := newRig(t, s, "auth: {nkey_file: "+path+"}")
	connect(t, r.in)
	assert.Equal(t, before.public, client(t, s).AuthorizedUser)
	r.readInBackground()
	overwrite(t, path, after.path)
	next.Nkeys = []*server.NkeyUser{{Nkey: after.public}}
	require.NoError(t, s.ReloadOptions(next)) // it sends away who is no user any more
	eventually(t, func() bool { c := client(t, s); return c != nil && c.AuthorizedUser == after.public }, func() string { return r.log.String() })
	eventually(t, linkIs(r, true), linkState(r))
}

func TestNewCredentialsAreUsedByTheNextConnection(t *testing.T) {
	t.Parallel()
	operator, account := keyPair(t, nkeys.CreateOperator), keyPair(t, nkeys.CreateAccount)
	resolver := &server.MemAccResolver{}
	accountJWT, err := jwt.NewAccountClaims(public(t, account)).Encode(operator)
	require.NoError(t, err)
	require.NoError(t, resolver.Store(public(t, account), accountJWT))
	s := startServer(t, func(o *server.Options) {
		o.TrustedKeys = []string{public(t, operator)}
		o.AccountResolver = resolver
	})
	path := credentials(t, account)
	r := newRig(t, s, "auth: {user_credentials_file: "+path+"}")
	connect(t, r.in)
	before := client(t, s).AuthorizedUser
	overwrite(t, path, credentials(t, account))
	r.cut(s)
	assert.NotEqual(t, before, client(t, s).AuthorizedUser)
}

func TestNewCertificatesAreUsedByTheNextConnection(t *testing.T) {
	t.Parallel()
	authority, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	other, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	cert, key, err := authority.Issue("server", "127.0.0.1")
	require.NoError(t, err)
	options := func(cert, key, ca string) func(o *server.Options) {
		return func(o *server.Options) {
			conf, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: ca, Verify: true})
			require.NoError(t, err)
			o.TLSConfig, o.TLSVerify, o.TLSTimeout = conf, true, patience.Seconds()
		}
	}
	s := startServer(t, onPortOfItsOwn(t), options(cert, key, authority.CertFile()))
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	install := func(a *stack.Authority, name string) {
		cert, key, err := a.Issue(name)
		require.NoError(t, err)
		overwrite(t, path("cert"), cert)
		overwrite(t, path("key"), key)
		overwrite(t, path("ca"), a.CertFile())
	}
	install(authority, "client")
	r := newRig(t, s, fmt.Sprintf("tls: {enabled: true, root_cas_file: %s, client_certs: [{cert_file: %s, key_file: %s}]}", path("ca"), path("cert"), path("key")))
	connect(t, r.in)
	before := client(t, s).TLSPeerCerts[0].CertSha256
	install(authority, "renewed")
	r.cut(s)
	assert.NotEqual(t, before, client(t, s).TLSPeerCerts[0].CertSha256)

	// A server of another authority takes its place, and is trusted, since its
	// certificate is in the file by now.
	cert, key, err = other.Issue("server", "127.0.0.1")
	require.NoError(t, err)
	install(other, "client")
	samePort := onPortOf(s)
	stopServer(s)
	s = startServer(t, samePort, options(cert, key, other.CertFile()))
	eventually(t, func() bool { return client(t, s) != nil }, func() string { return r.log.String() })
}

// One cut costs no wait; a second one just after it does.
func TestReconnectsAtOnceAfterACut(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	r := connected(t, s, "reconnect_wait: 1h")
	r.publish("feed.a", 0, 1)
	assert.Equal(t, numbers(0, 1), r.readN(1))
	conn := r.in.session.conn
	id, err := conn.GetClientID()
	require.NoError(t, err)
	require.NoError(t, s.DisconnectClientByID(id))
	r.log.awaitLine(t, "NATS connection is back")
	require.NoError(t, r.in.session.flush(t.Context()))
	r.publish("feed.a", 1, 2)
	assert.Equal(t, numbers(1, 2), r.readN(1))
	l := r.in.session.connection
	assert.GreaterOrEqual(t, l.delay(r.in.conf.connection, 1), r.in.conf.connection.reconnectWait)
}
