package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
)

// dataset is what some competitors read: so many ticks in messages of so many.
type dataset struct {
	source  source
	records int
	frame   int
}

// name is that of its topic, subject or stream.
func (d dataset) name() string {
	return fmt.Sprintf("bench-%s-%d-%d", d.source.short(), d.records, d.frame)
}

// preload fills what keeps its records, once. Core NATS is fed as a competitor reads.
func (s *servers) preload(ctx context.Context, d dataset) error {
	if _, ok := s.loaded[d.name()]; ok {
		return nil
	}
	began := time.Now()
	var err error
	switch d.source {
	case sourceKafka:
		err = s.loadKafka(ctx, d)
	case sourceJetStream:
		err = s.loadJetStream(ctx, d)
	default:
		return nil
	}
	if err != nil {
		return fmt.Errorf("loading %s: %w", d.name(), err)
	}
	s.loaded[d.name()] = d.records
	progress("loaded %s in %.1f s", d.name(), time.Since(began).Seconds())
	return nil
}

// messages calls publish with each message of the dataset; it may keep it.
func (d dataset) messages(publish func(message []byte) error) error {
	gen := tick.New(1)
	for gen.Seq() < d.records {
		n := min(d.frame, d.records-gen.Seq())
		if err := publish(gen.AppendFrame(make([]byte, 0, n*140), n)); err != nil {
			return err
		}
	}
	return nil
}

func (s *servers) loadKafka(ctx context.Context, d dataset) error {
	return s.produce(ctx, d.name(), partitions, func(publish func(*kgo.Record) error) error {
		return d.messages(func(message []byte) error { return publish(&kgo.Record{Value: message}) })
	})
}

// produce makes a topic and fills it with what all publishes, spread evenly:
// round robin, in place of a batch here and a batch there.
func (s *servers) produce(ctx context.Context, topic string, partitions int, all func(publish func(*kgo.Record) error) error) error {
	if err := s.kafka.CreateTopic(ctx, topic, int32(partitions)); err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.kafka.Addr()),
		kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerLinger(20*time.Millisecond),
		kgo.MaxBufferedRecords(200_000),
		kgo.MaxBufferedBytes(256<<20),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	failed := make(chan error, 1)
	err = all(func(record *kgo.Record) error {
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default: // only the first matters
				}
			}
		})
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (s *servers) loadJetStream(ctx context.Context, d dataset) error {
	conn, err := s.nats.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(8192))
	if err != nil {
		return err
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: d.name(), Subjects: []string{d.name()}}); err != nil {
		return err
	}
	err = d.messages(func(message []byte) error {
		_, err := js.PublishMsgAsync(&nats.Msg{Subject: d.name(), Data: message}, jetstream.WithStallWait(time.Minute))
		return err
	})
	if err != nil {
		return err
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.complete(ctx, js, d)
}

// complete checks that the stream has every message: publications that the
// server refused would only be seen on their futures.
func (s *servers) complete(ctx context.Context, js jetstream.JetStream, d dataset) error {
	stream, err := js.Stream(ctx, d.name())
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	if want := (d.records + d.frame - 1) / d.frame; int(info.State.Msgs) != want {
		return fmt.Errorf("the stream has %d messages, not %d", info.State.Msgs, want)
	}
	return nil
}

// forget removes the durable consumer of a run, which would cost the server.
func (s *servers) forget(ctx context.Context, d dataset, group string) error {
	if d.source != sourceJetStream {
		return nil
	}
	conn, err := s.nats.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	if err := js.DeleteConsumer(ctx, d.name(), group); err != nil {
		return fmt.Errorf("removing the consumer of a run: %w", err)
	}
	return nil
}
