package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
)

// run is what one run of one competitor came to.
type run struct {
	Source   source  `json:"source"`
	Name     string  `json:"name"`
	Round    int     `json:"round"`
	Records  int     `json:"records"`
	Rows     int     `json:"rows"`     // count()
	Distinct int     `json:"distinct"` // uniqExact(seq)
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_seconds"`
	Peak     int64   `json:"peak_bytes"`
	Failure  string  `json:"failure,omitempty"` // empty when all is well
}

// rate is in rows a second, cost in CPU seconds a million rows, memory in MiB.
func (r run) rate() float64   { return float64(r.Records) / r.Seconds }
func (r run) cost() float64   { return r.CPU / float64(r.Records) * 1e6 }
func (r run) memory() float64 { return float64(r.Peak) / (1 << 20) }

const (
	// look is the time between two questions how much is stored.
	look = 20 * time.Millisecond
	// slowest is the rate, in rows a second, at which a run is given up.
	slowest = 8000
)

var errEnded = errors.New("the competitor ended by itself")

// perform runs a competitor once. What goes wrong with it is in the result; an
// error is one of the harness.
func (s *servers) perform(ctx context.Context, c competitor, round int) (run, error) {
	r := run{Source: c.Source, Name: c.Name, Round: round, Records: c.Records}
	if err := s.reset(ctx, c.Source); err != nil {
		return r, err
	}
	group := fmt.Sprintf("bench-%d", time.Now().UnixNano())
	name, err := s.dataName(ctx, c, group)
	if err != nil {
		return r, err
	}
	ch, err := start(ctx, c.command(s, name, group))
	if err != nil {
		return r, err
	}
	limited, cancel := context.WithTimeout(ctx, 30*time.Second+time.Duration(c.Records/slowest)*time.Second)
	failure := s.follow(limited, c, name, ch, &r)
	cancel()
	peak, err := ch.peakMemory()
	failure = errors.Join(failure, err)
	r.Peak = peak
	cpu, err := ch.stop()
	failure = errors.Join(failure, err)
	r.CPU = cpu.Seconds()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	failure = errors.Join(failure, s.verify(ctx, c, &r))
	if failure != nil {
		r.Failure = fmt.Sprintf("%v; it said: %s", failure, ch.tail())
		return r, nil
	}
	return r, s.forget(ctx, c.dataset(), group)
}

// dataName is the topic, subject or stream that a run reads. The shipped
// pipeline has a topic of its own in every run, since records stay in it.
func (s *servers) dataName(ctx context.Context, c competitor, group string) (string, error) {
	if c.Source != sourceShipped {
		return c.dataset().name(), nil
	}
	return group, s.kafka.CreateTopic(ctx, group, partitions)
}

// follow takes the time until the last row is stored.
func (s *servers) follow(ctx context.Context, c competitor, name string, ch *child, r *run) error {
	if c.Source == sourceShipped {
		return s.followShipped(ctx, c, name, ch, r)
	}
	began := time.Now()
	w := &bounded{size: window}
	endFeed := func() error { return nil }
	if c.Source == sourceNATS {
		if err := s.awaitSubscriber(ctx, name, ch.done); err != nil {
			return err
		}
		began = time.Now()
		endFeed = s.startFeed(ctx, c.dataset(), w)
	}
	err := s.await(ctx, ch, c.Records, func() (int, error) {
		n, err := s.stored(ctx, tick.Database, tick.Table)
		w.stored.Store(int64(n))
		return n, err
	})
	r.Seconds = time.Since(began).Seconds()
	if feedErr := endFeed(); err != nil {
		return errors.Join(err, feedErr)
	}
	return nil
}

// await asks until so many rows are stored.
func (s *servers) await(ctx context.Context, ch *child, records int, stored func() (int, error)) error {
	every := time.NewTicker(look)
	defer every.Stop()
	for {
		n, err := stored()
		if err == nil && n >= records {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("asking how much is stored: %w", err)
		}
		select {
		case <-every.C:
		case <-ch.done:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("waiting until %d rows are stored: %w at %d", records, ctx.Err(), n)
		}
	}
}

// verify counts what the competitor has stored, after it has ended.
func (s *servers) verify(ctx context.Context, c competitor, r *run) error {
	tables := []string{tick.Database + "." + tick.Table}
	if c.Source == sourceShipped {
		tables = shippedTables()
	}
	for _, table := range tables {
		rows, err := s.number(ctx, "SELECT count() FROM "+table)
		if err != nil {
			return fmt.Errorf("counting %s: %w", table, err)
		}
		distinct, err := s.number(ctx, "SELECT uniqExact(seq) FROM "+table)
		if err != nil {
			return fmt.Errorf("counting %s: %w", table, err)
		}
		r.Rows, r.Distinct = r.Rows+rows, r.Distinct+distinct
	}
	if r.Distinct != r.Records {
		return fmt.Errorf("%d of %d records are missing", r.Records-r.Distinct, r.Records)
	}
	return nil
}
