package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
)

// LargestBatch is what a topic must take of one batch of records.
const LargestBatch = 4 << 20

// keys is how many different ones the records of a partition have.
const keys = 50

// kafka publishes to a topic, and to the partitions that it is told.
type kafka struct {
	client *kgo.Client
	topic  string
}

// Dial opens a connection to a broker.
type Dial func(ctx context.Context, network, host string) (net.Conn, error)

// NewKafka feeds a topic with so many partitions, past any proxy.
func NewKafka(name string, brokers []string, dial Dial, topic string, parts int, shape Shape, random *rand.Rand) (*Publisher, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.Dialer(dial), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(LargestBatch-1024), kgo.ProducerLinger(0), kgo.UnknownTopicRetries(-1),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(time.Second), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.RecordDeliveryTimeout(time.Minute), kgo.ProduceRequestTimeout(answer), kgo.RequestTimeoutOverhead(answer),
	)
	if err != nil {
		return nil, fmt.Errorf("publishing to %s: %w", topic, err)
	}
	return newPublisher(name, parts, &kafka{client: client, topic: topic}, shape, random), nil
}

func (k *kafka) send(r model.Record, body []byte, done func(model.Outcome, int64)) {
	key := strconv.FormatInt(r.Seq%keys, 10)
	record := &kgo.Record{Topic: k.topic, Partition: int32(r.Part), Key: []byte(key), Value: body}
	k.client.Produce(context.Background(), record, func(produced *kgo.Record, err error) {
		if err == nil {
			done(model.Acked, produced.Offset)
		}
	})
}

// flush waits for as long as the broker takes: the client sends again by itself what
// has no answer, once, under its own sequence numbers.
func (k *kafka) flush() { _ = k.client.Flush(context.Background()) }

// renew is for a producer that would take the next topic of the name for the one that
// it knows.
func (k *kafka) renew() { k.client.PurgeTopicsFromProducing(k.topic) }

func (k *kafka) close() { k.client.Close() }
