package nats

import (
	"github.com/redpanda-data/benthos/v4/public/service"
)

// Fields of pausable_nats_jetstream, beside those of the connection and those
// that it has in common with pausable_nats. They have the names that Redpanda
// Connect gives them where it has them.
const (
	jetName = "pausable_nats_jetstream"

	fieldStream        = "stream"
	fieldDurable       = "durable"
	fieldBind          = "bind"
	fieldDeliver       = "deliver"
	fieldStartSequence = "start_sequence"
	fieldStartTime     = "start_time"
	fieldAckPolicy     = "ack_policy"
	fieldAckWait       = "ack_wait"
	fieldMaxAckPending = "max_ack_pending"
	fieldMaxDeliveries = "max_deliveries"
	fieldOnReset       = "on_stream_reset"
	fieldDomain        = "domain"
	fieldAPIPrefix     = "api_prefix"
)

const jetDescription = `
Pulls from a durable consumer, which is made from this configuration or, with ` + "`bind`" + `, is one that exists. Replicas of the
bridge that name the same consumer share its messages.

== Delivery

At least once. A message is acknowledged when it is stored or dead-lettered. Until then the server is told every half of the
consumer's ack wait that it is being worked on, so that it is not delivered again because the stream is slow; one that is delivered
again all the same while it is held is recognised, and not passed on twice. What is unsettled when the input is closed is given
back to the server at once.

A message that the stream rejects is delivered again, later with each time. One that was delivered more than ` + "`max_deliveries`" + ` times
is given up: terminated at the server, counted (` + "`jetstream_terminated`" + `) and logged with its sequence, under which it stays in
the stream. Deliveries that a restart or a lost connection cost count too. A stream that deletes what is settled (retention ` + "`workqueue`" + ` or
` + "`interest`" + `) would delete it: there nothing is given up, which a warning says.

== Pause

In a stream with a ` + "`backpressure`" + ` buffer the input is paused while the buffer is high. It then asks the server for nothing
more. A request that is open at that moment ends within a second; what it still brings is kept and handed over. The server keeps the
rest, and after the resume the next message is the one that follows.

== Faults

A request that is refused, or of which nothing arrives in time, is a stall: the consumer is looked for, made anew if it is gone (starting at the first
message that is not settled, or behind the last ack floor seen where others share the consumer) or waited for with ` + "`bind`" + `, and asked again, for
ever. Stalls are counted (` + "`jetstream_stalls`" + `); from the third in a row on the input is unhealthy until the server answers, and at once when the server says that a
right is missing. The server confirms the acknowledgements of each batch; those that nobody heard, because the consumer was without a leader, are sent again.

Every 5 seconds the server is asked where the consumer stands. That gives the lag (pending and unacknowledged messages); it shows an ` + "`ack_wait`" + ` that
somebody has changed, a consumer that delivers no more because ` + "`max_ack_pending`" + ` is reached, and a consumer that stands beyond the end of its stream (see
` + "`on_stream_reset`" + `). Of a stream that was made anew what had arrived before is still handed over; what of it is rejected nobody can deliver again, which is counted (` + "`jetstream_discarded`" + `).

== Loss

What the stream deletes before it was delivered, by its limits, a purge or a deletion, is counted (` + "`records_lost`" + ` of ` + "`/health`" + `) and logged with its sequences when the next message comes. Of a consumer
that reads some of its stream's subjects alone at least what is sure is counted: what was left out may be of others.

== Metadata

- nats_subject
- nats_stream
- nats_consumer
- the keys of ` + "`metadata`" + `
- what ` + "`record_metadata`" + ` asks for
`

func jetSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Categories("Services").
		Summary("Pulls from a durable consumer of NATS JetStream, in batches, and can be paused by the backpressure buffer without losing or repeating anything.").
		Description(jetDescription).
		Fields(connectionHeadFields()...).
		Fields(jetConsumerFields()...).
		Fields(jetMessageFields()...).
		Fields(connectionTailFields()...).
		LintRule(jetLintRule).
		Example("Candles", "All candles of a stream, under a consumer that is made when it does not exist.", `
input:
  label: ch_candles
  pausable_nats_jetstream:
    urls: [nats://127.0.0.1:4222]
    stream: CANDLES
    durable: data-bridge
    subjects: [market.candles.>]
    metadata: {table: candles}
`)
}

func jetConsumerFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldStream).
			Description("The stream to read. It must exist.").
			Example("CANDLES").LintRule(nameLintRule(fieldStream)),
		service.NewStringField(fieldDurable).
			Description("The name of the durable consumer.").
			Example("data-bridge").LintRule(nameLintRule(fieldDurable)),
		service.NewStringField(fieldDomain).
			Description("The JetStream domain of the stream, where it is not the one of the server that we connect to, such as that of a hub seen from a leaf node.").
			Default("").Example("hub").Advanced().LintRule(prefixLintRule(fieldDomain)),
		service.NewStringField(fieldAPIPrefix).
			Description("What the subjects of the JetStream API begin with, where another account exports them under a prefix of its own. `domain` stands for `$JS.<domain>.API`: set one of the two.").
			Default("").Example("JS.market.API").Advanced().LintRule(prefixLintRule(fieldAPIPrefix)),
		service.NewBoolField(fieldBind).
			Description("Whether the consumer is one that exists, and is used as it is. Otherwise it is made, or brought up to date, from `subjects`, " +
				"`deliver`, `ack_policy`, `ack_wait` and `max_ack_pending`.").
			Default(false).Example(true),
		service.NewStringListField(fieldSubjects).
			Description("The subjects of the stream to read, wildcards included. Empty: all.").
			Default([]any{}).Example([]string{"market.candles.>"}),
		service.NewStringAnnotatedEnumField(fieldDeliver, map[string]string{
			"all":               "from the first message of the stream.",
			"last":              "from the last message of the stream.",
			"last_per_subject":  "from the last message of each subject.",
			"new":               "from what is published from now on.",
			"by_start_sequence": "from `start_sequence` on.",
			"by_start_time":     "from `start_time` on.",
		}).Description("Where a consumer starts that does not exist yet. One that exists goes on where it is.").
			Default("all").Example("new"),
		service.NewStringAnnotatedEnumField(fieldOnReset, map[string]string{
			onResetResume: "say so, and go on with what the stream has: the consumer is deleted and made anew, and begins with what was stored since the last delivery, less a minute for clocks that differ. Nothing that the stream holds is left out; some of it may come a second time.",
			onResetFail:   "say so, and read nothing until somebody has made the consumer anew; a stream that was made anew is read after a restart of the bridge.",
		}).Description("What to do when the stream was set back: restored from a backup, made anew, or robbed of its end by a crash. Its sequences then begin again below where the consumer stands, and the server " +
			"would deliver nothing until they have passed it, without a word. `resume` is the default because it leaves nothing out; choose `fail` where a repeated message costs more than a standstill. A consumer that is bound to is never touched: " +
			"there it is always `fail`.").
			Default(onResetResume).Example(onResetFail),
		service.NewIntField(fieldStartSequence).
			Description("The first sequence of `deliver: by_start_sequence`.").
			Default(0).Example(1000).Advanced(),
		service.NewStringField(fieldStartTime).
			Description("The first time of `deliver: by_start_time`, as RFC 3339.").
			Default("").Example("2026-01-31T00:00:00Z").Advanced(),
		service.NewStringAnnotatedEnumField(fieldAckPolicy, map[string]string{
			"explicit": "one acknowledgement for each message.",
			"all": "one acknowledgement covers all messages before it. It is sent up to where everything is settled, and costs bridge and server less. " +
				"For a consumer that no other client shares.",
		}).Description("How messages are acknowledged. It cannot be changed on a consumer that exists.").
			Default("explicit").Example("all"),
		service.NewDurationField(fieldAckWait).
			Description("How long after its last sign of life the server delivers a message again, for instance after a crash of the bridge. At least 100ms.").
			Default("30s").Example("10s").LintRule(durationLintRuleOf(fieldAckWait, minAckWait, "too short: at least "+minAckWait.String()+" is required")),
		service.NewIntField(fieldMaxAckPending).
			Description("How many messages may be unacknowledged before the server delivers no more, -1 for any number. It must be above `pause_threshold` of the `backpressure` " +
				"buffer, best above `max_buffer_size` and `pending_limits.messages` together: otherwise the server stops before the gate can pause.").
			Default(65536).Example(262144),
		service.NewIntField(fieldMaxDeliveries).
			Description("How often a message is delivered at most before it is given up. 0: for ever.").
			Default(0).Example(5).LintRule(atLeastLintRule(fieldMaxDeliveries, 0)),
	}
}

func jetMessageFields() []*service.ConfigField {
	return []*service.ConfigField{
		metadataField("candles"),
		service.NewStringListField(fieldRecordMetadata).
			Description("Metadata that differs from message to message, each key of which costs time: `nats_sequence_stream`, `nats_sequence_consumer`, `nats_num_delivered`, " +
				"`nats_num_pending`, `nats_timestamp_unix_nano`, `headers` (each header as a key of its own, with its first value; it replaces no other key).").
			Default([]any{}).Example([]string{metaSequenceStream, metaTimestamp}).
			LintRule(recordMetadataLintRule(jetRecordMetadata)),
		perMessageField("`nats_subject`"),
		batchField(),
		pendingLimitsField("How much is asked for ahead of what the stream takes, and waits in the client.",
			10000, 50000, 32<<20, "Bytes. A single message that is larger is delivered alone. A server cuts a client off that leaves more than its `max_pending` (64 MiB by default) unread: stay well below it. On a slow link less is asked for at once, as much as it brings in about a second."),
	}
}
