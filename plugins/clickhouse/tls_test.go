package clickhouse

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Both engines over TLS, with certificates of an authority of the test's, and
// with one asked of the client.
func TestTLS(t *testing.T) {
	authority, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	stranger, err := stack.NewAuthority(t.TempDir())
	require.NoError(t, err)
	serverCert, serverKey, err := authority.Issue("server", "localhost", "clickhouse.test")
	require.NoError(t, err)
	clientCert, clientKey, err := authority.Issue("client")
	require.NoError(t, err)
	opts := stack.ClickHouseOptions{
		Password: "geheim",
		TLS:      &stack.ServerTLS{Cert: serverCert, Key: serverKey, ClientCA: authority.CertFile()},
	}
	shown := fmt.Sprintf("client_certs: [{cert_file: %s, key_file: %s}]", clientCert, clientKey)
	trusting := func(a *stack.Authority) string { return "root_cas_file: " + a.CertFile() }

	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		t.Run(kind, func(t *testing.T) {
			server := startServer(t, kind, opts)
			t.Cleanup(func() { require.NoError(t, server.Close()) })
			table := newTable(t, server, "id UInt8")
			_, port, err := net.SplitHostPort(server.TLSAddr())
			require.NoError(t, err)
			yaml := func(host, tls, more string) string {
				return fmt.Sprintf("addresses: ['%s:%s']\nprotocol: %s\npassword: geheim\ntable: %s\ndead_letter: {drop: {}}\ntls: {enabled: true, %s}\n%s",
					host, port, server.Protocol(), table, tls, more)
			}
			for name, good := range map[string]string{
				"host of the address": yaml("localhost", trusting(authority)+", "+shown, ""),
				"name of its own":     yaml("127.0.0.1", trusting(authority)+", "+shown, "tls_server_name: clickhouse.test"),
				"unverified":          yaml("127.0.0.1", "skip_cert_verify: true, "+shown, ""),
			} {
				t.Run(name, func(t *testing.T) {
					out := open(t, good)
					require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`)))
				})
			}
			require.Equal(t, "3", query(t, server, "SELECT count() FROM default."+table)[0][0])
			for name, bad := range map[string]struct{ yaml, message string }{
				"unknown authority": {yaml("localhost", trusting(stranger)+", "+shown, ""), "certificate signed by unknown authority"},
				"other host":        {yaml("127.0.0.1", trusting(authority)+", "+shown, ""), "127.0.0.1"},
				"other name":        {yaml("localhost", trusting(authority)+", "+shown, "tls_server_name: other.test"), "not other.test"},
				"no certificate":    {yaml("localhost", trusting(authority), ""), "tls: "},
			} {
				t.Run(name, func(t *testing.T) {
					err := connectError(t, bad.yaml)
					t.Log(err)
					require.ErrorContains(t, err, "clickhouse.addresses: cannot reach ClickHouse on ")
					require.ErrorContains(t, err, " with tls: ")
					require.ErrorContains(t, err, bad.message)
					require.NotContains(t, err.Error(), "geheim")
				})
			}
		})
	}
}
