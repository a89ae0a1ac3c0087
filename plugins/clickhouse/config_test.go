package clickhouse

import (
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

const minimal = `
addresses: [127.0.0.1:9000]
table: ticks
dead_letter: {drop: {}}
`

func TestDefaults(t *testing.T) {
	conf, err := spec().ParseYAML(minimal, nil)
	require.NoError(t, err)
	c, err := parseConfig(conf)
	require.NoError(t, err)
	require.Equal(t, "ticks", c.namer.literal)
	require.Equal(t, 2, c.maxInFlight)
	require.Equal(t, "100ms", c.backoff.initial.String())
	require.Equal(t, "30s", c.backoff.max.String())
	require.Equal(t, column.Rules{EpochDigits: -1}, c.times)
	require.False(t, c.reject)
}

func TestAddressesMayBeOneValue(t *testing.T) {
	conf, err := spec().ParseYAML("addresses: ['a:1, b:2', '[::1]:3']\ntable: t\ndead_letter: {drop: {}}", nil)
	require.NoError(t, err)
	c, err := parseConfig(conf)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"a:1", "b:2", "[::1]:3"}}, c.shards)
}

func TestRejectIsRecognised(t *testing.T) {
	for yaml, want := range map[string]bool{
		"reject: no":                    true,
		"{type: reject, reject: no}":    true,
		"drop: {}":                      false,
		"fallback: [{reject: no}]":      false,
		"{label: x, reject: 'because'}": true,
	} {
		conf, err := spec().ParseYAML("addresses: [a:1]\ntable: t\ndead_letter:\n  "+yaml, nil)
		require.NoError(t, err, yaml)
		c, err := parseConfig(conf)
		require.NoError(t, err, yaml)
		require.Equal(t, want, c.reject, yaml)
	}
}

// bad configurations, each with the words that its message must hold.
var badConfigs = map[string]struct{ yaml, message string }{
	"no address":             {"addresses: []\ntable: t\ndead_letter: {drop: {}}", "addresses is empty"},
	"no port in a list":      {"addresses: ['a:1, localhost']\ntable: t\ndead_letter: {drop: {}}", `is not host:port`},
	"no port":                {"addresses: [localhost]\ntable: t\ndead_letter: {drop: {}}", `addresses: "localhost" is not host:port`},
	"no table":               {"addresses: [a:1]\ntable: ''\ndead_letter: {drop: {}}", "table"},
	"columns: no name":       {minimal + `columns: [""]`, "one of its items is empty"},
	"columns: twice":         {minimal + "columns: [a, a]", "a column is named twice"},
	"columns: a number":      {minimal + "columns: 5", "columns: is 5, a list of column names or a map of columns"},
	"columns: source number": {minimal + "columns: {a: 5}", "columns.a: is 5, a field path (quote.bid), @metadata or a Bloblang expression in quotes is required"},
	"columns: source empty":  {minimal + `columns: {a: ""}`, "columns.a: is empty"},
	"columns: no expression": {minimal + `columns: {a: "this.x +"}`, `columns.a: "this.x +" is neither a field path nor a Bloblang expression`},
	"no insert slot":         {minimal + "max_in_flight: 0", "max_in_flight is 0, must be at least 1"},
	"interval order":         {minimal + "retry: {initial_interval: 1m, max_interval: 1s}", "initial_interval (1m) is above max_interval (1s)"},
	"interval negative":      {minimal + "retry: {initial_interval: -1s}", "retry.initial_interval is -1s"},
	"retries negative":       {minimal + "retry: {max_retries: -1}", "retry.max_retries is -1"},
	"timeout":                {minimal + "insert_timeout: 0s", "insert_timeout is 0s"},
	"protocol":               {minimal + "protocol: grpc", "value grpc is not a valid option"},
	"shard_by":               {"shards: [{addresses: [a:1]}]\nshard_by: this.(\ntable: t\ndead_letter: {drop: {}}", "required"},
	"no dead letter":         {"addresses: [a:1]\ntable: t", "dead_letter"},
	"unknown field":          {minimal + "tabel: x", "tabel"},
}

func TestBadConfigsAreLinted(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for name, c := range badConfigs {
		t.Run(name, func(t *testing.T) {
			lints, err := linter.LintOutputYAML([]byte(underPlugin(c.yaml)))
			require.NoError(t, err)
			require.NotEmpty(t, lints)
			require.Contains(t, lints[0].Error(), c.message)
		})
	}
	lints, err := linter.LintOutputYAML([]byte(underPlugin(minimal)))
	require.NoError(t, err)
	require.Empty(t, lints)
}

func TestBadConfigsAreRefusedAtConstruction(t *testing.T) {
	for name, c := range badConfigs {
		if name == "unknown field" || name == "protocol" {
			continue // the host's linter alone looks at these
		}
		t.Run(name, func(t *testing.T) {
			conf, err := spec().ParseYAML(c.yaml, nil)
			if err == nil {
				_, err = newOutput(conf, service.MockResources())
			}
			require.Error(t, err)
		})
	}
}

func underPlugin(yaml string) string {
	out := "clickhouse:\n"
	line := "  "
	for _, r := range yaml {
		line += string(r)
		if r == '\n' {
			out += line
			line = "  "
		}
	}
	return out + line + "\n"
}

func TestSettingsKeepTheirTypes(t *testing.T) {
	conf, err := spec().ParseYAML(minimal+"settings: {max_threads: 3, s: text, b: true, f: 0.5}", nil)
	require.NoError(t, err)
	c, err := parseConfig(conf)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"max_threads": 3, "s": "text", "b": true, "f": "0.5"}, c.server.Settings)
}
