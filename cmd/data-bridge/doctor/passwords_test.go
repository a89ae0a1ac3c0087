package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// guarded are servers all of which take a password, and hold a record of each kind.
type guarded struct {
	nats  *stack.NATS
	kafka string
	house stack.ClickHouse
}

const (
	rightNATS  = `natsch: "1' #`
	rightKafka = "kafka-secret"
	rightHouse = "house-${secret:x}" // looks like a variable, which is how it is named below
)

func newGuarded(t *testing.T) guarded {
	t.Helper()
	var g guarded
	var err error
	g.nats, err = stack.StartNATS(stack.NATSOptions{User: "bridge", Password: rightNATS})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.nats.Close()) })
	conn, err := nats.Connect(g.nats.URL(), nats.UserInfo("bridge", rightNATS))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "GUARDED", Subjects: []string{"guarded.js"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "guarded.js", []byte(goodRecord))
	require.NoError(t, err)

	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.SeedTopics(1, "guarded"), kfake.Superuser("PLAIN", "bridge", rightKafka))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	g.kafka = cluster.ListenAddrs()[0]
	producer, err := kgo.NewClient(kgo.SeedBrokers(g.kafka), kgo.SASL(plain.Auth{User: "bridge", Pass: rightKafka}.AsMechanism()))
	require.NoError(t, err)
	t.Cleanup(producer.Close)
	require.NoError(t, producer.ProduceSync(t.Context(), &kgo.Record{Topic: "guarded", Value: []byte(goodRecord)}).FirstErr())

	g.house, err = stack.StartClickHouse(t.Context(), stack.KindLegacy, stack.ClickHouseOptions{Password: rightHouse})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.house.Close()) })
	require.NoError(t, g.house.Exec(t.Context(), "CREATE TABLE default.guarded ("+columns+") ENGINE = MergeTree "+sorted))
	return g
}

func (g guarded) config(protocol, address, natsPassword, kafkaPassword, housePassword string) string {
	input := func(label, kind, more string) string { return fmt.Sprintf("{label: %s, %s: {%s}}", label, kind, more) }
	auth := fmt.Sprintf("urls: [%q], auth: {user: bridge, password: %q}, metadata: {table: guarded}", g.nats.URL(), natsPassword)
	return fmt.Sprintf(`
input: {broker: {inputs: [%s]}}
buffer: {backpressure: {status_server: {enabled: false}}}
output:
  label: store
  clickhouse: {addresses: [%q], protocol: %s, password: %q, table: "${! @table }", dead_letter: {drop: {}}}
`, strings.Join([]string{
		input("core", "pausable_nats", auth+", subjects: [guarded.core]"),
		input("jet", "pausable_nats_jetstream", auth+", stream: GUARDED, durable: bridge"),
		input("kafka", "pausable_kafka", fmt.Sprintf(
			"seed_brokers: [%q], topics: [guarded], consumer_group: bridge, sasl: [{mechanism: PLAIN, username: bridge, password: %q}], metadata: {table: guarded}", g.kafka, kafkaPassword)),
	}, ", "), address, protocol, housePassword)
}

// The passwords of a config are used, as it has them or from the environment, towards
// every server that takes one; and wrong ones are told of, where they stand.
func TestConfiguredPasswordsAreUsed(t *testing.T) {
	g := newGuarded(t)
	t.Setenv("HOUSE_PASSWORD", rightHouse)
	for protocol, address := range map[string]string{"http": g.house.HTTPAddr(), "native": g.house.NativeAddr()} {
		t.Run(protocol, func(t *testing.T) {
			nothingToHear := func(o *Options) { o.Wait = 8 * time.Second } // of core NATS: it is waited for
			code, findings := examine(t, g.config(protocol, address, rightNATS, rightKafka, "${HOUSE_PASSWORD}"), nothingToHear)
			assert.Equal(t, ExitWell, code)
			for _, component := range []string{"core", "jet", "kafka", "store"} {
				has(t, findings, checkup.OK, "connection", component, "its connection test passes")
			}
			has(t, findings, checkup.OK, "sample", "jet", "1 records")
			has(t, findings, checkup.OK, "sample", "kafka", "1 records")
			has(t, findings, checkup.OK, "records", "store", "all of 2 records fit")

			code, findings = examine(t, g.config(protocol, address, "wrong-1", "wrong-2", "wrong-3"))
			assert.Equal(t, ExitProblems, code)
			has(t, findings, checkup.Error, "connection", "core", "Authorization Violation")
			has(t, findings, checkup.Error, "connection", "jet", "Authorization Violation")
			has(t, findings, checkup.Error, "connection", "kafka", "authenticating by sasl mechanism PLAIN")
			has(t, findings, checkup.Error, "connection", "store", `refuses user "default"`)
			for _, f := range findings {
				assert.NotContains(t, line(f), "wrong-")
			}
		})
	}
}

// The passwords of resources and of what stands within others are used too.
func TestPasswordsOfResourcesAreUsed(t *testing.T) {
	g := newGuarded(t)
	t.Setenv("HOUSE_PASSWORD", rightHouse)
	yaml := g.config("native", g.house.NativeAddr(), rightNATS, rightKafka, "${HOUSE_PASSWORD}")
	yaml = strings.Replace(yaml, "output:\n  label: store\n  clickhouse:", "output: {fallback: [{resource: store}, {drop: {}}]}\noutput_resources:\n- label: store\n  clickhouse:", 1)
	_, findings := examine(t, yaml)
	has(t, findings, checkup.OK, "connection", "store", "its connection test passes")
	has(t, findings, checkup.OK, "connection", "kafka", "its connection test passes")
}
