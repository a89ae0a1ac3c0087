package e2e

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// What lint finds in a config keeps run from starting, with the same words.
func TestBadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vars env
		says []string
	}{
		"thresholds out of order":    {env{"PAUSE_THRESHOLD": "30%"}, []string{"resume_threshold (40%)", "pause_threshold (30%)", "max_buffer_size (50000)", "out of order"}},
		"pause above the size":       {env{"PAUSE_THRESHOLD": "60000"}, []string{"pause_threshold (60000)", "max_buffer_size (50000)"}},
		"percentage over 100":        {env{"PAUSE_THRESHOLD": "120%"}, []string{"pause_threshold (120%)"}},
		"resume percentage over 100": {env{"RESUME_THRESHOLD": "101%"}, []string{"resume_threshold (101%)"}},
		"batch above resume":         {env{"BATCH_COUNT": "30000"}, []string{"batch.count (30000)", "resume_threshold (20000"}},
		"no alert time":              {env{"ALERT_AFTER": "0s"}, []string{"alert_after (0s)"}},
		"no heartbeat time":          {env{"HEARTBEAT_INTERVAL": "often"}, []string{"heartbeat_interval (often)"}},
		"no such value":              {env{"NATS_ON_PAUSE": "explode"}, []string{"bridge.yaml(", "value explode is not a valid option"}}, // the host's words
		"NATS URL":                   {env{"NATS_URLS": "amqp://127.0.0.1"}, []string{"urls", "amqp://127.0.0.1"}},
		"Kafka broker":               {env{"KAFKA_BROKERS": "127.0.0.1:port"}, []string{"seed_brokers", "127.0.0.1:port"}},
		"ClickHouse address":         {env{"CLICKHOUSE_ADDRESSES": "127.0.0.1"}, []string{"addresses", "127.0.0.1", "is not host:port"}},
		"inserts at a time":          {env{"CLICKHOUSE_MAX_IN_FLIGHT": "0"}, []string{"max_in_flight is 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := filepath.Join(root, bridgeYAML)
			c.vars["HTTP_ADDRESS"], c.vars["STATUS_ADDRESS"] = freeAddress(t), freeAddress(t)
			for _, command := range []string{"lint", "run"} {
				b := startBridge(t, plain, "", c.vars, command, config)
				assert.NotZero(t, b.exitCode(), command)
				for _, words := range c.says {
					assert.Contains(t, b.Tail(100), words, command)
				}
				assert.Zero(t, b.Count(logStarted))
			}
		})
	}
}

func TestPortInUseIsRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	b := startBridge(t, binary, "", env{"STATUS_ADDRESS": l.Addr().String(), "HTTP_ADDRESS": freeAddress(t)},
		"run", filepath.Join(root, bridgeYAML))
	assert.NotZero(t, b.exitCode())
	assert.Contains(t, b.Tail(100), "status_server.address ("+l.Addr().String()+")")
	assert.Contains(t, b.Tail(100), "address already in use")
}

// Without the host's HTTP server there would be no /ready and no metrics: a process that
// cannot have it ends at once, by words that name the field, unless it is off.
func TestHTTPAddressInUseIsRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	taken := l.Addr().String()
	const stream = "input: {generate: {mapping: root = 1, count: 1, interval: ''}}\noutput: {drop: {}}\n"
	plain, whole := written(t, "stream.yaml", stream), written(t, "config.yaml", stream+"http: {address: '${TAKEN}'}\n")
	main := written(t, "root.yaml", "http: {address: '"+taken+"'}\n")
	for _, args := range [][]string{
		{"run", whole},
		{"-c", whole},
		{"run", "--set", "http.address=" + taken, plain},
		{"streams", "-o", main, plain},
		{"-c", main, "streams", plain},
		{"streams", "--api", "--set", "http.address=" + taken, plain},
	} {
		b := startBridge(t, binary, "", env{"TAKEN": taken}, args...)
		assert.Equal(t, 1, b.exitCode(), args)
		assert.Contains(t, b.Tail(100), "http.address ("+taken+") is in use", args)
		assert.Contains(t, b.Tail(100), "http.enabled: false", args)
		assert.NotContains(t, b.Tail(100), "is now active", args)
	}
	for _, args := range [][]string{
		{"run", "--set", "http.enabled=false", whole},
		{"run", "--set", "http.address=" + freeAddress(t), whole},
		{"lint", whole},
	} {
		b := startBridge(t, binary, "", env{"TAKEN": taken}, args...)
		assert.Zero(t, b.exitCode(), args)
	}
	b := startBridge(t, binary, "", nil, "run", "--set", "http.address="+freeAddress(t), "--set", "http.cert_file="+plain, "--set", "http.key_file="+plain, plain)
	assert.Equal(t, 1, b.exitCode())
	assert.Contains(t, b.Tail(100), "http.cert_file ("+plain+")")
}

// A server that is not there, or not as configured, is named in the log with
// the field that is about it, again and again until it is put right.
func TestTroubleWithAServerIsNamed(t *testing.T) {
	t.Parallel()
	nowhere := freeAddress(t)
	ticks := func(h harness.Health) bool { return h.Inputs["ticks"].Connected }
	external := func(h harness.Health) bool { return h.Inputs["external"].Connected }
	clickhouse := func(h harness.Health) bool { return h.Outputs["clickhouse"].Connected }
	for name, c := range map[string]struct {
		vars      env
		set       string
		line      string   // part of the line to wait for
		says      []string // further parts of it
		connected func(harness.Health) bool
	}{
		"ClickHouse unreachable": {
			vars: env{"CLICKHOUSE_ADDRESSES": nowhere}, line: "clickhouse.addresses",
			says: []string{nowhere, "connection refused"}, connected: clickhouse,
		},
		"ClickHouse has no table": {
			set: "output.clickhouse.table=nothere", line: "clickhouse.table",
			says: []string{"market.nothere", "does not exist"}, connected: clickhouse,
		},
		"ClickHouse has no database": {
			vars: env{"CLICKHOUSE_DATABASE": "nothere"}, line: "clickhouse.database",
			says: []string{`"nothere"`, "does not exist"}, connected: clickhouse,
		},
		"NATS unreachable": {
			vars: env{"NATS_URLS": "nats://" + nowhere}, line: nowhere,
			says: []string{"urls:", "refused"}, connected: ticks,
		},
		"Kafka unreachable": {
			vars: env{"KAFKA_BROKERS": nowhere}, line: nowhere,
			says: []string{"seed_brokers", "refused"}, connected: external,
		},
		"Kafka has no topic": {
			vars: env{"KAFKA_TOPICS": "nothere"}, line: "nothere",
			says: []string{"topics", "not"}, connected: external,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, oneEngine())
			if c.set != "" {
				r.args = []string{"--set", c.set}
			}
			b := r.start(c.vars)
			line := b.await(c.line)
			for _, words := range c.says {
				assert.Contains(t, line, words)
			}
			t.Log(line)
			b.beats(2)
			assert.False(t, c.connected(b.health()))
		})
	}
}

// A table that a record names and that does not exist: the rows wait, and the
// log says which table.
func TestUnknownTableOfARecordIsNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	b := r.start(env{"CLICKHOUSE_TICKS_TABLE": "nothere"}).ready()
	r.publish(marketdata.Ticks, 10)
	line := b.await(`table "nothere"`)
	assert.Contains(t, line, "keeping the rows in the retry queue")
	assert.EqualValues(t, 10, b.health().Metrics.Backpressure.Level)
}

// Wrong passwords are told without telling them.
func TestWrongPasswordIsNamedAndNotShown(t *testing.T) {
	t.Parallel()
	const right, wrong = "right-Geheimnis-1", "wrong-Geheimnis-2"
	ch, err := stack.StartClickHouse(within(t), stack.KindLegacy, stack.ClickHouseOptions{Password: right})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ch.Close()) })
	require.NoError(t, stack.ApplySQL(within(t), ch, "config/sql"))
	nats, err := stack.StartNATS(stack.NATSOptions{User: "bridge", Password: right})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, nats.Close()) })
	r := newRigOn(t, nats, ch)

	b := r.start(env{"CLICKHOUSE_PASSWORD": wrong, "NATS_USER": "bridge", "NATS_PASSWORD": wrong})
	line := b.await("clickhouse.password")
	assert.Contains(t, line, `refuses user "default"`)
	assert.Contains(t, line, ch.Addr())
	line = b.await("Authorization Violation")
	assert.Contains(t, line, "auth:")
	assert.Contains(t, line, `user "bridge"`)
	assert.Contains(t, line, nats.URL())
	b.beats(2)
	for _, l := range b.Lines() {
		assert.NotContains(t, l.Raw, "Geheimnis")
	}
	assert.NotContains(t, b.health().Body, "Geheimnis")

	b = r.start(env{"NATS_USER": "bridge", "NATS_PASSWORD": right}).ready()
	for _, l := range b.Lines() {
		assert.NotContains(t, l.Raw, "Geheimnis")
	}
}
