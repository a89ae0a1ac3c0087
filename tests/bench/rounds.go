package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// measure starts the servers, loads the data, runs everything and ends the servers.
func measure(ctx context.Context, s settings) (r *report, err error) {
	chosen := choose(competitors(s.plan, s.bin), s.only)
	if len(chosen) == 0 && !s.only.MatchString("latency") && !s.only.MatchString("resume") {
		return nil, errors.New("nothing matches -only")
	}
	servers, err := startServers(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, servers.close()) }()
	r = &report{conditions: servers.conditions(s.bin), Plan: s.plan}
	if err := servers.preloadAll(ctx, chosen); err != nil {
		return nil, err
	}
	// What was measured before an error is worth its table.
	if err := servers.rounds(ctx, chosen, r); err != nil {
		return r, err
	}
	var late, slow error
	if s.only.MatchString("latency") {
		r.Latency, late = servers.latency(ctx, s)
	}
	if s.only.MatchString("resume") {
		r.Resumes, slow = servers.resume(ctx, s)
	}
	return r, errors.Join(late, slow)
}

func choose(all []competitor, only matcher) (chosen []competitor) {
	for _, c := range all {
		if only.MatchString(c.String()) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// matcher is *regexp.Regexp.
type matcher interface{ MatchString(text string) bool }

func (s *servers) preloadAll(ctx context.Context, chosen []competitor) error {
	for _, c := range chosen {
		if err := s.preload(ctx, c.dataset()); err != nil {
			return err
		}
	}
	return nil
}

func (s *servers) rounds(ctx context.Context, chosen []competitor, r *report) error {
	for round := range r.Plan.Rounds {
		for _, c := range order(chosen, round) {
			result, err := s.perform(ctx, c, round+1)
			if err != nil {
				return fmt.Errorf("running %s: %w", c, err)
			}
			r.Runs = append(r.Runs, result)
			tell(result)
		}
	}
	return nil
}

// order is the competitors of one source after those of another, and those of a
// source beginning with another one in each round.
func order(all []competitor, round int) []competitor {
	var ordered []competitor
	for _, from := range sources {
		var same []competitor
		for _, c := range all {
			if c.Source == from {
				same = append(same, c)
			}
		}
		for i := range same {
			ordered = append(ordered, same[(round+i)%len(same)])
		}
	}
	return ordered
}

// tell reports one run as it comes in.
func tell(r run) {
	if r.Failure != "" {
		progress("FAILED round %d %s, %s: %s", r.Round, r.Source, r.Name, r.Failure)
		return
	}
	progress("round %d %s, %s: %.0f rows/s, %.2f CPU s per million, %.0f MiB, %d rows, %d distinct",
		r.Round, r.Source, r.Name, r.rate(), r.cost(), r.memory(), r.Rows, r.Distinct)
}

// progress tells the person at the terminal what happens.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
