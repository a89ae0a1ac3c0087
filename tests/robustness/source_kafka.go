package robustness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/robustness/traffic"
)

const (
	partitions   = 4
	largestKafka = 2_000_000
)

func (r *Run) kafkaSource(ctx context.Context, kind string, random *rand.Rand) (*source, error) {
	broker, err := r.servers.Kafka(ctx, kind == next || kind == onceNew)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Brokers()...), kgo.Dialer(broker.DialDirectly))
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	largest := strconv.Itoa(traffic.LargestBatch)
	topic := &faults.Topic{
		Source: kind, Name: r.id + "." + kind, Admin: kadm.NewClient(client), Partitions: partitions,
		Configs: map[string]*string{"max.message.bytes": &largest},
	}
	if _, err := topic.Admin.CreateTopic(ctx, partitions, 1, topic.Configs, topic.Name); err != nil {
		return nil, fmt.Errorf("creating %s: %w", topic.Name, err)
	}
	pub, err := traffic.NewKafka(kind, broker.Brokers(), broker.DialDirectly, topic.Name, partitions, r.shape(kind, largestKafka), random)
	if err != nil {
		return nil, err
	}
	topic.Feed = pub
	r.scene.Kafka, r.scene.KafkaFeed, r.scene.Topic = broker, kind, topic
	s := &source{
		Source:  model.Source{Kind: model.Kafka},
		pub:     pub,
		input:   map[string]any{"pausable_kafka": r.kafkaInput(kind, broker.Brokers(), topic.Name)},
		settled: func(ctx context.Context) (string, error) { return stillInTopic(ctx, topic, r.id) },
		floor:   func(ctx context.Context) (map[int]int64, error) { return topicFloor(ctx, topic, r.id) },
		close: func() {
			pub.Close()
			_, _ = topic.Admin.DeleteTopic(context.WithoutCancel(ctx), topic.Name)
			client.Close()
		},
	}
	if kind == once || kind == onceNew {
		s.Kind = model.KafkaOnce
	}
	return s, nil
}

func (r *Run) kafkaInput(kind string, brokers []string, topic string) map[string]any {
	in := map[string]any{
		"seed_brokers": brokers, "topics": []string{topic}, "consumer_group": r.id,
		"instance_id":   "${INSTANCE_ID:}", // a restart takes the partitions over at once
		"commit_period": "1s", "session_timeout": "20s", "heartbeat_interval": "500ms", "metadata_max_age": "2s",
		"topic_lag_refresh_period": "500ms",
		"batch":                    map[string]any{"count": inputBatch},
		"metadata":                 r.metadata(kind),
	}
	switch kind {
	case next:
		in["group_protocol"] = "consumer"
	case once, onceNew:
		in["exactly_once"] = true
		in["batch"] = map[string]any{"count": inputBatch, "period": "1s"} // a chunk is an insert
	}
	return in
}

// stillInTopic says what a group has not committed.
func stillInTopic(ctx context.Context, t *faults.Topic, group string) (string, error) {
	ends, err := t.Admin.ListEndOffsets(ctx, t.Name)
	if err != nil {
		return "", fmt.Errorf("looking for the ends of %s: %w", t.Name, err)
	}
	commits, err := t.Admin.FetchOffsets(ctx, group)
	if err != nil {
		return "", fmt.Errorf("looking at the commits of %s: %w", group, err)
	}
	why := ""
	ends.Each(func(end kadm.ListedOffset) {
		commit, ok := commits.Lookup(t.Name, end.Partition)
		if end.Offset > 0 && (!ok || commit.At < end.Offset) {
			why = fmt.Sprintf("partition %d ends at %d, and %d is committed", end.Partition, end.Offset, commit.At)
		}
	})
	return why, nil
}

// topicFloor is what the group has committed.
func topicFloor(ctx context.Context, t *faults.Topic, group string) (map[int]int64, error) {
	commits, err := t.Admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("looking at the commits of %s: %w", group, err)
	}
	floor := map[int]int64{}
	commits.Each(func(c kadm.OffsetResponse) {
		if c.Topic == t.Name && c.Err == nil {
			floor[int(c.Partition)] = c.At
		}
	})
	return floor, nil
}
