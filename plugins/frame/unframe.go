package frame

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// UnframeName is the name of the processor that takes frames apart.
const UnframeName = "unframe"

func init() {
	service.MustRegisterProcessor(UnframeName, UnframeSpec(), NewUnframe)
}

// UnframeSpec is the configuration of the processor: it has none.
func UnframeSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Stable().
		Categories("Parsing").
		Summary("Makes messages of one record of those that an input made of many (`records_per_message`), for processors that work on records.").
		Description("Each record has the metadata of the message that it was in. Messages of one record pass unchanged. Records cost as much from here on as if they had come one by one. The host takes each of them for as many as travelled together when it counts what processors and outputs have sent; the figures of data-bridge are right.").
		Field(service.NewObjectField("").Default(map[string]any{})).
		Example("Filter framed records", "The records travel together to the pipeline, and one by one through it.", `
input:
  pausable_kafka:
    seed_brokers: [127.0.0.1:9092]
    topics: [market.external]
    consumer_group: data-bridge
    records_per_message: 1000
pipeline:
  processors:
    - unframe: {}
    - mapping: root = if this.venue == "test" { deleted() }
`)
}

type unframe struct{}

// NewUnframe makes the processor.
func NewUnframe(*service.ParsedConfig, *service.Resources) (service.Processor, error) {
	return unframe{}, nil
}

// Process implements service.Processor.
func (unframe) Process(_ context.Context, m *service.Message) (service.MessageBatch, error) {
	f := Of(m)
	if f == nil {
		return service.MessageBatch{m}, nil
	}
	out := make(service.MessageBatch, f.Len())
	for i := range out {
		out[i] = f.Single(m, f.Record(i))
	}
	return out, nil
}

// Close implements service.Processor.
func (unframe) Close(context.Context) error { return nil }
