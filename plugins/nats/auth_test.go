package nats

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// delivers proves that the rig's input connects, and hands over what its
// publisher sends; without a publisher it sends by the input's own connection.
func (r *rig) delivers() {
	r.t.Helper()
	connect(r.t, r.in)
	if r.pub == nil {
		r.pub = r.in.session.conn
	}
	r.publish("feed.a", 0, 5)
	assert.Equal(r.t, numbers(0, 5), r.readN(5))
	assert.True(r.t, linkIs(r, true)())
	results := r.in.ConnectionTest(context.Background())
	require.Len(r.t, results, 1)
	require.NoError(r.t, results[0].Err)
}

// isRefused proves that the server does not let the rig's input in.
func (r *rig) isRefused(want string) {
	r.t.Helper()
	require.ErrorContains(r.t, r.in.Connect(context.Background()), want)
	assert.False(r.t, r.figures.Link.State().Connected)
	results := r.in.ConnectionTest(context.Background())
	require.Len(r.t, results, 1)
	require.ErrorContains(r.t, results[0].Err, want)
}

func TestNKeys(t *testing.T) {
	t.Parallel()
	known, stranger := nkeyFile(t), nkeyFile(t)
	s := startServer(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: known.public}} })
	newRig(t, s, "auth: {nkey_file: "+known.path+"}").delivers()
	r := newRig(t, s, "auth: {nkey_file: "+stranger.path+"}")
	r.isRefused("Authorization Violation")
	assert.NotContains(t, r.log.String(), stranger.seed)
}

type nkey struct{ path, public, seed string }

func nkeyFile(t *testing.T) nkey {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "user.nk")
	require.NoError(t, os.WriteFile(path, seed, 0o600))
	return nkey{path: path, public: public, seed: string(seed)}
}

// An operator signs accounts, an account signs users: the server knows the
// operator alone.
func TestJWTCredentials(t *testing.T) {
	t.Parallel()
	operator, account, other := keyPair(t, nkeys.CreateOperator), keyPair(t, nkeys.CreateAccount), keyPair(t, nkeys.CreateAccount)
	resolver := &server.MemAccResolver{}
	accountJWT, err := jwt.NewAccountClaims(public(t, account)).Encode(operator)
	require.NoError(t, err)
	require.NoError(t, resolver.Store(public(t, account), accountJWT))
	s := startServer(t, func(o *server.Options) {
		o.TrustedKeys = []string{public(t, operator)}
		o.AccountResolver = resolver
	})
	newRig(t, s, "auth: {user_credentials_file: "+credentials(t, account)+"}").delivers()
	newRig(t, s, "auth: {user_credentials_file: "+credentials(t, other)+"}").isRefused("Authorization Violation")
	newRig(t, s, "").isRefused("Authorization Violation")
}

func keyPair(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	pair, err := create()
	require.NoError(t, err)
	return pair
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	require.NoError(t, err)
	return key
}

// credentials is the file of a new user of an account.
func credentials(t *testing.T, account nkeys.KeyPair) string {
	t.Helper()
	user := keyPair(t, nkeys.CreateUser)
	token, err := jwt.NewUserClaims(public(t, user)).Encode(account)
	require.NoError(t, err)
	seed, err := user.Seed()
	require.NoError(t, err)
	creds, err := jwt.FormatUserConfig(token, seed)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "user.creds")
	require.NoError(t, os.WriteFile(path, creds, 0o600))
	return path
}

func TestTLSWithClientCertificates(t *testing.T) {
	t.Parallel()
	authority, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	cert, key, err := authority.Issue("server", "127.0.0.1")
	require.NoError(t, err)
	s := startServer(t, func(o *server.Options) {
		conf, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: authority.CertFile(), Verify: true})
		require.NoError(t, err)
		o.TLSConfig, o.TLSVerify, o.TLSTimeout = conf, true, patience.Seconds()
	})
	cert, key, err = authority.Issue("client")
	require.NoError(t, err)
	trust := "tls: {enabled: true, root_cas_file: " + authority.CertFile()
	newRig(t, s, fmt.Sprintf("%s, client_certs: [{cert_file: %s, key_file: %s}]}", trust, cert, key)).delivers()
	newRig(t, s, trust+"}").isRefused("connecting to")
	newRig(t, s, "tls: {enabled: true}").isRefused("certificate")
}

func TestReconnectOptionsReachTheClient(t *testing.T) {
	t.Parallel()
	r := newRig(t, startServer(t), "reconnect_wait: 3s\nreconnect_jitter: 700ms")
	connect(t, r.in)
	o := r.in.session.conn.Opts
	assert.Equal(t, 3*time.Second, o.ReconnectWait)
	assert.Equal(t, 700*time.Millisecond, o.ReconnectJitter)
	assert.Equal(t, 700*time.Millisecond, o.ReconnectJitterTLS)
	assert.Equal(t, -1, o.MaxReconnect, "attempts go on for ever")
	assert.Equal(t, pingInterval, o.PingInterval)
	assert.NotEqual(t, nats.DefaultReconnectWait, o.ReconnectWait)
}
