package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// A password in a file is read for each connection: a new one is used without a
// restart, and none of them is in an error.
func TestAPasswordOfAFileIsReadAgain(t *testing.T) {
	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		server, err := stack.StartClickHouse(t.Context(), kind, stack.ClickHouseOptions{Password: "geheim"})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Close()) })
		for name, http := range map[string]bool{" native": false, " http": true} {
			t.Run(kind+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "password")
				write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
				d := door{server, http}
				cfg := d.config()
				cfg.Password = File(path)
				r := replicaAt(t, cfg, d.address())
				err := r.Ping(t.Context())
				require.ErrorIs(t, err, os.ErrNotExist)
				require.Equal(t, Retry, Classify(err), "nothing was sent")
				write("falsch")
				err = r.Ping(t.Context())
				require.Error(t, err)
				require.NotContains(t, cfg.Redact(err).Error(), "falsch")
				require.Equal(t, []string{"falsch"}, cfg.Password.seen())
				write("geheim\n")
				require.NoError(t, r.Ping(t.Context()))
			})
		}
	}
}

// Certificates are asked for with each connection.
func TestCertificatesAreReadForEachConnection(t *testing.T) {
	authority, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	stranger, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	cert, key, err := authority.Issue("server", "localhost")
	require.NoError(t, err)
	clientCert, clientKey, err := authority.Issue("client")
	require.NoError(t, err)
	pool := func(a *stack.Authority) *x509.CertPool {
		pem, err := os.ReadFile(a.CertFile())
		require.NoError(t, err)
		p := x509.NewCertPool()
		require.True(t, p.AppendCertsFromPEM(pem))
		return p
	}
	client, err := tls.LoadX509KeyPair(clientCert, clientKey)
	require.NoError(t, err)
	server, err := stack.StartClickHouse(t.Context(), stack.KindChDB, stack.ClickHouseOptions{
		TLS: &stack.ServerTLS{Cert: cert, Key: key, ClientCA: authority.CertFile()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	for name, s := range map[string]stack.ClickHouse{"native": stack.OverNative(server), "http": server} {
		t.Run(name, func(t *testing.T) {
			_, port, err := net.SplitHostPort(s.TLSAddr())
			require.NoError(t, err)
			var current atomic.Pointer[tls.Config]
			cfg := door{s, name == "http"}.config()
			cfg.TLS = func() (*tls.Config, error) { return current.Load(), nil }
			r := replicaAt(t, cfg, net.JoinHostPort("localhost", port))
			current.Store(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool(stranger), Certificates: []tls.Certificate{client}})
			require.ErrorContains(t, r.Ping(t.Context()), "unknown authority")
			current.Store(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool(authority)})
			require.Error(t, r.Ping(context.WithoutCancel(t.Context())), "no certificate of the client's")
			current.Store(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool(authority), Certificates: []tls.Certificate{client}})
			require.NoError(t, r.Ping(t.Context()))
		})
	}
}
