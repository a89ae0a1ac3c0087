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
	Output  string // the label, or the path, of the output, where there are several
	Files   []string
}

const description = `Each file is moved aside first, so that a bridge which runs goes on in a new one:
dead_letter.jsonl becomes dead_letter.jsonl.replaying-<time>, and
dead_letter.jsonl.replayed-<time> when all of it was tried. Delete that when you like.

The records go to the clickhouse output of the config alone, without what else is in
its broker, switch or fallback, and without the processors before it, which they have
behind them. What does not fit this time either is a dead letter of the config again,
with the reason of today, however many there are (max_dead_letter_share does not
count). Lines that are no dead letters, that the mapping fails at, whose record a
processor had failed at while no mapping is given, or that an output with dead_letter:
reject hands back, are kept in dead_letter.jsonl.left-<time>. The last line counts.

How far a replay has come is noted in dead_letter.jsonl.replaying-<time>.progress. When
it was interrupted or killed, the next replay of dead_letter.jsonl goes on there. The
batch that was under way is sent again as it was: a table that deduplicates inserts
(non_replicated_deduplication_window, or Replicated) stores it once, others may store
it twice. Go on with the same mapping. Rows of that batch that are dead letters again
may be in the file of dead letters twice.

A file is replayed by one process at a time; the second one is refused.

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
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "the label, or the path, of the clickhouse output whose dead letters they are, where the config has several"},
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
	o = Options{Config: c.String("config"), Mapping: c.String("mapping"), Output: c.String("output"), Files: c.Args().Slice()}
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
		r.mappingHash = sumOf([]byte(o.Mapping))
		if r.mapping, err = bloblang.Parse(o.Mapping); err != nil {
			return ExitUnfinished, fmt.Errorf("--mapping: %w", err)
		}
	}
	files, err := find(o.Files, r.started)
	if err != nil {
		return ExitUnfinished, err
	}
	defer files.unlock()
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if r.to, err = openOutput(host, o.Config, o.Output, log); err != nil {
		return ExitUnfinished, err
	}
	err = r.all(ctx, files)
	r.count(out, len(files.files))
	switch {
	case err != nil:
		return ExitUnfinished, err
	case r.rows.again+r.left > 0:
		return ExitLeft, nil
	}
	return ExitStored, nil
}

// all replays the files one after the other, and ends the output.
func (r *run) all(ctx context.Context, files *sources) error {
	err := files.aside(ctx)
	for err == nil && files.begun < len(files.files) {
		files.begun++
		err = r.file(ctx, files.files[files.begun-1])
	}
	if err != nil { // what is under way is given up
		err = errors.Join(err, files.waiting())
		_ = r.to.close(context.WithoutCancel(ctx), abortTimeout)
		return err
	}
	return r.to.close(context.WithoutCancel(ctx), closeTimeout)
}
