package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

// settings are the command line.
type settings struct {
	plan plan
	only *regexp.Regexp
	bin  string // folder of the competitors' binaries
	out  string // folder of the results; none is written when empty
	from string // results to render again, in place of measuring
	grow bool   // measure growth in place of the competitors
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.from != "" {
		r, err := readReport(s.from)
		if err != nil {
			return err
		}
		return r.deliver(os.Stdout, s.out)
	}
	if s.grow {
		g, err := growth(ctx, s)
		if err != nil {
			return err
		}
		return g.deliver(os.Stdout, s.out)
	}
	r, err := measure(ctx, s)
	if r == nil {
		return err
	}
	return errors.Join(err, r.deliver(os.Stdout, s.out), r.failures())
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "fewer records and rounds: a look, no figures to quote")
	rounds := flags.Int("rounds", 0, "rounds, in place of those of the plan")
	only := flags.String("only", "", "regular expression of the competitors to run, as <source>/<name>")
	flags.StringVar(&s.bin, "bin", "bin", "folder of data-bridge, and of ceiling and connect in its folder bench")
	flags.StringVar(&s.out, "out", "", "folder to write results.md, results.svg and results.json to")
	flags.BoolVar(&s.grow, "growth", false, "measure how data-bridge's cost grows with records, columns, tables, partitions and keys")
	flags.StringVar(&s.from, "from", "", "a results.json to render again, without measuring")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.plan = fullPlan
	if *quick {
		s.plan = quickPlan
	}
	if *rounds > 0 {
		s.plan.Rounds = *rounds
	}
	var err error
	if s.only, err = regexp.Compile(*only); err != nil {
		return s, fmt.Errorf("reading -only: %w", err)
	}
	return s, nil
}
