package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/harness"
)

// written writes a file of a config and returns where.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// framedNATS is an input that makes frames; nothing has to be there to refuse them.
const framedNATS = "pausable_nats: {urls: ['nats://127.0.0.1:1'], subjects: [a], records_per_message: 10}"

// faultyStreams are streams that only a look at the whole finds wrong, and the words
// for that.
var faultyStreams = map[string]struct{ yaml, says string }{
	"pipeline": {
		"input: {" + framedNATS + "}\npipeline: {processors: [{mapping: root = this}]}\noutput: {drop: {}}",
		"pipeline.processors.0.mapping would see messages of many records",
	},
	"output's processors": {
		"input: {" + framedNATS + "}\noutput: {drop: {}, processors: [{mapping: root = this}]}",
		"output.processors.0.mapping would see messages of many records",
	},
	"output's switch": {
		"input: {" + framedNATS + "}\noutput: {switch: {cases: [{check: this.a == 1, output: {drop: {}}}, {output: {drop: {}}}]}}",
		"output.switch.cases.0.check would see messages of many records",
	},
	"read_until": {
		"input: {read_until: {check: this.a == 1, input: {" + framedNATS + "}}}\noutput: {drop: {}}",
		"input.read_until.check would see messages of many records",
	},
	"chunks": {
		"input: {broker: {inputs: [{pausable_kafka: {seed_brokers: ['127.0.0.1:1'], topics: [a], consumer_group: a, exactly_once: true}}], batching: {count: 10, period: 1s}}}\noutput: {drop: {}}",
		"input.broker.batching would make other batches of the chunks that input.broker.inputs.0 announces (exactly_once)",
	},
	"reject": {
		"input: {generate: {mapping: root = 1}}\nbuffer: {backpressure: {status_server: {enabled: false}}}\n" +
			"output: {clickhouse: {addresses: ['127.0.0.1:1'], table: a, dead_letter: {reject: bad}}}",
		"output.clickhouse.dead_letter must not reject behind the backpressure buffer",
	},
	"gates": {
		"input: {pausable_nats: {urls: ['nats://127.0.0.1:1'], subjects: [a], gate: a}}\nbuffer: {backpressure: {gate: b, status_server: {enabled: false}}}\noutput: {drop: {}}",
		`input.pausable_nats.gate ("a") must be the same as buffer.backpressure.gate ("b")`,
	},
}

// What the host cannot see, since it looks at each component by itself, is refused
// by lint, doctor, run, and streams mode with its API, in the same words.
func TestFaultsOfTheWholeAreRefused(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	api := startBridge(t, binary, "", env{}, "streams", "--api", "-o", written(t, "root.yaml", "http: {address: "+address+"}\nlogger: {format: json}\n"))
	api.await("The HTTP API of streams mode is open")
	for name, c := range faultyStreams {
		t.Run(name, func(t *testing.T) {
			config := written(t, "stream.yaml", c.yaml)
			rest := "http: {enabled: false}\n"
			whole := written(t, "config.yaml", rest+c.yaml)
			for _, args := range [][]string{
				{"lint", whole},
				{"run", whole},
				{"doctor", "--wait", "10ms", "--timeout", "5s", whole},
				{"streams", "-o", written(t, "root.yaml", rest), config},
			} {
				b := startBridge(t, plain, "", nil, args...)
				assert.NotZero(t, b.exitCode(), args)
				assert.Contains(t, b.Tail(100), c.says, args)
			}
			code, answer := post(t, "http://"+address+"/streams/one", c.yaml)
			assert.GreaterOrEqual(t, code, 400)
			assert.Contains(t, answer, c.says)
		})
	}
	code, answer := post(t, "http://"+address+"/streams/one", "input: {generate: {mapping: root = 1, interval: 1m}}\noutput: {drop: {}}")
	assert.Equal(t, http.StatusOK, code, answer)
}

func post(t *testing.T, url, body string) (code int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/yaml")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// What looks as if it saw frames and does not is not refused: lint and run take it,
// with resources of the config and of another file.
func TestWhatDoesNotSeeFramesIsTaken(t *testing.T) {
	t.Parallel()
	resources := written(t, "resources.yaml", "processor_resources: [{label: apart, unframe: {}}]\n")
	for name, processors := range map[string]string{
		"try":      "[{try: [{unframe: {}}, {mapping: root = this}]}, {mapping: root = this}]",
		"log":      "[{log: {message: hello}}]",
		"resource": "[{resource: apart}, {mapping: root = this}]",
	} {
		t.Run(name, func(t *testing.T) {
			config := written(t, "config.yaml", "http: {enabled: false}\nlogger: {format: json}\ninput: {"+framedNATS+"}\npipeline: {processors: "+processors+"}\noutput: {drop: {}}\n")
			lint := startBridge(t, plain, "", nil, "lint", "-r", resources, config)
			assert.Zero(t, lint.exitCode(), lint.Tail(100))
			b := startBridge(t, binary, "", nil, "run", "-r", resources, config)
			b.await("Launching a data-bridge instance")
		})
	}
}

// reloading is a bridge that watches its config.
type reloading struct {
	*bridge
	path string
}

func startReloading(t *testing.T, address, text string) *reloading {
	t.Helper()
	path := written(t, "config.yaml", text)
	return &reloading{startBridge(t, binary, address, env{}, "run", "-w", path), path}
}

// reload writes another config and waits until the bridge has taken it up.
func (r *reloading) reload(text, until string) string {
	r.t.Helper()
	before := r.Count(until)
	require.NoError(r.t, os.WriteFile(r.path, []byte(text), 0o600))
	return r.awaitNth(until, before+1)
}

// A reload is judged as the first config was.
func TestFramesAreRefusedAfterAReload(t *testing.T) {
	t.Parallel()
	const head = "http: {enabled: false}\nlogger: {format: json}\noutput: {drop: {}}\n"
	b := startReloading(t, "", head+"input: {"+framedNATS+"}\n")
	b.await("Launching a data-bridge instance")
	faulty, _, _ := strings.Cut(faultyStreams["pipeline"].yaml, "\noutput")
	refused := b.reload(head+faulty, "Failed to apply updated config")
	assert.Contains(t, refused, faultyStreams["pipeline"].says)
	b.reload(head+"input: {"+framedNATS+"}\npipeline: {processors: [{unframe: {}}, {mapping: root = this}]}\n", "Updated main config")
}

// soonGivesUp is the YAML of an output to a table in the rig's ClickHouse, which
// hands a batch back after two attempts.
func (r *rig) soonGivesUp(table string) string {
	return fmt.Sprintf("clickhouse: {addresses: [%q], protocol: %q, username: %q, password: %q, database: market, table: %q, "+
		"retry: {initial_interval: 10ms, max_interval: 50ms, max_retries: 1}, dead_letter: {drop: {}}}",
		r.ch.Addr(), r.ch.Protocol(), r.ch.User(), r.ch.Password(), table)
}

// A reload that adds a processor which changes records: a retry starts from the
// record as it came, and changes it once.
func TestRetriesAfterAReloadChangeRecordsOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	require.NoError(t, r.ch.Exec(within(t), "CREATE TABLE market."+r.id+" (seq UInt64, n UInt64) ENGINE = MergeTree ORDER BY seq"))
	address := freeAddress(t)
	text := fmt.Sprintf(`
http: {enabled: false}
logger: {format: json}
input: {label: ticks, pausable_nats: {urls: [%q], subjects: [%q]}}
buffer: {backpressure: {heartbeat_interval: 250ms, batch: {period: 100ms}, status_server: {address: %q}}}
output:
  label: clickhouse
  %s
`, r.nats.URL(), r.id, address, r.soonGivesUp(r.id))
	connected := func(h harness.Health) bool { return h.Inputs["ticks"].Connected && h.Outputs["clickhouse"].Connected }
	b := startReloading(t, address, text)
	b.until("the first config runs", connected)
	b.reload(text+"pipeline: {processors: [{mutation: 'root.n = this.n + 1'}]}\n", logStarted)
	b.until("the second one runs", connected)

	r.stopClickHouse()
	nc, err := r.nats.Connect()
	require.NoError(t, err)
	defer nc.Close()
	for i := range 10 {
		require.NoError(t, nc.Publish(r.id, fmt.Appendf(nil, `{"seq":%d,"n":0}`, i)))
	}
	require.NoError(t, nc.Flush())
	require.Eventually(t, func() bool { return b.Count("giving up after 2 attempts") >= 3 }, patience, 10*time.Millisecond)
	r.startClickHouse()
	r.awaitRows(r.id, 10)
	got, err := r.ch.Query(within(t), "SELECT min(n), max(n) FROM market."+r.id)
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"1", "1"}}, got)
	b.stop()
}

// /health knows the output and the inputs of a named gate, and recovers by itself
// when the output, whose records went to a fallback meanwhile, is sent nothing more.
func TestHealthKnowsWhatANamedGateHasAndRecovers(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	require.NoError(t, r.ch.Exec(within(t), "CREATE TABLE market."+r.id+" (seq UInt64) ENGINE = MergeTree ORDER BY seq"))
	address := freeAddress(t)
	b := startBridge(t, binary, address, env{}, "run", written(t, "config.yaml", fmt.Sprintf(`
http: {enabled: false}
logger: {format: json}
input: {resource: ticks}
input_resources: [{label: ticks, pausable_nats: {urls: [%q], subjects: [%q], gate: market}}]
buffer: {backpressure: {gate: market, heartbeat_interval: 250ms, batch: {period: 100ms}, status_server: {address: %q, disconnect_grace: 10ms}}}
output:
  fallback:
    - label: store
      %s
    - drop: {}
`, r.nats.URL(), r.id, address, r.soonGivesUp(r.id))))
	b.until("all are known and connected", func(h harness.Health) bool {
		return h.Code == http.StatusOK && h.Inputs["market.ticks"].Connected && h.Outputs["market.store"].Connected
	})
	r.stopClickHouse()
	nc, err := r.nats.Connect()
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.Publish(r.id, []byte(`{"seq":1}`)))
	require.NoError(t, nc.Flush())
	b.until("the outage shows", func(h harness.Health) bool { return h.Code == http.StatusServiceUnavailable })
	r.startClickHouse()
	b.until("the recovery shows", func(h harness.Health) bool { return h.Code == http.StatusOK && h.Outputs["market.store"].Connected })
	b.stop()
}
