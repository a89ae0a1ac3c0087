package kafka

import (
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// lintOf lints a config as `data-bridge lint` does.
func lintOf(t *testing.T, yaml string) string {
	t.Helper()
	indented := "pausable_kafka:\n  " + strings.ReplaceAll(strings.TrimSpace(yaml), "\n", "\n  ")
	lints, err := service.NewEnvironment().NewComponentConfigLinter().LintInputYAML([]byte(indented))
	require.NoError(t, err)
	var out []string
	for _, l := range lints {
		out = append(out, l.What)
	}
	return strings.Join(out, "\n")
}

func yamlWith(key, value string) string {
	values := map[string]string{"seed_brokers": "[127.0.0.1:9092]", "topics": "[market.external]", "consumer_group": "data-bridge"}
	if key != "" {
		values[key] = value
	}
	var b strings.Builder
	for k, v := range values {
		b.WriteString(k + ": " + v + "\n")
	}
	return b.String()
}

var badConfigs = []struct{ name, key, value, want string }{
	{"no broker", "seed_brokers", "[]", "seed_brokers is empty"},
	{"broker without port", "seed_brokers", "[kafka]", `seed_brokers: "kafka" is no host:port`},
	{"broker with a scheme", "seed_brokers", "['kafka://a:9092']", `seed_brokers: "kafka://a:9092" is no host:port`},
	{"port out of range", "seed_brokers", "['a:9092,b:65536']", `seed_brokers: "b:65536" is no host:port`},
	{"no topic", "topics", "[]", "topics is empty"},
	{"blank topic", "topics", "['']", "topics is empty"},
	{"bad topic", "topics", "['a,b c']", `topics: "b c" is no topic name`},
	{"pattern without regexp_topics", "topics", "['market.*']", `topics: "market.*" is no topic name`},
	{"bad pattern", "topics", "['market.(']\nregexp_topics: true", `topics: "market.(" is no valid regular expression`},
	{"no group", "consumer_group", "''", "consumer_group is empty"},
	{"commit period", "commit_period", "0s", "commit_period (0s) must be more than 0"},
	{"session timeout", "session_timeout", "-1s", "session_timeout (-1s) must be more than 0"},
	{"rebalance timeout", "rebalance_timeout", "0s", "rebalance_timeout (0s) must be more than 0"},
	{"fetch wait", "fetch_max_wait", "0s", "fetch_max_wait (0s) must be more than 0"},
	{"heartbeat", "heartbeat_interval", "45s", "heartbeat_interval (45s) must be less than session_timeout (45s)"},
	{"batch count", "batch", "{count: 0}", "batch.count (0) must be at least 1"},
	{"fetches", "max_concurrent_fetches", "-1", "max_concurrent_fetches (-1) must be 0"},
	{"size", "fetch_max_bytes", "lots", "fetch_max_bytes (lots) is no size"},
	{"record metadata", "record_metadata", "[kafka_lag]", `record_metadata: "kafka_lag" is unknown`},
	{"sasl without user", "sasl", "[{mechanism: PLAIN}]", "sasl: username is empty, which mechanism PLAIN needs"},
	{"sasl without token", "sasl", "[{mechanism: OAUTHBEARER}]", "sasl: token is empty"},
	{"sasl mechanism", "sasl", "[{mechanism: GSSAPI, username: a}]", "GSSAPI"},
	{"start offset", "start_offset", "middle", "middle"},
}

func TestLintNamesWhatIsWrong(t *testing.T) {
	require.Empty(t, lintOf(t, yamlWith("", "")))
	for _, test := range badConfigs {
		t.Run(test.name, func(t *testing.T) {
			require.Contains(t, lintOf(t, yamlWith(test.key, test.value)), test.want)
		})
	}
}

func TestConstructionNamesWhatIsWrong(t *testing.T) {
	for _, test := range badConfigs {
		t.Run(test.name, func(t *testing.T) {
			conf, err := inputSpec().ParseYAML(yamlWith(test.key, test.value), nil)
			if err == nil {
				_, err = newFromConfig(conf, service.MockResources())
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestLintAcceptsWhatIsRight(t *testing.T) {
	for _, yaml := range []string{
		yamlWith("seed_brokers", "['a:9092, b.example.org:1','[::1]:65535']"),
		yamlWith("topics", "['market.(a|b),?']\nregexp_topics: true"),
		yamlWith("topics", "['a,b']"),
		yamlWith("record_metadata", "[kafka_offset, kafka_key, kafka_timestamp_ms, kafka_timestamp_unix, headers]"),
		yamlWith("sasl", "[{mechanism: SCRAM-SHA-512, username: a, password: b},{mechanism: OAUTHBEARER, token: c}]"),
		yamlWith("fetch_max_bytes", "1.5 MiB"),
		yamlWith("tls", "{enabled: true}"),
	} {
		require.Empty(t, lintOf(t, yaml))
		conf, err := inputSpec().ParseYAML(yaml, nil)
		require.NoError(t, err)
		_, err = newFromConfig(conf, service.MockResources())
		require.NoError(t, err)
	}
}

func TestDefaults(t *testing.T) {
	conf, err := inputSpec().ParseYAML(yamlWith("", ""), nil)
	require.NoError(t, err)
	c, err := parseConfig(conf)
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, c.commitPeriod)
	require.Equal(t, 5000, c.batchCount)
	require.EqualValues(t, 8<<20, c.fetchMaxBytes)
	require.EqualValues(t, 1<<20, c.fetchMaxPartition)
	require.False(t, c.replayNacks)
	require.Nil(t, c.tls)
	require.Empty(t, c.sasl)
}
