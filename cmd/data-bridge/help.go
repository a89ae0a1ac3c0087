package main

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	homepage = "https://github.com/data-bridge-io/data-bridge"
	hostDocs = "https://docs.redpanda.com/redpanda-connect"
)

const aboutApp = "Moves NATS, JetStream and Kafka streams into ClickHouse, and counts whatever does not arrive - " + homepage

const describedApp = `Runs the pipeline of a config, ./bridge.yaml or /etc/data-bridge/bridge.yaml if none is
named, or a command:

  data-bridge create pausable_kafka//clickhouse > ./config.yaml
  data-bridge lint ./config.yaml
  data-bridge doctor ./config.yaml
  data-bridge run ./config.yaml
  data-bridge top
  data-bridge run -r "./resources/*.yaml" ./config.yaml`

const describedStreams = `Runs several pipelines in one process, each from a file of its own, whose name is that of
the stream.

  data-bridge streams ./path/to/stream/configs ./and/some/more
  data-bridge streams -o ./root_config.yaml ./streams/*.yaml
  data-bridge streams --api -o ./root_config.yaml ./streams

There is no HTTP API that makes, changes or removes streams, unless --api opens it: whoever
reaches it can run any program as the user of this process. Beyond loopback it takes
http.basic_auth. --watcher takes up changes of the files without it.

The config of --observability/-o is the root config: it holds what belongs to the process,
such as http, metrics and logger. Resources that streams name are given by -r.

For more information check out the docs at:
` + hostDocs + `/guides/streams_mode/about`

const describedCreate = `Prints a new data-bridge config to stdout containing specified components
according to an expression. The expression must take the form of three
comma-separated lists of inputs, processors and outputs, divided by
forward slashes:

  data-bridge create pausable_nats//clickhouse
  data-bridge create pausable_kafka,pausable_nats_jetstream/mapping/clickhouse

The buffer of what is printed is none, which holds nothing and pauses nothing: write
backpressure: {} in its place.

If the expression is omitted a default config is created.`

// trueHelp has the help say what this binary is and does: the host's own tells of what
// the host does, of components that are not here, and of pages of ours that there are not.
func trueHelp() {
	printed := cli.HelpPrinter
	cli.HelpPrinter = func(w io.Writer, template string, data any) {
		switch of := data.(type) {
		case *cli.App:
			correctApp(of)
		case *cli.Command:
			correctCommand(of)
		}
		printed(w, template, data)
	}
}

func correctApp(app *cli.App) {
	if app.Name == "data-bridge" {
		app.Usage, app.Description = aboutApp, describedApp
	}
}

func correctCommand(c *cli.Command) {
	switch c.Name {
	case "streams":
		c.Description = describedStreams
		for _, f := range c.Flags {
			if f, ok := f.(*cli.BoolFlag); ok && f.Name == "no-api" {
				f.Usage = "Offer no HTTP API, which is so without --" + flagAPI + " too; --" + flagAPI + " does nothing beside it"
			}
		}
	case "create":
		c.Description = describedCreate
	}
	for _, of := range []string{"/guides/", "/configuration/"} {
		c.Description = strings.ReplaceAll(c.Description, homepage+of, hostDocs+of)
	}
}
