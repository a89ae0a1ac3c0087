package nats

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Fields of pausable_nats, beside those of the connection.
const (
	coreName = "pausable_nats"

	fieldSubjects    = "subjects"
	fieldQueue       = "queue"
	fieldOnPause     = "on_pause"
	fieldByteSize    = "byte_size"
	fieldReplayNacks = "auto_replay_nacks"

	onPauseDrop  = "drop"
	onPauseLeave = "leave"
)

const subjectPattern = `^([^\s.>]+\.)*([^\s.>]+|>)$`

var validSubject = regexp.MustCompile(subjectPattern)

const coreDescription = `
Messages are delivered at most once, as core NATS does: what the server sends while nobody is subscribed is gone. Use
JetStream for data that must survive.

== Pause

In a stream with a ` + "`backpressure`" + ` buffer the input is paused while the buffer is high. It then stays subscribed and
discards what arrives (` + "`on_pause: drop`" + `), counting every message, so that fresh data comes first after the resume; or it keeps
the newest message of each key (` + "`on_pause: conflate`" + `), such as the last price of each instrument, and delivers those before
fresh data, in the order in which they arrived. With a queue group it can also leave the group until the resume
(` + "`on_pause: leave`" + `), so that its share goes to the members that are not paused; what is published while all of them are paused
is gone, and nobody can count it. What was already collected in a batch when the pause began is still delivered.

== Loss

Every message that does not reach the buffer is counted: as conflated (a newer one of its key took its place), as dropped (by
a pause, or because it was still queued when the input was stopped) or as slow consumer (the client's queue was beyond
` + "`pending_limits`" + `).

== Memory

However fast messages come and however large they are, the input holds no more than ` + "`pending_limits`" + ` for each of
` + "`subjects`" + `, one batch that is being filled and one that is being handed over, each of ` + "`batch.count`" + ` messages and
` + "`batch.byte_size`" + ` bytes at most, and what ` + "`conflate`" + ` may keep.

== Metadata

- nats_subject
- the keys of ` + "`metadata`" + `, which no header can overwrite
- what ` + "`record_metadata`" + ` asks for
`

func coreSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Categories("Services").
		Summary("Subscribes to subjects of core NATS, in batches, and can be paused by the backpressure buffer.").
		Description(coreDescription).
		Fields(connectionHeadFields()...).
		Fields(coreFields()...).
		Fields(connectionTailFields()...).
		LintRule(coreLintRule).
		Example("Market ticks", "All ticks, shared with the other replicas of the queue group.", `
input:
  label: ticks
  pausable_nats:
    urls: [nats://127.0.0.1:4222]
    subjects: [market.ticks.>]
    queue: data-bridge
    metadata: {table: ticks}
`).
		Example("The last price of each instrument", "What a pause would lose is only what a newer price made worthless.", `
input:
  label: ticks
  pausable_nats:
    urls: [nats://127.0.0.1:4222]
    subjects: [market.ticks.>]
    on_pause: conflate
    conflate:
      key: ${! json("symbol") }
      max_keys: 20000
`)
}

func coreFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringListField(fieldSubjects).
			Description("The subjects to subscribe to, wildcards included. Subjects that overlap deliver a message once for each.").
			Example([]string{"market.ticks.>"}).
			Example([]string{"market.*.eurusd", "market.*.usdjpy"}),
		service.NewStringField(fieldQueue).
			Description("A queue group: its members share the messages, each message goes to one of them. Empty: every input gets all messages.").
			Default("").Example("data-bridge").LintRule(queueLintRule),
		service.NewStringAnnotatedEnumField(fieldOnPause, map[string]string{
			onPauseDrop:     "stay subscribed, discard what arrives and count it: fresh data is worth more than old data.",
			onPauseLeave:    "leave the queue group: its other members get this one's share. Nothing is discarded here; what is published while no member is left is lost, uncounted.",
			onPauseConflate: "stay subscribed, keep the newest message of each key, and deliver those first after the resume. What a newer one took the place of is counted as conflated.",
		}).Description("What to do with the messages that arrive while the input is paused.").
			Default(onPauseDrop).Example(onPauseConflate),
		conflateField(),
		metadataField("ticks"),
		service.NewStringListField(fieldRecordMetadata).
			Description("Metadata that differs from message to message, which costs time for each that has it: `nats_reply_subject`, " +
				"`headers` (each header as a key of its own, with its first value; it replaces no other key).").
			Default([]any{}).
			Example([]string{metaHeaders}).
			LintRule(recordMetadataLintRule(coreRecordMetadata)),
		perMessageField("`nats_subject`"),
		batchField(service.NewIntField(fieldByteSize).
			Description("Bytes in a batch at most, subjects and headers included. A message that is larger makes a batch by itself.").
			Default(16 << 20).Example(1 << 20).
			LintRule(atLeastLintRule("batch.byte_size", 1))),
		pendingLimitsField("How much each subject may queue in the client while the stream takes nothing. Beyond it messages are discarded and counted as slow consumer.",
			65536, 524288, 64<<20, "Bytes."),
		service.NewBoolField(fieldReplayNacks).
			Description("Whether batches that the stream rejects are delivered again until it takes them. Set it only in a stream without the `backpressure` buffer, " +
				"which does that by itself; it costs CPU per message. Without it a rejected message is lost, and counted (`nats_nacked`).").
			Default(false).Example(true).Advanced(),
	}
}

// coreConfig is the configuration of one pausable_nats.
type coreConfig struct {
	batching
	connection     connectionConfig
	subjects       []string
	queue          string
	conflate       conflateConfig
	leave          bool // a pause leaves the queue group
	metadata       map[string]string
	recordMetadata []string
	byteSize       int
	replayNacks    bool
}

func parseCore(conf *service.ParsedConfig) (c coreConfig, err error) {
	if c.connection, err = parseConnection(conf); err != nil {
		return c, err
	}
	if c.conflate, err = parseConflate(conf); err != nil {
		return c, err
	}
	p := fields{conf: conf}
	c.subjects = p.strings(fieldSubjects)
	c.queue = p.string(fieldQueue)
	c.leave = p.string(fieldOnPause) == onPauseLeave
	c.metadata = p.pairs(fieldMetadata)
	c.recordMetadata = p.strings(fieldRecordMetadata)
	c.batching = parseBatching(&p)
	c.byteSize = p.int(fieldBatch, fieldByteSize)
	c.replayNacks = p.bool(fieldReplayNacks)
	if p.err != nil {
		return c, p.err
	}
	return c, c.validate()
}

func (c coreConfig) validate() error {
	if err := c.validateSubjects(); err != nil {
		return err
	}
	if err := validateRecordMetadata(c.recordMetadata, coreRecordMetadata); err != nil {
		return err
	}
	if c.byteSize < 1 {
		return fmt.Errorf("batch.byte_size: %d is too small: at least 1 is required", c.byteSize)
	}
	return c.batching.validate(c.recordMetadata)
}

func (c coreConfig) validateSubjects() error {
	if len(c.subjects) == 0 {
		return errors.New("subjects is empty: name at least one, such as market.ticks.>")
	}
	if c.leave && c.queue == "" {
		return errors.New(leaveWithoutQueue)
	}
	if strings.ContainsAny(c.queue, " \t\r\n") {
		return fmt.Errorf("queue: %q contains a space: a queue group's name must not", c.queue)
	}
	return validateSubjects(c.subjects)
}

func validateSubjects(subjects []string) error {
	for i, s := range subjects {
		if !validSubject.MatchString(s) {
			return fmt.Errorf("subjects: %q is no NATS subject: tokens without spaces, separated by single dots, > only as the last one", s)
		}
		if slices.Contains(subjects[:i], s) {
			return fmt.Errorf("subjects: %q is named twice, which would deliver its messages twice", s)
		}
	}
	return nil
}
