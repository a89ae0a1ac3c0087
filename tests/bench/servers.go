package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// servers are what the competitors read from and write to.
type servers struct {
	nats       *stack.NATS
	kafka      *stack.Kafka
	clickhouse stack.ClickHouse
	dir        string // for logs and dead letters
	ports      [2]string
	loaded     map[string]int // topics and streams that are filled, with a figure of theirs
}

func startServers(ctx context.Context) (*servers, error) {
	s := &servers{loaded: map[string]int{}}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *servers) start(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "data-bridge-bench-"); err != nil {
		return err
	}
	for i := range s.ports {
		port, err := stack.FreePort()
		if err != nil {
			return err
		}
		s.ports[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	if s.nats, err = stack.StartNATS(stack.NATSOptions{}); err != nil {
		return err
	}
	if s.kafka, err = stack.StartKafka(ctx); err != nil {
		return err
	}
	s.clickhouse, err = stack.StartClickHouse(ctx, stack.KindLegacy, stack.ClickHouseOptions{})
	return err
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
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// env are the addresses, in the names that the configurations have for them.
func (s *servers) env() map[string]string {
	return map[string]string{
		"NATS_URLS":            s.nats.URL(),
		"KAFKA_BROKERS":        s.kafka.Addr(),
		"CLICKHOUSE_ADDRESSES": s.clickhouse.NativeAddr(),
		"HTTP_ADDRESS":         s.ports[0],
		"STATUS_ADDRESS":       s.ports[1],
		"DEAD_LETTER_PATH":     filepath.Join(s.dir, "dead_letter.jsonl"),
	}
}

// reset makes the tables of a competitor anew.
func (s *servers) reset(ctx context.Context, from source) error {
	if from == sourceShipped {
		if err := s.clickhouse.Exec(ctx, "DROP DATABASE IF EXISTS market"); err != nil {
			return fmt.Errorf("dropping the shipped tables: %w", err)
		}
		return stack.ApplySQL(ctx, s.clickhouse, "config/sql")
	}
	for _, statement := range []string{
		"CREATE DATABASE IF NOT EXISTS " + tick.Database,
		"DROP TABLE IF EXISTS " + tick.Database + "." + tick.Table,
		tick.DDL,
	} {
		if err := s.clickhouse.Exec(ctx, statement); err != nil {
			return fmt.Errorf("making the table anew: %w", err)
		}
	}
	return nil
}

// stored is how many rows the tables of a database hold, by the server's own
// books: it costs the server next to nothing, and can be asked often.
func (s *servers) stored(ctx context.Context, database, table string) (int, error) {
	return s.number(ctx, fmt.Sprintf(
		"SELECT sum(rows) FROM system.parts WHERE active AND database = '%s' AND table = '%s'", database, table))
}

func (s *servers) number(ctx context.Context, sql string) (int, error) {
	rows, err := s.clickhouse.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, fmt.Errorf("reading a number: unexpected result %v of %q", rows, sql)
	}
	return strconv.Atoi(rows[0][0])
}
