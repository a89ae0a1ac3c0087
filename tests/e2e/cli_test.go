package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// output runs a command of data-bridge that ends by itself and expects success.
func output(t *testing.T, args ...string) string {
	t.Helper()
	b := startBridge(t, plain, "", env{"HTTP_ADDRESS": freeAddress(t)}, args...)
	code, text := b.exitCode(), b.Tail(10_000)
	require.Zero(t, code, "data-bridge %s:\n%s", strings.Join(args, " "), text)
	return text
}

func TestListKnowsThePlugins(t *testing.T) {
	t.Parallel()
	for kind, names := range map[string][]string{
		"inputs":  {"pausable_nats", "pausable_nats_jetstream", "pausable_kafka"},
		"buffers": {"backpressure"},
		"outputs": {"clickhouse"},
	} {
		text := output(t, "list", kind)
		for _, name := range names {
			assert.Regexp(t, `(?m)^\W*`+name+`$`, text)
		}
	}
}

// Of variables that are not set nothing is known, if lint is told so; all else is looked
// at.
func TestLintDoesNotJudgeUnsetVariables(t *testing.T) {
	t.Parallel()
	const text = `
input:
  pausable_kafka: {seed_brokers: ["${X_KAFKA}"], topics: ["${X_TOPIC}"], consumer_group: g}
buffer: {backpressure: {max_buffer_size: ${X_SIZE}}}
output:
  clickhouse: {addresses: ["${X_CH}"], table: t, protocol: "${X_PROTOCOL}", max_in_flight: ${X_FLIGHT}, compression: ${X_COMPRESSION}, dead_letter: {drop: {}}}
`
	for _, c := range []struct {
		text string
		vars env
		says string // nothing where it is well
	}{
		{text: text},
		{text: strings.Replace(text, "table: t", "table: ''", 1), says: "table is empty"},
		{text: strings.Replace(text, "topics:", "topic:", 1), says: "topic not recognised"},
		{text: text, vars: env{"X_CH": "nonsense"}, says: `addresses: "nonsense"`},
		{text: strings.Replace(text, "${X_CH}", "${X_CH:}", 1), says: `addresses: ""`},
	} {
		path := written(t, "config.yaml", c.text)
		b := startBridge(t, plain, "", c.vars, "lint", "--skip-env-var-check", path)
		assert.Equal(t, c.says != "", b.exitCode() != 0, b.Tail(100))
		assert.Contains(t, b.Tail(100), c.says)
		assert.NotContains(t, b.Tail(100), "unknown\"", "what was made up is not judged")
		b = startBridge(t, plain, "", c.vars, "lint", path)
		assert.NotZero(t, b.exitCode())
		assert.Contains(t, b.Tail(100), "required environment variables were not set")
	}
}

// The help speaks of this binary: of components that are here, of pages that there are,
// and of an HTTP API that is closed.
func TestHelpIsTrue(t *testing.T) {
	t.Parallel()
	helps := map[string]string{}
	for _, command := range []string{"", "run", "streams", "create", "lint", "test", "list", "echo", "blobl", "template", "doctor", "replay", "top"} {
		helps[command] = output(t, append(strings.Fields(command), "--help")...)
		assert.NotContains(t, helps[command], "mundane", command)
		assert.NotContains(t, helps[command], "github.com/data-bridge-io/data-bridge/", command)
		for _, example := range regexp.MustCompile(`data-bridge (create \S+/\S*)`).FindAllStringSubmatch(helps[command], -1) {
			output(t, strings.Fields(example[1])...)
		}
	}
	assert.Contains(t, helps[""], "ClickHouse")
	assert.Contains(t, helps["streams"], "There is no HTTP API")
	assert.Contains(t, helps["streams"], "unless --api opens it")
	assert.NotContains(t, helps["streams"], "via REST HTTP")
	assert.NotContains(t, helps["streams"], "Disable the HTTP API")
	assert.Equal(t, helps["streams"], output(t, "help", "streams"))
}

// A skeleton has our plugins with their defaults; lint names the fields that
// have none, and is content once these are filled in.
func TestCreatePrintsASkeletonThatLints(t *testing.T) {
	t.Parallel()
	text := output(t, "create", "pausable_nats//clickhouse")
	path := filepath.Join(t.TempDir(), "skeleton.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	b := startBridge(t, plain, "", nil, "lint", path)
	assert.NotZero(t, b.exitCode())
	for _, field := range []string{"urls", "subjects", "addresses", "dead_letter"} {
		assert.Contains(t, b.Tail(100), field)
	}

	filled := strings.NewReplacer(
		"urls: []", "urls: [nats://127.0.0.1:4222]",
		"subjects: []", "subjects: [market.ticks.>]",
		"addresses: []", "addresses: [127.0.0.1:9000]",
		`table: ""`, "table: ticks",
		"dead_letter: null", "dead_letter: {drop: {}}",
	).Replace(text)
	require.NoError(t, os.WriteFile(path, []byte(filled), 0o600))
	output(t, "lint", path)
}

func TestShippedConfigsLint(t *testing.T) {
	t.Parallel()
	var configs []string
	for _, pattern := range []string{"config/*.yaml", "config/examples/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range found {
			if !strings.HasSuffix(path, "_benthos_test.yaml") {
				configs = append(configs, path)
			}
		}
	}
	require.NotEmpty(t, configs)
	output(t, append([]string{"lint"}, configs...)...)
}

func TestConfigUnitTestsPass(t *testing.T) {
	t.Parallel()
	text := output(t, "test", filepath.Join(root, "config")+"/...")
	assert.Contains(t, text, "succeeded")
}

// doctor passes the shipped pipeline on healthy servers, and names a table whose
// column does not take what comes; either way it leaves everything as it was.
func TestDoctor(t *testing.T) {
	engines(t, func(t *testing.T, r *rig) {
		r.stream(marketdata.Ticks, marketdata.Shape{Rate: 200})
		r.publish(marketdata.External, 50)
		doctor := func(more env) (code int, text string) {
			all := maps.Clone(r.env)
			maps.Copy(all, more)
			b := startBridge(t, binary, "", all, "doctor", "--wait", "10s", filepath.Join(root, bridgeYAML))
			code, text = b.exitCode(), b.Tail(1000)
			t.Log(text)
			return code, text
		}
		code, text := doctor(nil)
		assert.Zero(t, code, text)
		assert.Regexp(t, `ok +\[records\] clickhouse table: table "external" \(external\): all of 50 records fit`, text)
		assert.Regexp(t, `ok +\[records\] clickhouse table: table "ticks" \(ticks\): all of 100 records fit`, text)
		assert.Regexp(t, `info +\[sample\] ch_candles: nothing came`, text)

		require.NoError(t, r.ch.Exec(within(t), "CREATE TABLE market."+r.id+" (seq UInt8, ts UInt8) ENGINE = MergeTree ORDER BY seq"))
		code, text = doctor(env{"CLICKHOUSE_EXTERNAL_TABLE": r.id})
		assert.Equal(t, 1, code, text)
		assert.Regexp(t, `error +\[records\] clickhouse ts: table "`+r.id+`" \(external\): 50 of 50 records would be rejected: column "ts" \(UInt8\)`, text)
		rows, err := r.ch.Query(within(t), "SELECT count() FROM market."+r.id)
		require.NoError(t, err)
		assert.Equal(t, "0", rows[0][0])
		assert.Zero(t, r.tally(marketdata.External).Rows)
	})
}
