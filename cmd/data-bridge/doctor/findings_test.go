package doctor

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Records that do not fit their table, by column and reason; fields and columns
// without a counterpart.
func TestRecordsThatDoNotFit(t *testing.T) {
	for _, kind := range []string{stack.KindLegacy, stack.KindChDB} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t, kind)
			r.table("id UInt8, name String, spare String, made DateTime DEFAULT now(), note Nullable(String)", sorted)
			r.stream(jetstream.StreamConfig{}, `{"id": 1, "name": "a", "extra": true}`, `{"id": 300, "name": "b"}`, `{"id": 301, "name": "b"}`, `{"id": "x", "name": "b"}`, `{"id": 1`)
			code, findings := examine(t, r.config([]string{r.jetInput("")}, "", ""))
			assert.Equal(t, ExitProblems, code)
			has(t, findings, checkup.Error, "records", "store", "id: table \""+r.id+"\" (jet): 2 of 5 records would be rejected: column \"id\" (UInt8): value 300")
			has(t, findings, checkup.Error, "records", "store", "1 of 5 records would be rejected: column \"id\" (UInt8): value \"x\"")
			has(t, findings, checkup.Info, "fields", "store", "no column takes extra")
			has(t, findings, checkup.Warning, "columns", "store", "no record has spare, and there is no default")
			has(t, findings, checkup.Info, "columns", "store", "no record has made, the table's defaults apply")
			has(t, findings, checkup.Info, "columns", "store", "no record has note, which become null")
			assert.Equal(t, "0", r.rows(r.id))

			code, findings = examine(t, r.config([]string{r.jetInput("")}, "", ", unknown_fields: reject"))
			assert.Equal(t, ExitProblems, code)
			has(t, findings, checkup.Error, "records", "store", `extra: table`)
		})
	}
}

// A table that is missing, and one that the records do not name.
func TestTables(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.stream(jetstream.StreamConfig{}, goodRecord)
	code, findings := examine(t, r.config([]string{r.jetInput("")}, "", ""))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "table", "store", `table "default.`+r.id+`" does not exist on `+r.house.Addr())

	code, findings = examine(t, strings.Replace(r.config([]string{r.jetInput("")}, "", ""), "@table", "@tabel", 1))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "records", "store", `1 of 1 records would be rejected: clickhouse.table: the message has no metadata key "tabel"`)

	// What a table is called is not guessed from half of it.
	quiet := strings.Replace(r.config([]string{r.coreInput("")}, "", ""), "${! @table }", "t_${! @nats_subject }", 1)
	code, findings = examine(t, quiet, func(o *Options) { o.Wait = 50 * time.Millisecond })
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.Info, "table", "store", "no record of core came, which would tell its table")
}

func TestAUserWhoMayNotInsert(t *testing.T) {
	house, err := stack.StartClickHouse(t.Context(), stack.KindLegacy, stack.ClickHouseOptions{ReadOnlyUser: "reader"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, house.Close()) })
	r := newRig(t, stack.KindLegacy)
	r.house = house
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord)
	yaml := strings.Replace(r.config([]string{r.jetInput("")}, "", ""), "username: default", "username: reader", 1)
	code, findings := examine(t, yaml)
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "table", "store", `user "reader" may not insert into table "default.`+r.id+`"`)
}

// A user whose rights do not reach to the tables of the system: what cannot be
// looked at is said, and is no fault.
func TestWhatMayNotBeLookedAt(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord)
	code, findings := examine(t, r.config([]string{r.jetInput("")}, "", ", settings: {max_rows_to_read: 1}"))
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.OK, "server", "store", "is ClickHouse 18.16")
	has(t, findings, checkup.Warning, "deduplication", "store", "has no insert_deduplication_token") // its version tells
	has(t, findings, checkup.Info, "parts", "store", "could not check")
	has(t, findings, checkup.OK, "records", "store", "all of 1 records fit")
}

// Servers that are not there cost their components, and those only.
func TestUnreachableServers(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord)
	port, err := stack.FreePort()
	require.NoError(t, err)
	dead := fmt.Sprintf("127.0.0.1:%d", port)
	r.url, r.addr = "nats://"+dead, dead
	good := newRig(t, stack.KindLegacy)
	good.id = r.id
	code, findings := examine(t, good.config([]string{r.coreInput(""), r.kafkaInput(""), good.jetInput("")}, "", ""))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "connection", "core", "connection refused")
	has(t, findings, checkup.Error, "connection", "kafka", "connecting to seed_brokers "+dead)
	has(t, findings, checkup.OK, "records", "store", "all of 1 records fit")
}

// JetStream: what the stream keeps against an outage, and what the consumer
// allows against the thresholds.
func TestJetStreamLimits(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{MaxAge: time.Minute, Storage: jetstream.MemoryStorage, Retention: jetstream.InterestPolicy})
	large := ", max_buffer_size: 200000"
	_, findings := examine(t, r.config([]string{r.jetInput("")}, large, ""))
	has(t, findings, checkup.Warning, "retention", "jet", "keeps messages for 1m0s (max_age), less than an outage of 1h0m0s")
	has(t, findings, checkup.Warning, "retention", "jet", "is kept in memory")
	has(t, findings, checkup.Warning, "retention", "jet", "retention: interest")
	has(t, findings, checkup.Warning, "thresholds", "jet", `max_ack_pending (65536) of consumer "bridge" is not above pause_threshold (160000)`)

	_, err := r.js.CreateConsumer(r.within(), r.id, jetstream.ConsumerConfig{Durable: "bridge", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1000, MaxDeliver: 5, MaxWaiting: 1, AckWait: time.Second})
	require.NoError(t, err)
	before, err := r.js.Consumer(r.within(), r.id, "bridge")
	require.NoError(t, err)
	_, findings = examine(t, r.config([]string{r.jetInput(", bind: true")}, "", ""))
	has(t, findings, checkup.Warning, "thresholds", "jet", `max_ack_pending (1000) of consumer "bridge" is not above pause_threshold (40000)`)
	has(t, findings, checkup.Warning, "thresholds", "jet", "says 100000 times a second that they are still held")
	has(t, findings, checkup.Warning, "consumer", "jet", "gives a message up after 5 deliveries")
	has(t, findings, checkup.Warning, "consumer", "jet", "takes 1 request at a time")
	_, findings = examine(t, r.config([]string{r.jetInput("")}, "", ""))
	has(t, findings, checkup.Info, "consumer", "jet", "run changes it on consumer \"bridge\" from 1000 to 65536")
	after, err := r.js.Consumer(r.within(), r.id, "bridge")
	require.NoError(t, err)
	assert.Equal(t, before.CachedInfo().Config, after.CachedInfo().Config)
	assert.Equal(t, before.CachedInfo().Delivered, after.CachedInfo().Delivered)
}

// A stream whose room is short at the rate that is seen.
func TestJetStreamRoom(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{MaxMsgs: 1000, MaxBytes: 100_000}, goodRecord)
	stop := r.publishing(r.id+".js.b", goodRecord)
	defer stop()
	require.Eventually(t, func() bool {
		stream, err := r.js.Stream(r.within(), r.id)
		return err == nil && stream.CachedInfo().State.Msgs > 1
	}, patience, time.Millisecond)
	_, findings := examine(t, r.config([]string{r.jetInput(fmt.Sprintf(", subjects: ['%s.*.b']", r.id))}, "", ""))
	has(t, findings, checkup.Warning, "retention", "jet", "max_msgs (1000) of stream")
	has(t, findings, checkup.Warning, "retention", "jet", "max_bytes (100000) of stream")
}

func TestKafkaLimits(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.topic(map[string]string{"retention.ms": "60000", "retention.bytes": "1000", "cleanup.policy": "compact,delete"}, strings.Split(strings.Repeat(goodRecord+"\n", 30), "\n")[:30]...)
	code, findings := examine(t, r.config([]string{r.kafkaInput(", session_timeout: 2h, rebalance_timeout: 2h")}, "", ""))
	has(t, findings, checkup.Warning, "retention", "kafka", "keeps records for 1m0s, less than an outage of 1h0m0s")
	has(t, findings, checkup.Warning, "retention", "kafka", "a partition of topic")
	has(t, findings, checkup.Warning, "retention", "kafka", "is compacted")
	if stack.Shared.Kafka(t).Fake() == "" {
		assert.Equal(t, ExitProblems, code)
		has(t, findings, checkup.Error, "session", "kafka", "2h0m0s is not between")
	}
}

// A group that has committed what the topic no longer has, and has more members
// than there are partitions.
func TestKafkaGroup(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.topic(nil, goodRecord, goodRecord, goodRecord, goodRecord)
	for range 3 {
		member, err := kgo.NewClient(kgo.SeedBrokers(r.addr), kgo.ConsumerGroup(r.id), kgo.ConsumeTopics(r.id), kgo.DisableAutoCommit())
		require.NoError(t, err)
		t.Cleanup(member.Close)
	}
	require.Eventually(t, func() bool {
		groups, err := r.kafka.DescribeGroups(r.within(), r.id)
		return err == nil && len(groups[r.id].Members) == 3 && groups[r.id].State == "Stable"
	}, patience, 100*time.Millisecond)
	_, findings := examine(t, r.config([]string{r.kafkaInput("")}, "", ""))
	has(t, findings, checkup.Warning, "group", "kafka", "3 members for 2 partitions: 1 of them have nothing to do")
	groups, err := r.kafka.DescribeGroups(r.within(), r.id)
	require.NoError(t, err)
	assert.Len(t, groups[r.id].Members, 3, "nobody joined")
}

func TestKafkaRecordsThatAreGone(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.topic(nil, goodRecord, goodRecord, goodRecord, goodRecord)
	var at kadm.Offsets
	at.AddOffset(r.id, 0, 0, -1)
	at.AddOffset(r.id, 1, 0, -1)
	require.NoError(t, r.kafka.CommitAllOffsets(r.within(), r.id, at))
	ends, err := r.kafka.ListEndOffsets(r.within(), r.id)
	require.NoError(t, err)
	_, err = r.kafka.DeleteRecords(r.within(), ends.Offsets())
	require.NoError(t, err)
	for _, start := range []string{"", ", start_offset: latest"} { // which skips nothing that is left
		code, findings := examine(t, r.config([]string{r.kafkaInput(start)}, "", ""))
		assert.Equal(t, ExitProblems, code)
		has(t, findings, checkup.Error, "commits", "kafka", fmt.Sprintf("the broker has deleted up to 4 records that group %q has not read: run goes on at the oldest record that is left", r.id))
	}
	commits, err := r.kafka.FetchOffsets(context.WithoutCancel(r.within()), r.id)
	require.NoError(t, err)
	assert.Len(t, commits.Sorted(), 2)
	commits.Each(func(o kadm.OffsetResponse) { assert.Zero(t, o.At, "the commits are as they were") })
}

func TestCoreLimits(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	stop := r.publishing(r.id+".core", goodRecord)
	defer stop()
	_, findings := examine(t, r.config([]string{r.coreInput(", batch: {count: 50}, pending_limits: {messages: 60, bytes: 500}")}, "", ""), hears)
	has(t, findings, checkup.Warning, "pending limits", "core", "500 bytes hold 22 records of 22 bytes, less than batch.count (50)")
	has(t, findings, checkup.Warning, "pending limits", "core", "is lost as slow consumer")
	has(t, findings, checkup.Info, "pause", "core", "every message is dropped and counted")
	_, findings = examine(t, r.config([]string{r.coreInput("")}, ", enabled: false", ""), hears)
	has(t, findings, checkup.Info, "pause", "core", "nothing pauses this input")
}

// The memory of a full buffer, and batches against thresholds.
func TestMemory(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table("id UInt32, name String", sorted)
	r.stream(jetstream.StreamConfig{}, `{"id": 1, "name": "`+strings.Repeat("x", 100_000)+`"}`)
	before := debug.SetMemoryLimit(64 << 20)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "64MiB")
	_, findings := examine(t, r.config([]string{r.jetInput("")}, "", ", max_in_flight: 5"))
	has(t, findings, checkup.Warning, "memory", "buffer", "GOMEMLIMIT: 64 MiB is less than what a full stream needs")
	has(t, findings, checkup.Info, "memory", "buffer", "128 MiB is reached before max_buffer_size (50000)")
	has(t, findings, checkup.Info, "batches", "buffer", "before batch.count (10000)")
	has(t, findings, checkup.Warning, "batches", "buffer", "5 inserts at a time (max_in_flight of store) of 10000 records are more than pause_threshold (40000)")

	_, findings = examine(t, r.config([]string{r.jetInput("")}, ", max_bytes: 500KB", ""))
	has(t, findings, checkup.Warning, "memory", "buffer", "488 KiB is full at 4 records of 100021 bytes: they are inserted about one by one")

	code, findings := examine(t, r.config([]string{r.jetInput("")}, ", max_bytes: 90TiB, max_buffer_size: 900000000", ""))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "memory", "buffer", "the process would be killed")
}

func TestNoBuffer(t *testing.T) {
	r := newRig(t, stack.KindLegacy)
	r.table(columns, sorted)
	r.stream(jetstream.StreamConfig{}, goodRecord)
	yaml := strings.Replace(r.config([]string{r.jetInput("")}, "", ""), "buffer: {backpressure: {status_server: {enabled: false}}}", "", 1)
	_, findings := examine(t, yaml)
	has(t, findings, checkup.Warning, "buffer", "buffer", "there is no backpressure buffer")
	has(t, findings, checkup.OK, "records", "store", "all of 1 records fit")

	code, findings := examine(t, r.config([]string{r.jetInput("")}, ", pause_threshold: 10%", ""))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "config", "buffer", "out of order")
}

// A table whose merges do not keep up.
func TestParts(t *testing.T) {
	r := newRig(t, stack.KindChDB)
	r.table(columns, "ORDER BY id SETTINGS parts_to_throw_insert = 20")
	require.NoError(t, r.house.Exec(r.within(), "SYSTEM STOP MERGES default."+r.id))
	for i := range 12 {
		require.NoError(t, r.house.Exec(r.within(), fmt.Sprintf("INSERT INTO default.%s VALUES (%d, 'a')", r.id, i)))
	}
	r.stream(jetstream.StreamConfig{}, goodRecord)
	_, findings := examine(t, r.config([]string{r.jetInput("")}, "", ""))
	has(t, findings, checkup.Warning, "parts", "store", "has 12 parts, and inserts are refused above 20 (parts_to_throw_insert)")
	has(t, findings, checkup.Info, "parts", "store", "is not known without a rate")
}

// Deduplication, partitions and inserts, on an engine that has them.
func TestInserts(t *testing.T) {
	r := newRig(t, stack.KindChDB)
	r.table(columns, "PARTITION BY id ORDER BY id SETTINGS non_replicated_deduplication_window = 10, parts_to_throw_insert = 20")
	var bodies []string
	for i := range 20 {
		bodies = append(bodies, fmt.Sprintf(`{"id": %d, "name": "a"}`, i))
	}
	r.topic(nil, bodies...)
	code, findings := examine(t, r.config([]string{r.kafkaInput(", exactly_once: true")}, "", ", settings: {async_insert: 1, wait_for_async_insert: 0}"))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Warning, "deduplication", "store", "remembers its last 10 inserts, and up to 1000 may come between")
	has(t, findings, checkup.Warning, "partitions", "store", "20 records go to 20 partition(s)")
	has(t, findings, checkup.Warning, "parts", "store", "parts_to_throw_insert (20) is reached in")
	has(t, findings, checkup.Error, "inserts", "store", "inserts are answered before they are stored")

	code, findings = examine(t, r.config([]string{r.kafkaInput("")}, "", ", settings: {max_partitions_per_insert_block: 15}"))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "partitions", "store", "an insert may go to 15 (max_partitions_per_insert_block): it is refused")
	has(t, findings, checkup.Warning, "deduplication", "store", "remembers its last 10 inserts, and up to")

	plain := newRig(t, stack.KindChDB)
	plain.table(columns, sorted)
	plain.topic(nil, goodRecord)
	code, findings = examine(t, plain.config([]string{plain.kafkaInput(", exactly_once: true")}, "", ""))
	assert.Equal(t, ExitProblems, code)
	has(t, findings, checkup.Error, "deduplication", "store", "are not deduplicated, which exactly_once")
	code, findings = examine(t, plain.config([]string{plain.kafkaInput("")}, "", ""))
	assert.Equal(t, ExitWell, code)
	has(t, findings, checkup.Warning, "deduplication", "store", "may be stored twice")
}
