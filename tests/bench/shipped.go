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

// followShipped publishes the three streams, each inside its own window, and
// takes the time until everything is stored.
func (s *servers) followShipped(ctx context.Context, c competitor, name string, ch *child, r *run) error {
	sinks, closeAll, err := s.openStreams(ctx, name, ch)
	if err != nil {
		return err
	}
	defer closeAll()
	ctx, cancel := context.WithCancel(ctx)
	windows := make([]*bounded, len(streams))
	fed := make(chan error, len(streams))
	began := time.Now()
	for i, stream := range streams {
		windows[i] = &bounded{size: shippedWindow}
		go func() { fed <- publishStream(ctx, sinks[i], stream, c.Records, windows[i]) }() // ends with its context, and is waited for
	}
	err = s.await(ctx, ch, c.Records, func() (total int, err error) {
		for i, stream := range streams {
			n, err := s.stored(ctx, "market", string(stream.kind))
			if err != nil {
				return 0, err
			}
			windows[i].stored.Store(int64(n))
			total += n
		}
		return total, nil
	})
	r.Seconds = time.Since(began).Seconds()
	cancel()
	var errs []error
	for range streams {
		errs = append(errs, <-fed)
	}
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	return nil
}

// publishStream publishes a stream's share of so many records.
func publishStream(ctx context.Context, sink marketdata.Sink, of stream, records int, w *bounded) error {
	gen, err := marketdata.New(1, of.kind, shippedStream)
	if err != nil {
		return err
	}
	for records = of.of(records); int(gen.Seq()) < records; {
		sent := int(gen.Seq())
		n, err := w.room(ctx, sent, min(chunk, records-sent))
		if err != nil {
			return fmt.Errorf("publishing %s: %w", of.kind, err)
		}
		if err := publishUpTo(ctx, sink, gen, sent+n); err != nil {
			return err
		}
	}
	return sink.Flush(ctx)
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
