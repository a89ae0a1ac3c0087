// Command data-bridge is Benthos with the data-bridge plugins: it runs, lints
// and tests pipelines that move NATS and Kafka streams into ClickHouse.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure/extended"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/doctor"
	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/replay"
	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/top"
	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
	_ "github.com/data-bridge-io/data-bridge/plugins/all"
	"github.com/data-bridge-io/data-bridge/plugins/prometheus"
	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

// Set by the linker; see the Makefile.
var (
	version   = "dev"
	dateBuilt = "unknown"
)

// configPaths are looked for when no config is named.
var configPaths = []string{"./bridge.yaml", "/etc/data-bridge/bridge.yaml"}

func init() {
	prometheus.MustRegister(prometheus.Build{Version: version, Date: dateBuilt})
}

func main() {
	tuneGC()
	keepFilesPrivate()
	trueHelp()
	service.MustRegisterOtelTracerProvider("none", service.NewConfigSpec().Summary("No tracing."), newPlainTracer)

	if err := topology.Watch(); err != nil {
		fmt.Fprintln(os.Stderr, "data-bridge: streams are not judged as a whole:", err)
		os.Exit(1)
	}

	stop := newStopper()
	var whole overseer
	var api httpAPI
	variables := &variable.Files{Warnings: os.Stderr}
	var diagnosis int
	code, err := service.RunCLIToCode(context.Background(),
		service.CLIOptSetVersion(version, dateBuilt),
		service.CLIOptSetBinaryName("data-bridge"),
		service.CLIOptSetProductName("data-bridge"),
		service.CLIOptSetDocumentationURL(homepage),
		service.CLIOptSetDefaultConfigPaths(configPaths...),
		service.CLIOptAddCommand(doctor.Command(doctor.Host{
			Schema: schema, MemoryLimit: limitFor, ConfigPaths: configPaths,
		}, func(code int) { diagnosis = code })),
		service.CLIOptAddCommand(replay.Command(replay.Host{Schema: schema, ConfigPaths: configPaths}, func(code int) { diagnosis = code })),
		service.CLIOptAddCommand(top.Command(func(code int) { diagnosis = code })),
		service.CLIOptSetMainSchemaFrom(schema),
		service.CLIOptCustomRunFlags(apiFlags(), func(c *cli.Context) error {
			variables.Add(configsOf(c)...)
			err := whole.note(c)
			if c.Command.Name == "lint" && c.Bool("skip-env-var-check") {
				variables.Unknown(whole.linted, topology.Options(), faultsOf)
				whole.lookup = variables.Lookup
			}
			return errors.Join(err, api.note(c), canListen(c, variables.Lookup))
		}),
		service.CLIOptSetEnvVarLookup(variables.Lookup),
		service.CLIOptOnStreamStart(api.serve),
		service.CLIOptOnConfigParse(func(conf *service.ParsedConfig) error {
			if err := errors.Join(whole.announce(conf), api.announce(conf)); err != nil {
				return err
			}
			servers := status.ServersOf(conf.Resources())
			servers.ServeMetrics(prometheus.Handler())
			servers.SetVersion(version)
			watchSwitch(conf.Resources())
			return stop.watch(conf)
		}),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	code = max(code, whole.lint(os.Stderr))
	if diagnosis != 0 {
		code = diagnosis
	}
	os.Exit(stop.exitCode(code))
}

// schema is the host's configuration schema with two defaults of ours: a
// shutdown_delay, for so long the inputs may hand over what they hold before the host
// stops reading from them; and an HTTP server that only this host reaches.
func schema() *service.ConfigSchema {
	s := service.GlobalEnvironment().FullConfigSchema(version, dateBuilt)
	s.SetFieldDefault("1s", "shutdown_delay")
	s.SetFieldDefault(loopbackHTTP, "http", "address")
	return s
}
