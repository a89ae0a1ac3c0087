package stack

import "context"

// kafkaNextVersion is the newest release of Apache Kafka that the tests use:
// what kafkaVersion does not have yet, such as the consumer group protocol of
// KIP-848 as clients speak it, is tested on it.
const kafkaNextVersion = "4.3.0"

// StartKafkaNext is StartKafkaWith for the newest release. It is kfake where
// Apache Kafka cannot be had.
func StartKafkaNext(ctx context.Context, opts KafkaOptions) (*Kafka, error) {
	opts.version = kafkaNextVersion
	return StartKafkaWith(ctx, opts)
}
