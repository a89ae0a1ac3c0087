package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// point is one run of data-bridge on one shape.
type point struct {
	Axis    string  `json:"axis"`
	Value   int     `json:"value"`
	Round   int     `json:"round"`
	Size    int     `json:"record_bytes"`
	Records int     `json:"records"`
	Inserts int     `json:"inserts"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // without that of starting up and ending
	Peak    int64   `json:"peak_bytes"`
}

const (
	growthRounds = 3
	// idleRecords is what a run moves whose CPU time is that of starting up and ending.
	idleRecords = 1000
)

// growth measures data-bridge alone on Kafka, with its default buffer, on shapes
// that grow in one respect each.
func growth(ctx context.Context, s settings) (g *growthReport, err error) {
	servers, err := startServers(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, servers.close()) }()
	g = &growthReport{conditions: servers.conditions(s.bin), Rounds: min(growthRounds, s.plan.Rounds)}
	idle, err := servers.idle(ctx, s.bin, g.Rounds)
	if err != nil {
		return nil, err
	}
	for _, a := range axes {
		for round := range g.Rounds {
			for _, value := range a.Values {
				if !s.only.MatchString(fmt.Sprintf("growth/%s/%d", a.Name, value)) {
					continue
				}
				p, err := servers.grow(ctx, s.bin, a.shape(value), a.shape(value).records())
				if err != nil {
					return nil, fmt.Errorf("measuring %d %s: %w", value, a.Unit, err)
				}
				p.Axis, p.Value, p.Round, p.CPU = a.Name, value, round+1, p.CPU-idle
				g.Points = append(g.Points, p)
				progress("round %d, %d %s: %.0f rows/s, %.2f CPU s per million, %d rows an insert, %d MiB",
					p.Round, value, a.Unit, float64(p.Records)/p.Seconds, p.cost(), p.Records/max(1, p.Inserts), p.Peak>>20)
			}
		}
	}
	return g, nil
}

// idle is the CPU time of starting up and ending, in seconds.
func (s *servers) idle(ctx context.Context, bin string, rounds int) (float64, error) {
	var all []float64
	for range rounds {
		p, err := s.grow(ctx, bin, baseShape, idleRecords)
		if err != nil {
			return 0, fmt.Errorf("measuring an idle run: %w", err)
		}
		all = append(all, p.CPU)
	}
	return spreadOf(all).Median, nil
}

// grow runs data-bridge once on a shape, and checks that each record is stored.
func (s *servers) grow(ctx context.Context, bin string, of shape, records int) (p point, err error) {
	if err := s.makeTables(ctx, of); err != nil {
		return p, err
	}
	topic := fmt.Sprintf("%s-%d", of.topic(), records)
	if p.Size, err = s.loadShape(ctx, topic, of, records); err != nil {
		return p, err
	}
	before, err := s.inserts(ctx)
	if err != nil {
		return p, err
	}
	ch, err := start(ctx, s.growCommand(bin, topic, of))
	if err != nil {
		return p, err
	}
	p.Records = records
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	began := time.Now()
	failure := s.await(limited, ch, records, func() (int, error) {
		return s.number(ctx, "SELECT sum(rows) FROM system.parts WHERE active AND database = '"+growthDatabase+"'")
	})
	p.Seconds = time.Since(began).Seconds()
	if p.Peak, err = ch.peakMemory(); err != nil {
		failure = errors.Join(failure, err)
	}
	cpu, err := ch.stop()
	if failure = errors.Join(failure, err); failure != nil {
		return p, fmt.Errorf("%w; it said: %s", failure, ch.tail())
	}
	p.CPU = cpu.Seconds()
	after, err := s.inserts(ctx)
	if err != nil {
		return p, err
	}
	p.Inserts = after - before
	return p, s.verifyShape(ctx, of, records)
}

func (s *servers) growCommand(bin, topic string, of shape) command {
	c := benthos(filepath.Join(bin, "data-bridge"), "bridge_growth.yaml", nil)(s, topic, fmt.Sprintf("growth-%d", time.Now().UnixNano()))
	c.env["TABLE"] = tableName(0)
	if of.Tables > 1 {
		c.env["TABLE"], c.env["RECORD_METADATA"] = "${! @kafka_key }", "[kafka_key]"
	}
	return c
}

func (s *servers) makeTables(ctx context.Context, of shape) error {
	statements := []string{"DROP DATABASE IF EXISTS " + growthDatabase, "CREATE DATABASE " + growthDatabase}
	for i := range of.Tables {
		statements = append(statements, of.ddl(tableName(i)))
	}
	for _, statement := range statements {
		if err := s.clickhouse.Exec(ctx, statement); err != nil {
			return fmt.Errorf("making the tables: %w", err)
		}
	}
	return nil
}

// loadShape fills the topic of a shape, unless an earlier round has done so, and
// returns the mean size of a record.
func (s *servers) loadShape(ctx context.Context, topic string, of shape, count int) (int, error) {
	if size, ok := s.loaded[topic]; ok {
		return size, nil
	}
	gen, bytes := newRecords(of), 0
	err := s.produce(ctx, topic, of.Partitions, func(publish func(*kgo.Record) error) error {
		for range count {
			value := gen.next(nil)
			bytes += len(value)
			if err := publish(&kgo.Record{Key: []byte(gen.table()), Value: value}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("loading %s: %w", topic, err)
	}
	s.loaded[topic] = bytes / count
	return bytes / count, nil
}

// inserts is how many inserts the server has answered since it started.
func (s *servers) inserts(ctx context.Context) (int, error) {
	return s.number(ctx, "SELECT sum(value) FROM system.events WHERE event = 'InsertQuery'")
}

func (s *servers) verifyShape(ctx context.Context, of shape, records int) error {
	total := 0
	for i := range of.Tables {
		n, err := s.number(ctx, fmt.Sprintf("SELECT uniqExact(seq) FROM %s.%s", growthDatabase, tableName(i)))
		if err != nil {
			return err
		}
		total += n
	}
	if total != records {
		return fmt.Errorf("%d of %d records are missing", records-total, records)
	}
	return nil
}
