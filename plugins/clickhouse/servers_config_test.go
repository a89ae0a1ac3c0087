package clickhouse

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

const (
	rest    = "\ntable: t\ndead_letter: {drop: {}}\n"
	sharded = "shards: [{addresses: [a:1]}, {addresses: ['b:1, b:2']}]" + rest
)

// bad configurations of the servers, with the words that both the linter and
// the constructor must find.
var badServers = map[string]struct{ yaml, message string }{
	"no address at all":       {rest, "addresses is empty"},
	"no address in a list":    {"addresses: []" + rest, "addresses is empty"},
	"no port":                 {"addresses: [localhost]" + rest, `"localhost" is not host:port`},
	"no port in an item":      {"addresses: ['a:1, localhost']" + rest, `is not host:port`},
	"an address twice":        {"addresses: [a:1, b:1, a:1]" + rest, "twice"},
	"addresses and shards":    {"addresses: [c:1]\nshard_by: x\n" + sharded, "addresses and shards are both set"},
	"no address in a shard":   {"shard_by: x\nshards: [{addresses: []}]" + rest, "addresses is empty"},
	"no port in a shard":      {"shard_by: x\nshards: [{addresses: [a:1]}, {addresses: [b]}]" + rest, `"b" is not host:port`},
	"shards, nothing by":      {sharded, "shard_by is missing"},
	"something by, no shards": {minimal + "shard_by: symbol", `shard_by is "symbol"`},
	"name without TLS":        {minimal + "tls_server_name: ch", `tls_server_name is "ch", but tls.enabled is false`},
	"jwt without TLS":         {minimal + "jwt: ey", "jwt is set, but tls.enabled is false"},
	"jwt and password":        {minimal + "tls: {enabled: true}\njwt: ey\npassword: x", "jwt is set together with username or password"},
	"jwt and user":            {minimal + "tls: {enabled: true}\njwt: ey\nusername: x", "jwt is set together with username or password"},
	"dial timeout":            {minimal + "dial_timeout: 0s", "dial_timeout is 0s"},
	"read timeout":            {minimal + "read_timeout: -1s", "read_timeout is -1s"},
	"insert timeout":          {minimal + "insert_timeout: 0s", "insert_timeout is 0s"},
	"load balancing":          {minimal + "load_balancing: nearest", "value nearest is not a valid option"},
	"compression":             {minimal + "compression: gzip", "value gzip is not a valid option"},
	"settings":                {minimal + "settings: [a]", "object"},
	"no acknowledgement":      {minimal + "settings: {wait_for_async_insert: 0}", "settings.wait_for_async_insert is off: inserts are answered before they are stored"},
	"password and file":       {minimal + "password: x\npassword_file: /x", "password is set together with password_file"},
	"jwt and file":            {minimal + "tls: {enabled: true}\njwt: x\njwt_file: /x", "jwt is set together with jwt_file"},
	"jwt file without TLS":    {minimal + "jwt_file: /x", "jwt_file is \"/x\", but tls.enabled is false"},
}

func TestBadServersAreLinted(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for name, c := range badServers {
		t.Run(name, func(t *testing.T) {
			lints, err := linter.LintOutputYAML([]byte(underPlugin(c.yaml)))
			require.NoError(t, err)
			require.NotEmpty(t, lints)
			require.Contains(t, lints[0].Error(), c.message)
		})
	}
}

func TestBadServersAreRefusedAtConstruction(t *testing.T) {
	words := map[string]string{ // where they differ from the linter's
		"load balancing": "", "compression": "", "no acknowledgement": "", // the host's linter alone looks at these
		"settings":                "settings",
		"no address at all":       "addresses: is empty",
		"no address in a list":    "addresses: is empty",
		"no address in a shard":   "shards.0.addresses: is empty",
		"no port in a shard":      "shards.1.addresses: \"b\" is not host:port",
		"shards, nothing by":      "shard_by: is missing",
		"something by, no shards": `shard_by: is "symbol"`,
		"name without TLS":        `tls_server_name: is "ch", but tls.enabled is false`,
		"jwt without TLS":         "jwt: is set, but tls.enabled is false",
		"jwt and password":        "jwt: is set together with username or password",
		"password and file":       "password: is set together with password_file",
		"jwt and file":            "jwt: is set together with jwt_file",
		"jwt file without TLS":    "jwt_file: is set, but tls.enabled is false",
		"jwt and user":            "jwt: is set together with username or password",
		"dial timeout":            "dial_timeout: is 0s",
		"read timeout":            "read_timeout: is -1s",
		"insert timeout":          "insert_timeout: is 0s",
	}
	for name, c := range badServers {
		want, differs := words[name]
		if !differs {
			want = c.message
		}
		if want == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			conf, err := spec().ParseYAML(c.yaml, nil)
			if err == nil {
				_, err = newOutput(conf, service.MockResources())
			}
			require.ErrorContains(t, err, want)
		})
	}
}

func parsed(t *testing.T, yaml string) *config {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	c, err := parseConfig(conf)
	require.NoError(t, err)
	return &c
}

func TestGoodServersAreNotLinted(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for _, yaml := range []string{
		"shard_by: '@kafka_partition'\n" + sharded,
		minimal + "load_balancing: random\ncompression: none\nprotocol: http",
		minimal + "tls: {enabled: true}\ntls_server_name: ch.example.com\njwt: ey.token",
		"addresses: ['[::1]:9000', 'a:1,b:2']" + rest,
	} {
		lints, err := linter.LintOutputYAML([]byte(underPlugin(yaml)))
		require.NoError(t, err)
		require.Empty(t, lints, yaml)
	}
}

func TestShards(t *testing.T) {
	c := parsed(t, "shard_by: this.symbol\n"+sharded)
	require.Equal(t, [][]string{{"a:1"}, {"b:1", "b:2"}}, c.shards)
	require.Equal(t, "this.symbol", c.shardBy)
	clusters := (&output{cfg: *c}).newClusters()
	require.Len(t, clusters, 2)
	require.Len(t, clusters[1].Replicas(), 2)
}

func TestServerNameOfTLS(t *testing.T) {
	c := parsed(t, minimal+"tls: {enabled: true}\ntls_server_name: ch.example.com")
	secure, err := c.server.TLS()
	require.NoError(t, err)
	require.Equal(t, "ch.example.com", secure.ServerName)
	require.Nil(t, parsed(t, minimal).server.TLS)
}

func TestACAFileWithoutCertificateIsRefused(t *testing.T) {
	conf, err := spec().ParseYAML(minimal+"tls: {enabled: true, root_cas: nonsense}", nil)
	require.NoError(t, err)
	_, err = parseConfig(conf)
	require.EqualError(t, err, "clickhouse.tls: root_cas or root_cas_file holds no certificate in PEM form")
}
