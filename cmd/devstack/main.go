// Command devstack runs the servers that data-bridge needs, without Docker:
// NATS with JetStream, Kafka and ClickHouse, on loopback with free ports. It
// also publishes generated market data to them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// command is one subcommand. It ends when its work is done or ctx ends.
type command struct {
	name  string
	about string
	run   func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"up", "start NATS, Kafka and ClickHouse, print their addresses, run until Ctrl-C", up},
		{"generate", "publish market data to given servers", generate},
		{"demo", "run the shipped pipeline, make ClickHouse stall and recover, count what arrived", demo},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "devstack:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		usage()
		return errors.New("no subcommand given")
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:])
		}
	}
	usage()
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return nil
	}
	return fmt.Errorf("unknown subcommand %q", args[0])
}

func usage() {
	fmt.Fprint(os.Stderr, "usage: devstack <subcommand> [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(os.Stderr, "  %-10s %s\n", c.name, c.about)
	}
	fmt.Fprintln(os.Stderr, "\ndevstack <subcommand> -h tells its flags.")
}
