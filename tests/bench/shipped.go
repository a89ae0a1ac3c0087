package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// stream is one of the three that the shipped pipeline reads.
type stream struct {
	kind  marketdata.Kind
	share int // of all records, in percent
}

var streams = []stream{{marketdata.Ticks, 60}, {marketdata.Candles, 15}, {marketdata.External, 25}}

const shippedStream = "bench"

func (s stream) of(n int) int { return n * s.share / 100 }

func shippedTables() []string {
	var tables []string
	for _, s := range streams {
		tables = append(tables, "market."+string(s.kind))
	}
	return tables
}

// openStreams waits until the pipeline reads, and connects to its sources.
func (s *servers) openStreams(ctx context.Context, name string, ch *child) ([]marketdata.Sink, func(), error) {
	for _, kind := range []marketdata.Kind{marketdata.Ticks, marketdata.Candles} {
		if err := s.awaitSubscriber(ctx, fmt.Sprintf("%s.%s.any", name, kind), ch.done); err != nil {
			return nil, nil, err
		}
	}
	conn, err := s.nats.Connect()
	if err != nil {
		return nil, nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.Addr()), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return []marketdata.Sink{
		marketdata.NATSSink(conn, name+".ticks"),
		marketdata.NATSSink(conn, name+".candles"),
		marketdata.KafkaSink(client, name),
	}, func() { conn.Close(); client.Close() }, nil
}

// followShipped publishes the three streams in step, inside one window, and
// takes the time until everything is stored.
func (s *servers) followShipped(ctx context.Context, c competitor, name string, ch *child, r *run) error {
	sinks, closeAll, err := s.openStreams(ctx, name, ch)
	if err != nil {
		return err
	}
	defer closeAll()
	ctx, cancel := context.WithCancel(ctx)
	w := &bounded{size: shippedWindow}
	fed := make(chan error, 1)
	began := time.Now()
	go func() { fed <- publishMix(ctx, sinks, c.Records, w) }() // ends with its context, and is waited for
	err = s.await(ctx, ch, c.Records, func() (total int, err error) {
		for _, stream := range streams {
			n, err := s.stored(ctx, "market", string(stream.kind))
			if err != nil {
				return 0, err
			}
			total += n
		}
		w.stored.Store(int64(total))
		return total, nil
	})
	r.Seconds = time.Since(began).Seconds()
	cancel()
	if feedErr := <-fed; err != nil {
		return errors.Join(err, feedErr)
	}
	return nil
}

// publishMix publishes so many records in all, each stream by its share.
func publishMix(ctx context.Context, sinks []marketdata.Sink, records int, w *bounded) error {
	generators := make([]*marketdata.Generator, len(streams))
	for i, stream := range streams {
		var err error
		if generators[i], err = marketdata.New(1, stream.kind, shippedStream); err != nil {
			return err
		}
	}
	for sent := 0; sent < records; {
		n, err := w.room(ctx, sent, min(chunk, records-sent))
		if err != nil {
			return fmt.Errorf("publishing the streams: %w", err)
		}
		sent += n
		for i, stream := range streams {
			if err := publishUpTo(ctx, sinks[i], generators[i], stream.of(sent)); err != nil {
				return err
			}
		}
	}
	var errs []error
	for _, sink := range sinks {
		errs = append(errs, sink.Flush(ctx))
	}
	return errors.Join(errs...)
}

func publishUpTo(ctx context.Context, sink marketdata.Sink, gen *marketdata.Generator, seq int) error {
	var buf []byte
	for int(gen.Seq()) < seq {
		buf = gen.AppendNext(buf[:0])
		if err := sink.Publish(ctx, gen.Key(), buf); err != nil {
			return fmt.Errorf("publishing %s: %w", gen.Kind(), err)
		}
	}
	return nil
}
