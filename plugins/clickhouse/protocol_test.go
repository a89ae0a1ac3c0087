package clickhouse

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Whoever names the port of the other protocol is told so, by what the server says.
func TestTheWrongProtocolIsNamed(t *testing.T) {
	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		server := stack.Shared.ClickHouse(t, kind)
		yaml := func(address, protocol string) string {
			return strings.Replace(strings.Replace(yamlFor(t, server, "nothing", ""), server.Addr(), address, 1), "protocol: "+server.Protocol(), "protocol: "+protocol, 1)
		}
		for protocol, address := range otherPorts(server) {
			want := "this is a port for HTTP: use protocol: http"
			if protocol == protocolHTTP {
				want = "this is not a port for HTTP: use protocol: native"
			}
			require.ErrorContains(t, connectError(t, yaml(address, protocol)+""), want, kind)
		}
		require.NotContains(t, connectError(t, yaml("127.0.0.1:1", protocolNative)).Error(), "this is", "nobody is there")
	}
}

// otherPorts are the addresses of a server's ports, by the protocol that they do not speak.
func otherPorts(server stack.ClickHouse) map[string]string {
	if s, ok := server.(stack.FaultyClickHouse); ok {
		return map[string]string{protocolNative: s.HTTPAddr(), protocolHTTP: s.NativeAddr()}
	}
	if server.Protocol() == protocolNative {
		return map[string]string{protocolHTTP: server.Addr()}
	}
	return map[string]string{protocolNative: server.Addr()}
}
