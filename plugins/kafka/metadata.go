package kafka

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The metadata keys of a message, named as Redpanda Connect names them.
const (
	metaTopic         = "kafka_topic"
	metaPartition     = "kafka_partition"
	metaOffset        = "kafka_offset"
	metaKey           = "kafka_key"
	metaTimestampMs   = "kafka_timestamp_ms"
	metaTimestampUnix = "kafka_timestamp_unix"
	metaHeaders       = "headers" // stands for one key per record header
)

// templates returns a maker of the message that all messages of a partition are
// copied from. Copies share its metadata and its context, so that both cost
// nothing per record.
func templates(ctx context.Context, static map[string]string) func(topicPartition) *service.Message {
	return func(tp topicPartition) *service.Message {
		m := service.NewMessageWithContext(ctx, nil)
		for k, v := range static {
			m.MetaSetMut(k, v)
		}
		m.MetaSetMut(metaTopic, tp.topic)
		m.MetaSetMut(metaPartition, int(tp.partition))
		return m
	}
}

// decorator sets the metadata that differs from record to record.
type decorator func(*service.Message, *kgo.Record)

var decorators = map[string]decorator{
	metaOffset:        func(m *service.Message, r *kgo.Record) { m.MetaSetMut(metaOffset, int(r.Offset)) },
	metaKey:           func(m *service.Message, r *kgo.Record) { m.MetaSetMut(metaKey, string(r.Key)) },
	metaTimestampMs:   func(m *service.Message, r *kgo.Record) { m.MetaSetMut(metaTimestampMs, r.Timestamp.UnixMilli()) },
	metaTimestampUnix: func(m *service.Message, r *kgo.Record) { m.MetaSetMut(metaTimestampUnix, r.Timestamp.Unix()) },
	metaHeaders:       setHeaders,
}

// setHeaders sets one key per header. A key that is there already stays: a
// producer must not be able to redirect records by a header named table.
func setHeaders(m *service.Message, r *kgo.Record) {
	for _, h := range r.Headers {
		if _, taken := m.MetaGetMut(h.Key); !taken {
			m.MetaSetMut(h.Key, string(h.Value))
		}
	}
}

// decoratorOf returns the decorator for the keys, nil for none.
func decoratorOf(keys []string) decorator {
	if len(keys) == 0 {
		return nil
	}
	return func(m *service.Message, r *kgo.Record) {
		for _, k := range keys {
			decorators[k](m, r)
		}
	}
}
