package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/bench/tick"
)

// resumeResult is how long inputs took, after the gate had opened, to be as fast
// as before it closed, in milliseconds. Zero is at once.
type resumeResult struct {
	Source source    `json:"source"`
	Rate   int       `json:"rate"`     // before, in records a second
	Late   []float64 `json:"late_ms"`  // of each resume
	First  []float64 `json:"first_ms"` // until the first record came in
	// Failure is why there are fewer resumes than planned; empty if there are not.
	Failure string `json:"failure,omitempty"`
}

const (
	// resumeSteady is how long the rate before a stall is taken at the most, and
	// resumeSample how many records are enough for it: a dataset has an end.
	resumeSteady = 500 * time.Millisecond
	resumeSample = 20_000
	// resumeRecords have to come in at the rate of before: fewer than there is room
	// for between the thresholds.
	resumeRecords = 10_000
	// resumeFeed is the records a second of core NATS, which keeps none for later.
	resumeFeed = 100_000
)

// resumeLimits are the thresholds of the shipped pipeline.
var resumeLimits = []string{
	"--set", "buffer.backpressure.max_buffer_size=50000", "--set", "buffer.backpressure.batch.count=10000", "--set", "buffer.backpressure.batch.byte_size=0",
}

// resume measures every source in turn. What could not be measured is a failure in
// the result of its source.
func (s *servers) resume(ctx context.Context, set settings) (results []resumeResult, err error) {
	for _, c := range competitors(set.plan, set.bin) {
		if c.Name != nameBridge || c.Source == sourceShipped {
			continue
		}
		if err := s.preload(ctx, c.dataset()); err != nil {
			return nil, err
		}
		r, err := s.resumeOf(ctx, c, set.plan.Resumes)
		if ctx.Err() != nil {
			return results, err
		}
		if err != nil {
			r.Failure = err.Error()
			progress("FAILED %s resumes: %s", c.Source, r.Failure)
		}
		results = append(results, r)
		if len(r.Late) == 0 {
			continue
		}
		late, first := spreadOf(r.Late), spreadOf(r.First)
		progress("%s resumes: full rate (%d/s) %.0f ms late (%.0f-%.0f), first record after %.0f ms", c.Source, r.Rate, late.Median, late.Min, late.Max, first.Median)
	}
	return results, nil
}

func (s *servers) resumeOf(ctx context.Context, c competitor, times int) (r resumeResult, err error) {
	r.Source = c.Source
	if err := s.reset(ctx, c.Source); err != nil {
		return r, err
	}
	name := c.dataset().name()
	cmd := c.command(s, name, fmt.Sprintf("bench-resume-%d", time.Now().UnixNano()))
	cmd.args = append([]string{"run"}, append(resumeLimits, cmd.args[1:]...)...)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ch, err := start(ctx, cmd)
	if err != nil {
		return r, err
	}
	defer func() {
		_, stopErr := ch.stop()
		err = errors.Join(err, s.clickhouse.Continue(), stopErr)
	}()
	if c.Source == sourceNATS {
		if err := s.awaitSubscriber(ctx, name, ch.done); err != nil {
			return r, err
		}
		feeding, endFeed := context.WithCancel(ctx)
		fed := make(chan error, 1)
		go func() { fed <- s.feedSteadily(feeding, name) }()
		defer func() { endFeed(); err = errors.Join(err, <-fed) }()
	}
	for range times {
		late, first, rate, err := s.resumeOnce(ctx)
		if err != nil {
			return r, err
		}
		r.Late, r.First, r.Rate = append(r.Late, late), append(r.First, first), rate
	}
	return r, nil
}

// resumeOnce takes the rate, stalls ClickHouse until the gate has closed, and
// measures how late the records after the resume are.
func (s *servers) resumeOnce(ctx context.Context) (late, first float64, rate int, err error) {
	before, err := s.awaitFigures(ctx, "the first record", func(f figures) bool { return f.accepted() > 0 })
	if err != nil {
		return 0, 0, 0, err
	}
	steady, err := s.awaitFigures(ctx, "more of /health", func(f figures) bool {
		return f.at.Sub(before.at) >= resumeSteady || f.accepted()-before.accepted() >= resumeSample
	})
	if err != nil {
		return 0, 0, 0, err
	}
	perSecond := float64(steady.accepted()-before.accepted()) / steady.at.Sub(before.at).Seconds()
	if perSecond == 0 {
		return 0, 0, 0, errors.New("nothing comes in any more: more records are needed")
	}
	if err := s.clickhouse.Stall(); err != nil {
		return 0, 0, 0, err
	}
	// Stalled while it is closed already, it closes for good only with nothing in between.
	closed, err := s.awaitFigures(ctx, "the gate to close", func(f figures) bool { return f.bp().Active && f.at.Sub(steady.at) > resumeSteady })
	if err != nil {
		return 0, 0, 0, err
	}
	if err := s.clickhouse.Continue(); err != nil {
		return 0, 0, 0, err
	}
	resumed := time.Time{}
	var from int64
	var came time.Time
	end, err := s.awaitFigures(ctx, fmt.Sprintf("%d records after a resume", resumeRecords), func(f figures) bool {
		if at := f.bp().LastResume; resumed.IsZero() && at != nil && at.After(closed.at) {
			resumed, from = *at, closed.accepted()
		}
		if !resumed.IsZero() && came.IsZero() && f.accepted() > from {
			came = f.at
		}
		return !resumed.IsZero() && f.accepted()-from >= resumeRecords
	})
	if err != nil {
		return 0, 0, 0, err
	}
	ideal := float64(end.accepted()-from) / perSecond
	late = max(0, end.at.Sub(resumed).Seconds()-ideal) * 1000
	return late, came.Sub(resumed).Seconds() * 1000, int(perSecond), nil
}

// figures are what /health said at a time.
type figures struct {
	at      time.Time
	Metrics struct {
		Backpressure backpressureFigures `json:"backpressure"`
	} `json:"metrics"`
	Inputs map[string]struct {
		Accepted int64 `json:"accepted"`
	} `json:"inputs"`
}

type backpressureFigures struct {
	Active     bool       `json:"active"`
	LastResume *time.Time `json:"last_resume"`
}

func (f figures) bp() backpressureFigures { return f.Metrics.Backpressure }

func (f figures) accepted() (n int64) {
	for _, in := range f.Inputs {
		n += in.Accepted
	}
	return n
}

// awaitFigures asks /health every few milliseconds until the figures are right,
// which tell of what is awaited.
func (s *servers) awaitFigures(ctx context.Context, what string, right func(figures) bool) (figures, error) {
	every := time.NewTicker(3 * time.Millisecond)
	defer every.Stop()
	for {
		if f, err := s.figures(ctx); err == nil && right(f) {
			return f, nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return figures{}, fmt.Errorf("waiting for %s, of which /health does not tell: %w", what, ctx.Err())
		}
	}
}

func (s *servers) figures(ctx context.Context) (f figures, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.ports[1]+"/health", nil)
	if err != nil {
		return f, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return f, err
	}
	defer resp.Body.Close()
	f.at = time.Now()
	return f, json.NewDecoder(resp.Body).Decode(&f)
}

// feedSteadily publishes ticks to core NATS at a rate, until its context ends.
func (s *servers) feedSteadily(ctx context.Context, subject string) error {
	conn, err := s.nats.Connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	gen, began := tick.New(1), time.Now()
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for {
		for due := int(time.Since(began).Seconds() * resumeFeed); gen.Seq() < due; {
			if err := conn.Publish(subject, gen.AppendNext(nil)); err != nil {
				return err
			}
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}
