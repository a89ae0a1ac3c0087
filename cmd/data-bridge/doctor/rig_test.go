package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"

	_ "github.com/data-bridge-io/data-bridge/plugins/all"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// The host does not end everything that it has built and not started; the process
// of doctor ends.
func TestMain(m *testing.M) {
	const host = "github.com/redpanda-data/benthos/v4/internal/"
	goleak.VerifyTestMain(stack.Main(m),
		goleak.IgnoreAnyFunction(host+"impl/pure.newFanInInputBroker.func1"),
		goleak.IgnoreAnyFunction(host+"impl/pure.(*fanInInputBroker).loop"),
		goleak.IgnoreAnyFunction(host+"pipeline.(*Processor).loop"),
		goleak.IgnoreAnyFunction("github.com/Jeffail/shutdown.(*Signaller).HardStopCtx.func1"))
}

// patience bounds waits for events.
const patience = 3 * time.Minute

var testHost = Host{
	Schema:      func() *service.ConfigSchema { return service.GlobalEnvironment().FullConfigSchema("", "") },
	MemoryLimit: func(live uint64) int64 { return int64(live) * 2 },
}

// options leave a busy machine the time to fetch a few records.
func options(paths ...string) Options {
	return Options{Paths: paths, Format: formatJSON, Sample: 20, Wait: 15 * time.Second, Timeout: patience, Outage: time.Hour}
}

// hears lets an examination wait until everything that comes by itself has come.
func hears(o *Options) { o.Wait = patience }

var rigs atomic.Int64

// rig is the shared servers, and names in them that no other test uses.
type rig struct {
	t     *testing.T
	id    string
	nats  *nats.Conn
	js    jetstream.JetStream
	url   string
	kafka *kadm.Client
	addr  string
	house stack.ClickHouse
}

func newRig(t *testing.T, kind string) *rig {
	t.Helper()
	server, broker := stack.Shared.NATS(t), stack.Shared.Kafka(t)
	r := &rig{t: t, id: fmt.Sprintf("d%d", rigs.Add(1)), url: server.URL(), addr: broker.Addr(), house: stack.Shared.ClickHouse(t, kind)}
	var err error
	r.nats, err = server.Connect()
	require.NoError(t, err)
	t.Cleanup(r.nats.Close)
	r.js, err = jetstream.New(r.nats)
	require.NoError(t, err)
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.Brokers()...))
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	r.kafka = kadm.NewClient(cl)
	return r
}

func (r *rig) within() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	r.t.Cleanup(cancel)
	return ctx
}

// table creates a table and returns its name.
func (r *rig) table(columns, engine string) string {
	r.t.Helper()
	require.NoError(r.t, r.house.Exec(r.within(), "CREATE TABLE default."+r.id+" ("+columns+") ENGINE = MergeTree "+engine))
	return r.id
}

func (r *rig) rows(table string) string {
	r.t.Helper()
	got, err := r.house.Query(r.within(), "SELECT count() FROM default."+table)
	require.NoError(r.t, err)
	return got[0][0]
}

// stream makes a stream that holds the messages.
func (r *rig) stream(conf jetstream.StreamConfig, bodies ...string) {
	r.t.Helper()
	conf.Name, conf.Subjects = r.id, []string{r.id + ".js.>"}
	_, err := r.js.CreateStream(r.within(), conf)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = r.js.DeleteStream(context.Background(), r.id) })
	for _, body := range bodies {
		_, err := r.js.Publish(r.within(), r.id+".js.a", []byte(body))
		require.NoError(r.t, err)
	}
}

// topic makes a topic that holds the records.
func (r *rig) topic(configs map[string]string, bodies ...string) {
	r.t.Helper()
	values := map[string]*string{}
	for k, v := range configs {
		values[k] = &v
	}
	require.NoError(r.t, stack.Shared.Kafka(r.t).CreateTopic(r.within(), r.id, 2))
	if len(values) > 0 {
		var alter []kadm.AlterConfig
		for k, v := range values {
			alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: v})
		}
		done, err := r.kafka.AlterTopicConfigs(r.within(), alter, r.id)
		require.NoError(r.t, err)
		require.NoError(r.t, done[0].Err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.addr), kgo.DefaultProduceTopic(r.id), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	require.NoError(r.t, err)
	defer cl.Close()
	for i, body := range bodies { // with keys, which compacted topics insist on
		require.NoError(r.t, cl.ProduceSync(r.within(), kgo.KeyStringRecord(fmt.Sprint(i), body)).FirstErr())
	}
}

// publishing publishes on core NATS until the function that it returns is called,
// which tells how many messages that were.
func (r *rig) publishing(subject, body string) (stop func() int) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	n := 0
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if r.nats.Publish(subject, []byte(body)) == nil {
					n++
				}
			case <-done:
				_ = r.nats.Flush()
				return
			}
		}
	})
	return sync.OnceValue(func() int {
		close(done)
		wg.Wait()
		return n
	})
}

// The inputs of a rig, each to be completed with more fields.
func (r *rig) coreInput(more string) string {
	return fmt.Sprintf("{label: core, pausable_nats: {urls: [%q], subjects: [%s.core], queue: bridge, metadata: {table: %s}%s}}", r.url, r.id, r.id, more)
}

func (r *rig) jetInput(more string) string {
	return fmt.Sprintf("{label: jet, pausable_nats_jetstream: {urls: [%q], stream: %s, durable: bridge, metadata: {table: %s}%s}}", r.url, r.id, r.id, more)
}

func (r *rig) kafkaInput(more string) string {
	return fmt.Sprintf("{label: kafka, pausable_kafka: {seed_brokers: [%q], topics: [%s], consumer_group: %s, metadata: {table: %s}%s}}", r.addr, r.id, r.id, r.id, more)
}

// config is a pipeline of the inputs, with more fields for the buffer and for the
// output.
func (r *rig) config(inputs []string, buffer, output string) string {
	return fmt.Sprintf(`
input: {broker: {inputs: [%s]}}
buffer: {backpressure: {status_server: {enabled: false}%s}}
output:
  label: store
  clickhouse: {addresses: [%q], protocol: %s, username: %s, password: %q, table: "${! @table }", dead_letter: {drop: {}}%s}
`, strings.Join(inputs, ", "), buffer, r.house.Addr(), r.house.Protocol(), r.house.User(), r.house.Password(), output)
}

// examine runs doctor on a config.
func examine(t *testing.T, yaml string, change ...func(*Options)) (code int, findings []checkup.Finding) {
	t.Helper()
	o := options(filepath.Join(t.TempDir(), "bridge.yaml"))
	require.NoError(t, os.WriteFile(o.Paths[0], []byte(yaml), 0o600))
	for _, c := range change {
		c(&o)
	}
	var out, errOut bytes.Buffer
	code = Run(t.Context(), testHost, o, &out, &errOut)
	require.Empty(t, errOut.String())
	var report struct {
		Exit    int
		Configs []Result
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	require.Equal(t, code, report.Exit)
	require.Len(t, report.Configs, 1)
	for _, f := range report.Configs[0].Findings {
		t.Log(f.Severity, line(f))
	}
	return code, report.Configs[0].Findings
}

// has asserts that there is a finding.
func has(t *testing.T, findings []checkup.Finding, severity checkup.Severity, check, component, text string) {
	t.Helper()
	for _, f := range findings {
		if f.Severity == severity && f.Check == check && f.Component == component && strings.Contains(line(f), text) {
			return
		}
	}
	assert.Fail(t, "no such finding", "%s [%s] %s: ... %s", severity, check, component, text)
}

// worst is the worst severity of the findings.
func worst(findings []checkup.Finding) checkup.Severity {
	s := checkup.OK
	for _, f := range findings {
		if f.Severity.AtLeast(s) {
			s = f.Severity
		}
	}
	return s
}
