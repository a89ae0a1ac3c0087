// Package replay is the subcommand `data-bridge replay`: it sends dead letters, as
// the output dead_letter_file has written them, to the output of a config once more.
//
// Only the output of the config runs, as a resource of the host: a dead letter is a
// record as it reached the output, behind all processors, and has the metadata that
// it had there, so the output sends it to the table that it was meant for.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"
)

// Exit codes.
const (
	// ExitStored is that every record is stored.
	ExitStored = 0
	// ExitLeft is that some are dead letters again, or could not be sent.
	ExitLeft = 1
	// ExitUnfinished is that not everything was tried, or wrong usage.
	ExitUnfinished = 2
)

// Host is what replay takes from the binary that it is part of.
type Host struct {
	// Schema is that of the configs that run takes.
	Schema func() *service.ConfigSchema
	// ConfigPaths are looked for when none is named.
	ConfigPaths []string
}

// Options are what the command line says.
type Options struct {
	Config  string
	Mapping string
	Files   []string
}

const description = `Each file is moved aside first, so that a bridge which runs goes on in a new one:
dead_letter.jsonl becomes dead_letter.jsonl.replaying-<time>, and
dead_letter.jsonl.replayed-<time> when all of it was tried. Delete that when you like.

What does not fit this time either is a dead letter of the config again, with the
reason of today. Lines that are no dead letters, that the mapping fails at, or whose
record a processor had failed at while no mapping is given, are kept in dead_letter.jsonl.left-<time>. When replay is interrupted, the file keeps what
was not tried: name it to go on. The last line counts.

A record is stored once more if it was stored before, unless the table's
deduplication window knows it.

Exit codes: 0 everything is stored; 1 some are dead letters again, or could not be
sent; 2 not everything was tried.

  data-bridge replay -c config/bridge.yaml dead_letter.jsonl
  data-bridge replay -c config/bridge.yaml -m 'root = this.assign({"price": this.price.number()})' dead_letter*.jsonl`

// Command is the subcommand. Its exit code goes to exit when it has run.
func Command(host Host, exit func(code int)) *cli.Command {
	return &cli.Command{
		Name:        "replay",
		Usage:       "Send dead letters to the output of a config once more, when their cause is mended",
		ArgsUsage:   "file ...",
		Description: description,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "the config whose output they go to"},
			&cli.StringFlag{Name: "mapping", Aliases: []string{"m"}, Usage: "a Bloblang mapping that mends each record first"},
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			exit(ExitUnfinished)
			return err
		},
		Action: func(c *cli.Context) error {
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
			defer stop()
			o, err := parse(c, host.ConfigPaths)
			if err == nil {
				var code int
				code, err = Run(ctx, host, o, c.App.Writer, c.App.ErrWriter)
				exit(code)
				return err
			}
			exit(ExitUnfinished)
			return err
		},
	}
}

func parse(c *cli.Context, usual []string) (o Options, err error) {
	o = Options{Config: c.String("config"), Mapping: c.String("mapping"), Files: c.Args().Slice()}
	for _, path := range usual {
		if _, err := os.Stat(path); err == nil && o.Config == "" {
			o.Config = path
		}
	}
	for _, path := range o.Files {
		if len(path) > 1 && path[0] == '-' {
			return o, fmt.Errorf("%s comes after a file: flags go first", path)
		}
	}
	switch {
	case o.Config == "":
		return o, fmt.Errorf("no config is named (-c), and there is none of %v", usual)
	case len(o.Files) == 0:
		return o, errors.New("no file of dead letters is named")
	}
	return o, nil
}

// Run replays the files one after the other, writes the count to out, and returns the
// exit code.
func Run(ctx context.Context, host Host, o Options, out, errOut io.Writer) (code int, err error) {
	r := &run{started: time.Now().UTC()}
	if o.Mapping != "" {
		if r.mapping, err = bloblang.Parse(o.Mapping); err != nil {
			return ExitUnfinished, fmt.Errorf("--mapping: %w", err)
		}
	}
	for _, path := range o.Files { // before anything is done
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is no file", path)
		}
		if err != nil {
			return ExitUnfinished, err
		}
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if r.to, err = openOutput(host, o.Config, log); err != nil {
		return ExitUnfinished, err
	}
	for _, path := range o.Files {
		if err = r.file(ctx, path); err != nil {
			break
		}
	}
	err = errors.Join(err, r.to.close(context.WithoutCancel(ctx)))
	r.count(out, len(o.Files))
	switch {
	case err != nil:
		return ExitUnfinished, err
	case r.again+r.left > 0:
		return ExitLeft, nil
	}
	return ExitStored, nil
}
