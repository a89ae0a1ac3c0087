package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// A password is whatever the variable has: signs of YAML, of variables, quotes and
// backslashes reach the servers as they are, by lint, doctor and run.
func TestAwkwardPasswordsReachTheirServers(t *testing.T) {
	const password = ` p "q" 's' \n a: b #c ${x} ${{y}} `
	ch, err := stack.StartClickHouse(within(t), stack.KindLegacy, stack.ClickHouseOptions{Password: password})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ch.Close()) })
	require.NoError(t, stack.ApplySQL(within(t), ch, "config/sql"))
	nats, err := stack.StartNATS(stack.NATSOptions{User: "bridge", Password: password})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, nats.Close()) })
	r := newRigOn(t, nats, ch)
	r.env["NATS_USER"], r.env["NATS_PASSWORD"], r.env["CLICKHOUSE_PASSWORD"] = "bridge", password, password
	for _, args := range [][]string{{"lint"}, {"doctor", "--wait", "10ms"}} {
		b := startBridge(t, binary, "", r.env, append(args, filepath.Join(root, bridgeYAML))...)
		assert.Zero(t, b.exitCode(), b.Tail(100))
		assert.NotContains(t, b.Tail(100), "error ")
	}
	b := r.start(nil).ready()
	b.until("its output is connected", func(h harness.Health) bool { return h.Outputs["clickhouse"].Connected })
}

// What is no number or no switch is refused with the field and the value, whatever it
// means in YAML.
func TestVariablesThatAreNoNumbersAreRefusedByName(t *testing.T) {
	config := filepath.Join(root, bridgeYAML)
	for variable, field := range map[string]string{
		"INPUT_BATCH_COUNT": "'count'", "MAX_BUFFER_SIZE": "'max_buffer_size'", "BATCH_COUNT": "'count'", "CLICKHOUSE_MAX_IN_FLIGHT": "clickhouse.max_in_flight",
		"BACKPRESSURE_ENABLED": "'enabled'", "STATUS_ENABLED": "'enabled'", "ADMIN_ENABLED": "'enabled'",
	} {
		for _, value := range []string{"abc #def", "a: b", "*star", "{x"} {
			b := startBridge(t, plain, "", env{variable: value, "HTTP_ADDRESS": freeAddress(t), "STATUS_ADDRESS": freeAddress(t)}, "run", config)
			assert.NotZero(t, b.exitCode())
			_, why, _ := strings.Cut(b.Tail(100), "service closing due to: ")
			assert.Contains(t, why, field, "%s=%q", variable, value)
			assert.Contains(t, why, value, "%s=%q", variable, value)
		}
	}
}
