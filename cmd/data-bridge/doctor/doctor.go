// Package doctor is the subcommand `data-bridge doctor`: it checks a config
// against the servers that it names, without running it, and says what it would
// change and why.
//
// How it gets at the components: the config's input and output are given to the
// host as resources that are suspended, which builds each component with its own
// settings, label and path, however deep in brokers, and starts none. The
// plugins join a roster then (package checkup) and do the looking themselves.
// The buffer is only read: one that is built would be started by the host, and
// serve /health beside the bridge that may run on this machine.
package doctor

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

// Exit codes.
const (
	// ExitWell is that nothing has to be done.
	ExitWell = 0
	// ExitProblems is that there are errors, or warnings under --strict.
	ExitProblems = 1
	// ExitUnchecked is that a config could not be looked at, or wrong usage.
	ExitUnchecked = 2
)

const (
	formatText = "text"
	formatJSON = "json"
)

// Host is what doctor takes from the binary that it is part of.
type Host struct {
	// Schema is that of the configs that run takes.
	Schema func() *service.ConfigSchema
	// MemoryLimit is the memory limit of a process with so many live bytes, where
	// GOMEMLIMIT is not set.
	MemoryLimit func(live uint64) int64
	// ConfigPaths are looked for when none is named.
	ConfigPaths []string
}

// Options are what the command line says.
type Options struct {
	Paths   []string
	Format  string
	Strict  bool
	Sample  int // records of each input; 0 for none
	Wait    time.Duration
	Timeout time.Duration
	Outage  time.Duration
}

// Command is the subcommand. Its exit code goes to exit when it has run.
func Command(host Host, exit func(code int)) *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "Check a config against its live servers, and say what to change and why",
		ArgsUsage:   "[config.yaml ...]",
		Description: description,
		Flags:       flags(),
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			exit(ExitUnchecked)
			return err
		},
		Action: func(c *cli.Context) error {
			options, err := parse(c, host.ConfigPaths)
			if err != nil {
				exit(ExitUnchecked)
				return err
			}
			exit(Run(c.Context, host, options, c.App.Writer, c.App.ErrWriter))
			return nil
		},
	}
}

const description = `Nothing is stored, made, acknowledged or committed, no consumer group and no queue
group is joined: it is safe beside a bridge that runs. Environment variables are
filled in as run does it.

It looks at
  - the config: all that lint says
  - the connection of every input and output, credentials included
  - a sample of live records: the table of each, whether it fits the columns,
    fields that no column takes, columns that no field fills. Processors that do
    nothing but change messages are applied
  - deduplication windows and what exactly_once takes
  - limits of JetStream, Kafka and core NATS against thresholds and an outage
  - the memory of a full buffer against the limits of this process
  - ClickHouse: rights, parts and partitions, clock, disks

Each line is a finding: its severity, what was looked at, the component and the
field, what was seen, and what to do.

Exit codes: 0 all is well, or nothing worse than warnings; 1 there are errors, or
warnings with --strict; 2 a config could not be looked at, or not within --timeout,
or wrong usage. What cannot be looked at for want of a right is said, and is no fault.

  data-bridge doctor config/bridge.yaml
  data-bridge doctor --strict --format json config/bridge.yaml`

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "config", Aliases: []string{"c"}, Usage: "a config to check; others may follow the flags"},
		&cli.StringFlag{Name: "format", Value: formatText, Usage: "text, one line a finding, or json"},
		&cli.BoolFlag{Name: "strict", Usage: "exit with 1 for warnings too"},
		&cli.IntFlag{Name: "sample", Value: 100, Usage: "records of each input to look at, 0 for none"},
		&cli.DurationFlag{Name: "wait", Value: 3 * time.Second, Usage: "how long to listen to an input for its sample"},
		&cli.DurationFlag{Name: "timeout", Value: time.Minute, Usage: "how long one config may take"},
		&cli.DurationFlag{Name: "outage", Value: 8 * time.Hour, Usage: "how long ClickHouse may be away, which sources should outlast"},
	}
}

func parse(c *cli.Context, usual []string) (o Options, err error) {
	o = Options{
		Paths:  append(c.StringSlice("config"), c.Args().Slice()...),
		Format: c.String("format"), Strict: c.Bool("strict"), Sample: c.Int("sample"),
		Wait: c.Duration("wait"), Timeout: c.Duration("timeout"), Outage: c.Duration("outage"),
	}
	for _, path := range c.Args().Slice() {
		if len(path) > 1 && path[0] == '-' {
			return o, fmt.Errorf("%s comes after a config: flags go first", path)
		}
	}
	for _, path := range usual {
		if _, err := os.Stat(path); err == nil && len(o.Paths) == 0 {
			o.Paths = []string{path}
		}
	}
	switch {
	case len(o.Paths) == 0:
		return o, fmt.Errorf("no config is named, and there is none of %v", usual)
	case o.Format != formatText && o.Format != formatJSON:
		return o, fmt.Errorf("--format (%s) must be %s or %s", o.Format, formatText, formatJSON)
	case o.Sample < 0:
		return o, fmt.Errorf("--sample (%d) must be 0 or more", o.Sample)
	case o.Wait <= 0 || o.Timeout <= 0 || o.Outage <= 0:
		return o, fmt.Errorf("--wait (%s), --timeout (%s) and --outage (%s) must be above 0", o.Wait, o.Timeout, o.Outage)
	}
	return o, nil
}

// Result is what was found of one config.
type Result struct {
	Config   string            `json:"config"`
	Findings []checkup.Finding `json:"findings"`
	Unread   string            `json:"unread,omitempty"` // why there are none, or not all
}

// Run checks each config, writes what it finds to out, and returns the exit code.
func Run(ctx context.Context, host Host, o Options, out, errOut io.Writer) int {
	results := make([]Result, 0, len(o.Paths))
	for _, path := range o.Paths {
		ctx, cancel := context.WithTimeout(ctx, o.Timeout)
		results = append(results, checkFile(ctx, host, o, path))
		cancel()
	}
	if err := write(out, o, results); err != nil {
		fmt.Fprintln(errOut, err)
		return ExitUnchecked
	}
	return exitCode(results, o.Strict)
}

func checkFile(ctx context.Context, host Host, o Options, path string) Result {
	text, err := os.ReadFile(path)
	if err != nil {
		return Result{Config: path, Unread: err.Error()}
	}
	c := &check{host: host, options: o}
	c.run(ctx, text)
	r := Result{Config: path, Findings: hide(c.secrets, c.findings)}
	if ctx.Err() != nil {
		r.Unread = fmt.Sprintf("not everything could be looked at within --timeout (%s)", o.Timeout)
	}
	return r
}

func exitCode(results []Result, strict bool) int {
	bad := checkup.Error
	if strict {
		bad = checkup.Warning
	}
	code := ExitWell
	for _, r := range results {
		if r.Unread != "" {
			return ExitUnchecked
		}
		for _, f := range r.Findings {
			if f.Severity.AtLeast(bad) {
				code = ExitProblems
			}
		}
	}
	return code
}
