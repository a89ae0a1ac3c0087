package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
)

// secret begins every secret of the test, so that one search finds any.
const secret = "s3cr3t"

// No password and no token is in the log, at its most talkative, nor in what the
// bridge serves: neither where a server is not there nor where it says no.
func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	shipped, err := os.ReadFile(filepath.Join(root, bridgeYAML))
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "bridge.yaml")
	text := strings.Replace(string(shipped), "pausable_kafka:\n", "pausable_kafka:\n          sasl: [{mechanism: PLAIN, username: feed, password: "+secret+"-kafka}]\n", 1)
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	common := env{
		"CLICKHOUSE_PASSWORD": secret + "-clickhouse/+%", "ADMIN_ENABLED": "true", "ADMIN_TOKEN": secret + "-admin",
		"LOG_LEVEL": "TRACE",
	}
	nowhere := freeAddress(t)
	for name, vars := range map[string]env{
		"not there": {"NATS_URLS": "nats://feed:" + secret + "-url@" + nowhere, "KAFKA_BROKERS": nowhere, "CLICKHOUSE_ADDRESSES": nowhere},
		"not there, by HTTP": {
			"NATS_URLS": "nats://" + nowhere, "NATS_USER": "feed", "NATS_PASSWORD": secret + "-nats",
			"KAFKA_BROKERS": nowhere, "CLICKHOUSE_ADDRESSES": nowhere, "CLICKHOUSE_PROTOCOL": "http",
		},
		"says no": {"NATS_URLS": strings.Replace(r.nats.URL(), "nats://", "nats://feed:"+secret+"-url@", 1), "CLICKHOUSE_USERNAME": "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := env{"STATUS_ADDRESS": freeAddress(t), "HTTP_ADDRESS": freeAddress(t), "SHUTDOWN_TIMEOUT": "5s"}
			for _, m := range []env{r.env, common, vars} {
				for k, v := range m {
					all[k] = v
				}
			}
			b := startBridge(t, binary, all["STATUS_ADDRESS"], all, "run", config)
			b.until("its troubles show", func(h harness.Health) bool { return h.Service != "" && !h.Outputs["clickhouse"].Connected })
			b.awaitNth("Failed to connect", 3)
			b.beats(2)
			for _, page := range []string{all["STATUS_ADDRESS"] + "/health", all["STATUS_ADDRESS"] + "/pauses", all["HTTP_ADDRESS"] + "/metrics"} {
				assert.NotContains(t, fetch(t, page), secret, page)
			}
			b.terminate()
			b.exitCode()
			lines := b.Lines()
			assert.Greater(t, len(lines), 20)
			for _, l := range lines {
				assert.NotContains(t, l.Raw, secret)
			}
		})
	}
}
