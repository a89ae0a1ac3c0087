package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Topic of the external events, and the prefixes of the subjects of the others.
const (
	topicExternal   = "market.external"
	prefixTicks     = "market.ticks"
	prefixCandles   = "market.candles"
	topicPartitions = 4
	sqlDir          = "config/sql"
)

// servers are what up runs.
type servers struct {
	nats       *stack.NATS
	kafka      *stack.Kafka
	clickhouse stack.ClickHouse
}

func up(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	kind := flags.String("clickhouse", stack.KindAuto,
		"which ClickHouse: given ("+stack.EnvClickHouseAddr+"), path, chdb or legacy; the first that can be had if empty")
	publish := flags.Bool("generate", false, "publish market data until Ctrl-C")
	load := loadFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := startServers(ctx, *kind)
	if err != nil {
		return err
	}
	defer func() {
		if err := s.close(); err != nil {
			fmt.Fprintln(os.Stderr, "devstack: stopping:", err)
		}
	}()
	s.printEnv(os.Stdout)
	fmt.Fprintln(os.Stderr, "devstack: running, Ctrl-C stops everything")
	if *publish {
		return publishAll(ctx, targets{nats: s.nats.URL(), kafka: s.kafka.Addr()}, *load)
	}
	<-ctx.Done()
	return nil
}

// startServers starts all servers and creates the topic and the tables.
// The caller closes them.
func startServers(ctx context.Context, kind string) (s *servers, err error) {
	s = &servers{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.nats, err = stack.StartNATS(stack.NATSOptions{}); err != nil {
		return s, err
	}
	if s.kafka, err = stack.StartKafka(ctx); err != nil {
		return s, err
	}
	if err = s.kafka.CreateTopic(ctx, topicExternal, topicPartitions); err != nil {
		return s, err
	}
	if s.clickhouse, err = stack.StartClickHouse(ctx, kind, stack.ClickHouseOptions{}); err != nil {
		return s, err
	}
	return s, stack.ApplySQL(ctx, s.clickhouse, sqlDir)
}

// printEnv writes the addresses in the names that config/bridge.yaml reads.
func (s *servers) printEnv(w io.Writer) {
	kafka := "Apache Kafka"
	if s.kafka.Fake() != "" {
		kafka = "kfake (in process)"
	}
	fmt.Fprintf(w, "# NATS with JetStream, %s, ClickHouse %s (%s)\n", kafka, s.clickhouse.Version(), s.clickhouse.Kind())
	for _, line := range s.env() {
		fmt.Fprintln(w, "export "+line)
	}
}

func (s *servers) env() []string {
	ch := s.clickhouse
	precision := "strict"
	if ch.Legacy() { // its times end at seconds
		precision = "truncate"
	}
	return []string{
		"NATS_URLS=" + s.nats.URL(),
		"KAFKA_BROKERS=" + strings.Join(s.kafka.Brokers(), ","),
		"CLICKHOUSE_ADDRESSES=" + ch.Addr(),
		"CLICKHOUSE_PROTOCOL=" + ch.Protocol(),
		"CLICKHOUSE_HTTP=http://" + ch.HTTPAddr(),
		"CLICKHOUSE_DATABASE=market",
		"CLICKHOUSE_TIME_PRECISION=" + precision,
		"CLICKHOUSE_USERNAME=" + ch.User(),
		"CLICKHOUSE_PASSWORD=" + ch.Password(),
	}
}

func (s *servers) close() error {
	var errs []error
	if s.clickhouse != nil {
		errs = append(errs, s.clickhouse.Close())
	}
	if s.kafka != nil {
		errs = append(errs, s.kafka.Close())
	}
	if s.nats != nil {
		errs = append(errs, s.nats.Close())
	}
	return errors.Join(errs...)
}
