// Command ceiling is what the other competitors are measured against: the
// fastest program that can sensibly be written by hand for this one record and
// this one table. It has no configuration, no buffer with a bound, no retries
// and no dead letters: an error ends it. What it has in common with the others
// is the delivery: a source hears of a record when ClickHouse has stored it.
//
// A message holds one record, or many divided by newlines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

const (
	// batchRows is how many rows an insert has.
	batchRows = 100_000
	// streamRows is the same for the three streams of the shipped pipeline.
	streamRows = 10_000
	// batchPeriod is how long the first row of a smaller one waits.
	batchPeriod = 500 * time.Millisecond
	// gcPercent is what data-bridge sets for itself.
	gcPercent = 400
)

// options are the command line.
type options struct {
	source     string // kafka, nats, jetstream or shipped
	address    string // of the source; of NATS for shipped
	brokers    string // of Kafka for shipped
	name       string // of the topic, subject or stream; prefix of the subjects for shipped
	group      string // consumer group or durable
	clickhouse string
	client     string // chgo or clickhouse-go
	rows       int    // of an insert
}

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	o := options{rows: batchRows}
	flag.StringVar(&o.source, "source", "kafka", "kafka, nats, jetstream or shipped: three streams into the three tables of market")
	flag.StringVar(&o.address, "address", "", "broker or URL of the source")
	flag.StringVar(&o.brokers, "brokers", "", "broker of Kafka beside NATS, for shipped")
	flag.StringVar(&o.name, "name", "", "topic, subject or stream")
	flag.StringVar(&o.group, "group", "ceiling", "consumer group or durable")
	flag.StringVar(&o.clickhouse, "clickhouse", "", "host:port of ClickHouse's native protocol")
	flag.StringVar(&o.client, "client", "chgo", "chgo or clickhouse-go")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ceiling:", err)
		os.Exit(1)
	}
}

// run moves records until ctx ends, and then what it holds.
func run(ctx context.Context, o options) error {
	if o.source == "shipped" {
		return runShipped(ctx, o)
	}
	blocks, closeClient, err := openClient(ctx, o)
	if err != nil {
		return err
	}
	defer closeClient()
	switch o.source {
	case "kafka":
		return runKafka(ctx, o, blocks)
	case "nats":
		return runNATS(ctx, o, blocks)
	case "jetstream":
		return runJetStream(ctx, o, blocks)
	}
	return fmt.Errorf("choosing the source: %q is none of kafka, nats, jetstream and shipped", o.source)
}

// openClient connects to ClickHouse and returns what makes blocks for it.
func openClient(ctx context.Context, o options) (func() block, func(), error) {
	switch o.client {
	case "chgo":
		return openCHGo(ctx, o.clickhouse)
	case "clickhouse-go":
		return openColumnar(ctx, o.clickhouse)
	}
	return nil, nil, errors.New("choosing the client: neither chgo nor clickhouse-go")
}
