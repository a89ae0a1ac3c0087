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
	if strings.Contains(value, "consumer_group:") {
		delete(values, "consumer_group")
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
	{"short commit period", "commit_period", "99ms", "commit_period (99ms) must be at least 100ms"},
	{"session timeout", "session_timeout", "-1s", "session_timeout (-1s) must be more than 0"},
	{"rebalance timeout", "rebalance_timeout", "0s", "rebalance_timeout (0s) must be more than 0"},
	{"fetch wait", "fetch_max_wait", "0s", "fetch_max_wait (0s) must be more than 0"},
	{"heartbeat", "heartbeat_interval", "45s", "heartbeat_interval (45s) must be less than session_timeout (45s)"},
	{"batch count", "batch", "{count: 0}", "batch.count (0) must be at least 1"},
	{"batch period", "batch", "{period: 0s}", "batch.period (0s) must be more than 0"},
	{"batch size", "batch", "{byte_size: big}", "batch.byte_size (big) is no size"},
	{"exactly once without a group", "topics", "['t:0']\nexactly_once: true\nconsumer_group: ''", "exactly_once is set while topics name partitions"},
	{"records per message", "records_per_message", "0", "records_per_message (0) must be at least 1"},
	{"framed exactly once", "records_per_message", "10\nexactly_once: true", "exactly_once is set while records_per_message (10)"},
	{"metadata of framed records", "records_per_message", "10\nrecord_metadata: [kafka_key]", "record_metadata is set while records_per_message (10)"},
	{"fetches", "max_concurrent_fetches", "-1", "max_concurrent_fetches (-1) must be 0"},
	{"size", "fetch_max_bytes", "lots", "fetch_max_bytes (lots) is no size"},
	{"record metadata", "record_metadata", "[kafka_lag]", `record_metadata: "kafka_lag" is unknown`},
	{"sasl without user", "sasl", "[{mechanism: PLAIN}]", "sasl: username is empty, which mechanism PLAIN needs"},
	{"sasl without token", "sasl", "[{mechanism: OAUTHBEARER}]", "sasl: token is empty"},
	{"sasl mechanism", "sasl", "[{mechanism: GSSAPI, username: a}]", "GSSAPI"},
	{"start offset", "start_offset", "middle", "middle"},
	{"start timestamp", "start_timestamp", "yesterday", "start_timestamp (yesterday) is no time"},
	{"isolation", "transaction_isolation_level", "serializable", "serializable"},
	{"protocol", "group_protocol", "raft", "raft"},
	{"balancer", "group_balancers", "[fair]", `group_balancers: "fair" is unknown`},
	{"no balancer", "group_balancers", "[]", "group_balancers is empty"},
	{"lag period", "topic_lag_refresh_period", "0s", "topic_lag_refresh_period (0s) must be more than 0"},
	{"request timeout", "request_timeout_overhead", "0s", "request_timeout_overhead (0s) must be more than 0"},
	{"idle timeout", "conn_idle_timeout", "0s", "conn_idle_timeout (0s) must be more than 0"},
	{"exactly once by a pattern", "topics", "[]\nexactly_once: true\nregexp_topics_include: [a]", "exactly_once is set while topics are given by regular expressions"},
	{"topics twice", "regexp_topics_include", "[a]", "topics and regexp_topics_include are both set"},
	{"bad include", "topics", "[]\nregexp_topics_include: ['a(']", `topics: "a(" is no valid regular expression`},
	{"bad exclude", "topics", "[]\nregexp_topics_include: [a]\nregexp_topics_exclude: ['b(']", `regexp_topics_exclude: "b(" is no valid regular expression`},
	{"exclude alone", "regexp_topics_exclude", "[a]", "regexp_topics_exclude is set without regexp_topics_include"},
	{"group and partitions", "topics", "['foo:0']", "consumer_group (data-bridge) is set while topics name partitions"},
	{"no partition", "topics", "['foo:x']\nconsumer_group: ''", `topics: "foo:x" names no partition`},
	{"no offset", "topics", "['foo:1:x']\nconsumer_group: ''", `topics: "foo:1:x" names no partition`},
	{"no topic", "topics", "[':1']\nconsumer_group: ''", `topics: ":1" names no partition`},
	{"range upside down", "topics", "['foo:0','bar:1,5-3']\nconsumer_group: ''", `topics: "5-3" names no partition`},
	{"some partitions", "topics", "['foo:1','bar']\nconsumer_group: ''", `topics: "bar" names no partition, while others do`},
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
			conf, err := spec().ParseYAML(yamlWith(test.key, test.value), nil)
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
		yamlWith("topics", "['foo:0,1, 2-5','bar:7:1000']\nconsumer_group: ''"),
		yamlWith("topics", "[]\nregexp_topics_include: ['^market\\.']\nregexp_topics_exclude: ['\\.test$']"),
		yamlWith("group_balancers", "[range, sticky]\ngroup_protocol: consumer"),
		yamlWith("start_timestamp", "'2026-01-31T00:00:00.5+02:00'"),
	} {
		require.Empty(t, lintOf(t, yaml))
		conf, err := spec().ParseYAML(yaml, nil)
		require.NoError(t, err)
		_, err = newFromConfig(conf, service.MockResources())
		require.NoError(t, err)
	}
}

func TestDefaults(t *testing.T) {
	conf, err := spec().ParseYAML(yamlWith("", ""), nil)
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

func TestTopicsWithPartitions(t *testing.T) {
	set, err := parsePartitions([]string{"foo:0", "1", "3-5", "bar:7:1000", "8"})
	require.NoError(t, err)
	require.Equal(t, partitionSet{
		{"foo", 0}: startDefault, {"foo", 1}: startDefault, {"foo", 3}: startDefault, {"foo", 4}: startDefault, {"foo", 5}: startDefault,
		{"bar", 7}: 1000, {"bar", 8}: startDefault,
	}, set)
	require.Equal(t, []string{"bar", "foo"}, set.topics())

	for _, bad := range [][]string{{"1"}, {"foo:5-3"}, {"foo:0-999999999"}, {"foo:"}, {"foo:1:"}, {"foo:1:2:3"}, {"f oo:1"}, {"foo:-1"}} {
		_, err := parsePartitions(bad)
		require.ErrorContains(t, err, bad[0])
	}
}
