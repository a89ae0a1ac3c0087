package nats

import (
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Fields of the batches that both inputs deliver, and of what waits for them.
const (
	fieldMetadata      = "metadata"
	fieldPerMessage    = "records_per_message"
	fieldBatch         = "batch"
	fieldCount         = "count"
	fieldPeriod        = "period"
	fieldPendingLimits = "pending_limits"
	fieldMessages      = "messages"
	fieldBytes         = "bytes"
)

func metadataField(table string) *service.ConfigField {
	return service.NewStringMapField(fieldMetadata).
		Description("Metadata that every message of this input carries. The values are literal. They cost next to nothing per message.").
		Default(map[string]any{}).Example(map[string]any{"table": table})
}

// perMessageField says how many records a message holds; without names what such
// a message lacks.
func perMessageField(without string) *service.ConfigField {
	return service.NewIntField(fieldPerMessage).
		Description("How many records one message holds, at most, divided by newlines. Most of what the host costs is per message: above 1 records travel several times as cheaply from here to the output, which takes them apart again. All counts are of records. Such a message has no " + without +
			". Processors would see many records in one message: put `unframe` before them, which costs what was gained.").
		Default(1).Example(1000).
		LintRule(atLeastLintRule(fieldPerMessage, 1))
}

// errFramedMetadata is what lint and construction say; %v is the value of
// records_per_message.
const errFramedMetadata = "record_metadata is set while records_per_message (%v) puts many records in a message, which has no metadata of single ones"

const framedMetadataLint = `let frame_lints = if this.records_per_message > 1 && this.record_metadata.or([]).length() > 0 { ["` + errFramedMetadata + `".format(this.records_per_message)] } else { [] }
`

// batchField is the field batch, with more in its middle.
func batchField(more ...*service.ConfigField) *service.ConfigField {
	all := []*service.ConfigField{
		service.NewIntField(fieldCount).
			Description("Messages in a batch at most.").Default(5000).Example(1000).
			LintRule(atLeastLintRule("batch.count", 1)),
	}
	all = append(all, more...)
	all = append(all, service.NewDurationField(fieldPeriod).
		Description("How long after its first message a batch that is not full is handed over. `0s`: at once.").
		Default("10ms").Example("50ms").LintRule(durationLintRule("batch.period")))
	return service.NewObjectField(fieldBatch, all...).Description("How messages are collected before they enter the stream.")
}

func pendingLimitsField(description string, messages, example, size int, bytes string) *service.ConfigField {
	return service.NewObjectField(fieldPendingLimits,
		service.NewIntField(fieldMessages).
			Description("Messages, at least `batch.count`.").Default(messages).Example(example).
			LintRule(atLeastLintRule("pending_limits.messages", 1)),
		service.NewIntField(fieldBytes).
			Description(bytes).Default(size).Example(size/2).
			LintRule(atLeastLintRule("pending_limits.bytes", 1)),
	).Description(description).Advanced()
}

// batching is what these fields say.
type batching struct {
	perMessage      int
	count           int
	period          time.Duration
	pendingMessages int
	pendingBytes    int
}

func parseBatching(p *fields) batching {
	return batching{
		perMessage:      p.int(fieldPerMessage),
		count:           p.int(fieldBatch, fieldCount),
		period:          p.duration(fieldBatch, fieldPeriod),
		pendingMessages: p.int(fieldPendingLimits, fieldMessages),
		pendingBytes:    p.int(fieldPendingLimits, fieldBytes),
	}
}

func (b batching) validate(recordMetadata []string) error {
	switch {
	case b.perMessage < 1:
		return fmt.Errorf("%s: %d is too small: at least 1 is required", fieldPerMessage, b.perMessage)
	case b.perMessage > 1 && len(recordMetadata) > 0:
		return fmt.Errorf(errFramedMetadata, b.perMessage)
	case b.count < 1:
		return fmt.Errorf("batch.count: %d is too small: at least 1 is required", b.count)
	case b.period < 0:
		return fmt.Errorf("batch.period: %q is negative: 0s or more is required", b.period)
	case b.pendingMessages < b.count:
		return fmt.Errorf("pending_limits.messages (%d) is less than batch.count (%d): a full batch could never wait in the queue",
			b.pendingMessages, b.count)
	case b.pendingBytes < 1:
		return fmt.Errorf("pending_limits.bytes: %d is too small: at least 1 is required", b.pendingBytes)
	}
	return nil
}
