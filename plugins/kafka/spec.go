package kafka

import "github.com/redpanda-data/benthos/v4/public/service"

// Fields of pausable_kafka, named as those of Redpanda Connect's redpanda input
// where it has them.
const (
	inputName = "pausable_kafka"

	fieldSeedBrokers       = "seed_brokers"
	fieldTopics            = "topics"
	fieldRegexpTopics      = "regexp_topics"
	fieldRegexpInclude     = "regexp_topics_include"
	fieldRegexpExclude     = "regexp_topics_exclude"
	fieldConsumerGroup     = "consumer_group"
	fieldStartOffset       = "start_offset"
	fieldStartTimestamp    = "start_timestamp"
	fieldIsolation         = "transaction_isolation_level"
	fieldGroupProtocol     = "group_protocol"
	fieldGroupBalancers    = "group_balancers"
	fieldLagPeriod         = "topic_lag_refresh_period"
	fieldRequestOverhead   = "request_timeout_overhead"
	fieldConnIdle          = "conn_idle_timeout"
	fieldInstanceID        = "instance_id"
	fieldRackID            = "rack_id"
	fieldClientID          = "client_id"
	fieldSessionTimeout    = "session_timeout"
	fieldRebalanceTimeout  = "rebalance_timeout"
	fieldHeartbeatInterval = "heartbeat_interval"
	fieldMetadataMaxAge    = "metadata_max_age"
	fieldCommitPeriod      = "commit_period"
	fieldFetchMinBytes     = "fetch_min_bytes"
	fieldFetchMaxBytes     = "fetch_max_bytes"
	fieldFetchMaxPartition = "fetch_max_partition_bytes"
	fieldFetchMaxInflated  = "fetch_max_decompressed_bytes"
	fieldFetchMaxWait      = "fetch_max_wait"
	fieldMaxFetches        = "max_concurrent_fetches"
	fieldTLS               = "tls"
	fieldSASL              = "sasl"
	fieldMechanism         = "mechanism"
	fieldUsername          = "username"
	fieldPassword          = "password"
	fieldToken             = "token"
	fieldMetadata          = "metadata"
	fieldRecordMetadata    = "record_metadata"
	fieldRecordsPerMessage = "records_per_message"
	fieldBatch             = "batch"
	fieldCount             = "count"
	fieldByteSize          = "byte_size"
	fieldPeriod            = "period"
	fieldExactlyOnce       = "exactly_once"
	fieldReplayNacks       = "auto_replay_nacks"
	fieldGate              = "gate"
)

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Categories("Services").
		Summary("Reads Kafka topics, as a rule as a member of a consumer group, and can be paused by the backpressure buffer without losing its position.").
		Description(description).
		Fields(sourceFields()...).
		Fields(service.NewTLSToggledField(fieldTLS), saslField()).
		Fields(groupFields()...).
		Fields(fetchFields()...).
		Fields(messageFields()...).
		LintRule(inputLintRule).
		Example("External data", "Events from one topic, shared with the other replicas of the group.", `
input:
  label: external
  pausable_kafka:
    seed_brokers: [127.0.0.1:9092]
    topics: [market.external]
    consumer_group: data-bridge
    metadata: {table: external}
`).
		Example("Every record once", "The table must keep a deduplication window; the output checks it.", `
input:
  label: external
  pausable_kafka:
    seed_brokers: [127.0.0.1:9092]
    topics: [market.external]
    consumer_group: data-bridge
    exactly_once: true
    batch: {count: 10000, period: 1s}
`)
}

func sourceFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldSeedBrokers).
			Description("Addresses to reach the cluster by, as `host:port`; the other brokers are found from there. One item may hold several, separated by commas.").
			Example([]string{"127.0.0.1:9092"}).
			Example([]string{"kafka-1:9092,kafka-2:9092"}).
			LintRule(seedBrokersLintRule),
		service.NewStringListField(fieldTopics).
			Description("Topics to read. One item may hold several, separated by commas, unless `regexp_topics` is set. Without a `consumer_group` each names its partitions: `foo:0`, a range `foo:2-5`, or `foo:0,1,2-5`; `foo:0:10` starts partition 0 at offset 10.").
			Default([]any{}).
			Example([]string{"market.external"}).
			Example([]string{"market.external:0,2-5", "market.rates:0:1000"}).
			LintRule(topicsLintRule),
		service.NewStringListField(fieldRegexpInclude).
			Description("Regular expressions of topics to read, in place of `topics`. They match anywhere in a name unless they are anchored by `^` and `$`. Topics that are created later are found within `metadata_max_age`.").
			Default([]any{}).
			Example([]string{`^market\..*$`}),
		service.NewStringListField(fieldRegexpExclude).
			Description("Regular expressions of topics to leave out of those that `regexp_topics_include` finds.").
			Default([]any{}).
			Example([]string{`\.test$`}),
		service.NewBoolField(fieldRegexpTopics).
			Description("Takes `topics` as regular expressions, as `regexp_topics_include` does.").
			Default(false).Advanced(),
		service.NewStringField(fieldConsumerGroup).
			Description("The consumer group to join. Replicas of the bridge with the same group share the partitions. Empty only where `topics` names partitions.").
			Default("").
			Example("data-bridge"),
		service.NewStringAnnotatedEnumField(fieldStartOffset, map[string]string{
			startEarliest:  "The oldest record that the broker still has.",
			startLatest:    "Records that arrive after the group first took the partition. Where that was is committed at once, so that what comes while nobody is there is read later. A position that the broker no longer has goes on at the oldest record: what the log has was not read yet.",
			startCommitted: "Nowhere: a partition without a commit is an error.",
		}).
			Description("Where to start in a partition for which the group has no commit, or one that the broker no longer has.").
			Default(startEarliest),
		service.NewStringField(fieldStartTimestamp).
			Description("Starts in a partition without a commit at the first record that is not older than this time, at the end if there is none. It takes the place of `start_offset`, which still says what happens when the broker no longer has a position.").
			Default("").
			Example("2026-01-31T00:00:00Z").
			Advanced(),
		service.NewStringAnnotatedEnumField(fieldIsolation, map[string]string{
			readUncommitted: "All records, those of transactions that are open or were aborted included.",
			readCommitted:   "Records of transactions only once they are committed.",
		}).
			Description("Which records of transactional producers are read.").
			Default(readUncommitted).Advanced(),
	}
}

func saslField() *service.ConfigField {
	return service.NewObjectListField(fieldSASL,
		service.NewStringAnnotatedEnumField(fieldMechanism, map[string]string{
			saslPlain:    "User name and password, readable on the wire unless `tls` is on.",
			saslScram256: "User name and password, never sent.",
			saslScram512: "User name and password, never sent.",
			saslOAuth:    "A bearer token.",
		}).Description("The mechanism."),
		service.NewStringField(fieldUsername).Description("User name, for all but OAUTHBEARER.").Default(""),
		service.NewStringField(fieldPassword).Description("Password, for all but OAUTHBEARER.").Default("").Secret(),
		service.NewStringField(fieldToken).Description("Token, for OAUTHBEARER.").Default("").Secret(),
	).
		Description("How to authenticate. The first mechanism that the broker supports is used.").
		Default([]any{}).
		Optional().
		Example([]any{map[string]any{fieldMechanism: saslScram512, fieldUsername: "bridge", fieldPassword: "${KAFKA_PASSWORD}"}}).
		LintRule(saslLintRule)
}

func groupFields() []*service.ConfigField {
	return []*service.ConfigField{
		durationField(fieldCommitPeriod).
			Description("How often settled offsets are committed. A crash repeats at most what was settled in one period, and what was not settled.").
			Default("5s"),
		durationField(fieldLagPeriod).
			Description("How often the lag of the partitions is looked up.").
			Default("5s").Advanced(),
		service.NewStringAnnotatedEnumField(fieldGroupProtocol, map[string]string{
			protocolClassic:  "The members balance the partitions among themselves.",
			protocolConsumer: "The brokers balance the partitions (KIP-848). Needs Kafka 4.0 or later; before 4.3 the commit at a rebalance can fail now and then, and some records are delivered twice.",
		}).
			Description("How the group is managed. A group can change from one to the other while it is running.").
			Default(protocolClassic).Advanced(),
		service.NewStringListField(fieldGroupBalancers).
			Description("How partitions are shared out among the members: `cooperative-sticky`, where members keep most of theirs while the group rebalances, or `sticky`, `range` and `round-robin`, where all give up all first. The first that all members offer is used; a group must not mix `cooperative-sticky` with the others. With the `consumer` protocol, `range` in first place asks the broker for its range assignor, anything else for its uniform one.").
			Default([]any{balancerCooperative}).
			LintRule(balancersLintRule).Advanced(),
		service.NewBoolField(fieldExactlyOnce).
			Description("Stores every record once, crashes included, in a `clickhouse` output whose table keeps a deduplication window. See above. Needs a `consumer_group`; not together with `records_per_message`.").
			Default(false),
		service.NewStringField(fieldInstanceID).
			Description("Makes this a static member of the group: a restart within `session_timeout` causes no rebalance. Must be unique in the group; a static member does not leave the group when it closes.").
			Default("").Advanced(),
		service.NewStringField(fieldRackID).
			Description("The rack of this bridge, to fetch from the closest replica.").
			Default("").Advanced(),
		service.NewStringField(fieldClientID).
			Description("The name of this client in the brokers' logs and quotas.").
			Default("data-bridge").Advanced(),
		durationField(fieldSessionTimeout).
			Description("After this long without a heartbeat the group takes the member for dead.").
			Default("45s").Advanced(),
		durationField(fieldRebalanceTimeout).
			Description("How long members may take to give their partitions up in a rebalance. What is in flight gets half of it, five seconds at most, to be acknowledged.").
			Default("45s").Advanced(),
		durationField(fieldHeartbeatInterval).
			Description("Time between heartbeats; at most a third of `session_timeout` is usual.").
			Default("3s").Advanced(),
		durationField(fieldMetadataMaxAge).
			Description("The longest time after which topics and brokers are looked up again.").
			Default("5m").Advanced(),
		durationField(fieldRequestOverhead).
			Description("How long a broker may take to answer, on top of what the request allows it.").
			Default("10s").Advanced(),
		durationField(fieldConnIdle).
			Description("Connections that are idle for about this long are closed.").
			Default("20s").Advanced(),
	}
}

func fetchFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldFetchMinBytes).
			Description("A broker waits until it has this much, `fetch_max_wait` at most.").
			Default("1B").Advanced().LintRule(bytesLintRule(fieldFetchMinBytes)),
		service.NewStringField(fieldFetchMaxBytes).
			Description("What a broker sends in one fetch, at most, compressed as it is stored. Times the number of brokers it bounds what is fetched ahead, as far as it is not compressed.").
			Default("8MiB").Advanced().LintRule(bytesLintRule(fieldFetchMaxBytes)),
		service.NewStringField(fieldFetchMaxPartition).
			Description("What a broker sends of one partition in one fetch, at most. A larger record batch is still sent, alone.").
			Default("1MiB").Advanced().LintRule(bytesLintRule(fieldFetchMaxPartition)),
		service.NewStringField(fieldFetchMaxInflated).
			Description("How much of compressed records is decompressed ahead, over all brokers, before the rest of an answer is left for later and fetches become smaller; at most a record batch of each broker more. Well compressed records take a thousand times what was fetched.").
			Default("32MiB").Example("128MiB").Advanced().LintRule(bytesLintRule(fieldFetchMaxInflated)),
		durationField(fieldFetchMaxWait).
			Description("How long a broker waits for `fetch_min_bytes`. Partitions that are newly assigned may wait as long for their first fetch.").
			Default("500ms").Advanced(),
		service.NewIntField(fieldMaxFetches).
			Description("Fetches under way or fetched ahead at a time; 0 means one for each broker. With fewer than there are brokers a quiet broker can keep others waiting for `fetch_max_wait`.").
			Default(0).Advanced().LintRule(maxFetchesLintRule),
	}
}

func messageFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringMapField(fieldMetadata).
			Description("Metadata to set on every message. It is shared by all of them and costs nothing per record.").
			Default(map[string]any{}).
			Example(map[string]any{"table": "external"}),
		service.NewStringListField(fieldRecordMetadata).
			Description("Metadata that differs from record to record, each key of which costs time: `kafka_offset`, `kafka_key`, `kafka_timestamp_ms`, `kafka_timestamp_unix`, `headers` (every record header as a key of its own; it replaces no other key).").
			Default([]any{}).
			Example([]string{metaOffset, metaKey}).
			LintRule(recordMetadataLintRule),
		service.NewIntField(fieldRecordsPerMessage).
			Description("How many records of a partition one message holds, at most, divided by newlines. Most of what the host costs is per message: above 1 records travel several times as cheaply from here to the output, which takes them apart again. All counts are of records. Processors would see many records in one message: put `unframe` before them, which costs what was gained.").
			Default(1).Example(1000),
		service.NewObjectField(fieldBatch,
			service.NewIntField(fieldCount).
				Description("Records in a batch, at most. A batch is what has arrived when it is asked for: it waits for nothing, unless `exactly_once` is set.").
				Default(5000).LintRule(batchCountLintRule),
			service.NewStringField(fieldByteSize).
				Description("Only with `exactly_once`: a chunk is also complete with so many bytes of records. Twice as much is held at most before chunks of all partitions are closed early.").
				Default("16MiB").Advanced().LintRule(bytesLintRule(fieldBatch+"."+fieldByteSize)),
			service.NewDurationField(fieldPeriod).
				Description("Only with `exactly_once`: a chunk is also complete when its first record has waited this long.").
				Default("500ms").LintRule(batchPeriodLintRule),
		).Description("The size of the batches that the input delivers."),
		service.NewBoolField(fieldReplayNacks).
			Description("Delivers rejected messages again. Set it only in a stream without the `backpressure` buffer, which does so itself.").
			Default(false).Advanced(),
		service.NewStringField(fieldGate).
			Description("The name of the gate to obey. Needed only where this input is a resource in streams mode; see the field of the same name of the `backpressure` buffer.").
			Default("").Advanced(),
	}
}
