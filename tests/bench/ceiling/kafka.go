package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// offsets are the next ones to read, by partition, once a block is stored.
type offsets map[int32]kgo.EpochOffset

func runKafka(ctx context.Context, o options, blocks func() block) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(o.address),
		kgo.ConsumeTopics(o.name),
		kgo.ConsumerGroup(o.group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(time.Second),
		kgo.FetchMaxWait(500*time.Millisecond),
	)
	if err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	defer client.Close()

	p := newPump(o.rows, blocks, func(h *held[offsets]) error {
		client.MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset{o.name: h.acks})
		h.acks = nil
		return nil
	})
	failed, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		failed <- pollKafka(ctx, client, p)
	}()
	err = p.run(ctx, onlyErrors(ctx, failed), func() { <-ended })
	return errors.Join(err, client.CommitMarkedOffsets(context.WithoutCancel(ctx)))
}

// onlyErrors keeps the end of a source that ctx ended from being taken for a failure.
func onlyErrors(ctx context.Context, failed <-chan error) <-chan error {
	errs := make(chan error, 1)
	go func() { // ends with the source
		if err := <-failed; err != nil && ctx.Err() == nil {
			errs <- err
		}
	}()
	return errs
}

func pollKafka(ctx context.Context, client *kgo.Client, p *pump[offsets]) error {
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("polling Kafka: %w", err)
		}
		var err error
		fetches.EachPartition(func(t kgo.FetchTopicPartition) {
			if err == nil {
				err = takePartition(p, t.Partition, t.Records)
			}
		})
		if err != nil {
			return err
		}
	}
}

func takePartition(p *pump[offsets], partition int32, records []*kgo.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, record := range records {
		if err := p.take(record.Value); err != nil {
			return err
		}
		if i == len(records)-1 || p.current.rows() >= p.rows {
			if p.current.acks == nil {
				p.current.acks = offsets{}
			}
			p.current.acks[partition] = kgo.EpochOffset{Epoch: record.LeaderEpoch, Offset: record.Offset + 1}
			p.roll()
		}
	}
	return nil
}
