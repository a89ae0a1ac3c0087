package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

// load is what is published: the rates are those of each kind.
type load struct {
	kinds  string
	stream string
	seed   uint64
	shape  marketdata.Shape
}

// targets are where it is published to.
type targets struct{ nats, kafka string }

func loadFlags(flags *flag.FlagSet) *load {
	l := &load{}
	flags.StringVar(&l.kinds, "kinds", "ticks,candles,external", "what to publish")
	flags.StringVar(&l.stream, "stream", "", "name of the run in every record; the time of start if empty")
	flags.Uint64Var(&l.seed, "seed", 1, "seed of the random walk")
	flags.Float64Var(&l.shape.Rate, "rate", 1000, "records a second of each kind, 0 for as fast as possible")
	flags.Int64Var(&l.shape.Count, "count", 0, "records of each kind, 0 for no end")
	flags.Float64Var(&l.shape.BurstFactor, "burst", 0, "multiply the rate by this in a burst, 0 for no bursts")
	flags.DurationVar(&l.shape.BurstEvery, "burst-every", 30*time.Second, "time from burst to burst")
	flags.DurationVar(&l.shape.BurstLength, "burst-length", 5*time.Second, "length of a burst")
	return l
}

func generate(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	to := targets{}
	flags.StringVar(&to.nats, "nats", os.Getenv("NATS_URLS"), "URLs of NATS, by default those of NATS_URLS")
	flags.StringVar(&to.kafka, "kafka", os.Getenv("KAFKA_BROKERS"), "brokers of Kafka, by default those of KAFKA_BROKERS")
	load := loadFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	return publishAll(ctx, to, *load)
}

// publishAll publishes every kind at the same time and tells how much of each arrived.
func publishAll(ctx context.Context, to targets, l load) error {
	if l.stream == "" {
		l.stream = time.Now().UTC().Format("20060102T150405")
	}
	kinds := strings.Split(l.kinds, ",")
	errs := make([]error, len(kinds))
	var wg sync.WaitGroup
	for i, kind := range kinds {
		wg.Go(func() { errs[i] = publishKind(ctx, to, l, marketdata.Kind(strings.TrimSpace(kind))) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func publishKind(ctx context.Context, to targets, l load, kind marketdata.Kind) error {
	gen, err := marketdata.New(l.seed, kind, l.stream)
	if err != nil {
		return err
	}
	sink, closeSink, err := sinkOf(to, kind)
	if err != nil {
		return err
	}
	defer closeSink()
	published, err := marketdata.Publish(ctx, sink, gen, l.shape)
	fmt.Printf("published %s: %d (stream %s)\n", kind, published, l.stream)
	return err
}

// sinkOf connects to the server of a kind: Kafka for external events, else NATS.
func sinkOf(to targets, kind marketdata.Kind) (marketdata.Sink, func(), error) {
	if kind == marketdata.External {
		client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(to.kafka, ",")...))
		if err != nil {
			return nil, nil, fmt.Errorf("connecting to Kafka at %q (-kafka): %w", to.kafka, err)
		}
		return marketdata.KafkaSink(client, topicExternal), client.Close, nil
	}
	conn, err := nats.Connect(to.nats)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to NATS at %q (-nats): %w", to.nats, err)
	}
	prefix := prefixTicks
	if kind == marketdata.Candles {
		prefix = prefixCandles
	}
	return marketdata.NATSSink(conn, prefix), conn.Close, nil
}
