package clickhouse

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
)

func TestSecretsStayOutOfErrors(t *testing.T) {
	c := config{serverConfig: serverConfig{shards: [][]string{{"h:9000"}}, server: server.Config{Username: "u", Password: server.Text("geheim/ nis"), JWT: server.Text("ey.token")}}}
	for _, text := range []string{"dial http://u:geheim%2F%20nis@h:9000: refused", "geheim/ nis is wrong", "?password=geheim%2F+nis", "Bearer ey.token"} {
		for _, err := range []error{errors.New(text), &server.Exception{Code: 193, Message: text}} {
			require.NotContains(t, c.explain(err).Error(), "geheim")
			require.NotContains(t, c.explain(err).Error(), "ey.token")
		}
	}
}

func TestExplain(t *testing.T) {
	servers := serverConfig{shards: [][]string{{"127.0.0.1:9000"}}, server: server.Config{Database: "market", Username: "u"}}
	c := config{serverConfig: servers, namer: tableNamer{parts: []namePart{{text: "tiks"}}}}
	for code, want := range map[int]string{
		60:  `clickhouse.table: table "market.tiks" does not exist on 127.0.0.1:9000; create it or correct the name`,
		81:  `clickhouse.database: database "market" does not exist on 127.0.0.1:9000; create it or correct the name`,
		193: `clickhouse.username and clickhouse.password: 127.0.0.1:9000 refuses user "u"`,
	} {
		require.ErrorContains(t, c.explain(&server.Exception{Code: code}), want)
	}
	require.ErrorContains(t, c.explain(io.EOF), "clickhouse.addresses: cannot reach ClickHouse on 127.0.0.1:9000 by the native protocol without tls")
	require.EqualError(t, c.explain(server.ErrSchemaChanged), "clickhouse on 127.0.0.1:9000: "+server.ErrSchemaChanged.Error(), "a server that was reached")
	c.jwt = "token"
	require.ErrorContains(t, c.explain(&server.Exception{Code: 516}), "clickhouse.jwt: 127.0.0.1:9000 refuses the token")
}

// The error of several replicas gives each one's reason.
func TestExplainSeveral(t *testing.T) {
	c := config{serverConfig: serverConfig{shards: [][]string{{"a:1", "b:2"}}, sharded: true, server: server.Config{Username: "u", Password: server.Text("geheim")}}}
	err := c.explain(server.Refusals{
		&server.DialError{Address: "a:1", Err: io.EOF},
		&server.DialError{Address: "b:2", Err: &server.Exception{Code: 516, Message: "geheim"}},
	})
	require.EqualError(t, err, "clickhouse.shards: cannot reach ClickHouse on a:1 by the native protocol without tls: EOF; "+
		`clickhouse.username and clickhouse.password: b:2 refuses user "u"; correct the name, the password or the user's rights: code: 516, message: ***`)
}
