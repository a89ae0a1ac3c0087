package secret_test

import (
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/secret"
)

// Secrets are known by their keys, by the schema, and in the user info of URLs.
func TestNoSecretIsLeft(t *testing.T) {
	var root any
	require.NoError(t, yaml.Unmarshal([]byte(`
input:
  http_client:
    url: https://me:geheim-1@host/path
    headers: {Authorization: Bearer geheim-2}
    tls: {client_certs: [{cert: public, key: "geheim-3"}]}
    basic_auth: {enabled: true, username: me, password: 'ge"heim-4'}
output: {drop: {}}
other: {password: 77342, count: 5}
`), &root))
	schema := service.GlobalEnvironment().CoreConfigSchema("", "")
	values := secret.Of(root, schema)
	shown, err := yaml.Marshal(values.Tree(root))
	require.NoError(t, err)
	assert.NotContains(t, string(shown), "heim-")
	assert.Contains(t, string(shown), "https://"+secret.Hidden+"@host/path")
	assert.NotContains(t, string(shown), "77342")
	assert.Contains(t, string(shown), "username: me")
	assert.Contains(t, string(shown), "count: 5")
	assert.Contains(t, string(shown), "cert: public")
	for _, text := range []string{"wrong: geheim-3", `{"password":"ge\"heim-4"}`, `ge%22heim-4`, "nats://a:geheim-9@host"} {
		assert.NotContains(t, values.Text(text), "heim-", text)
	}
}
