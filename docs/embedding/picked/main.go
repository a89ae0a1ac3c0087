// Command picked is a Benthos of one's own with the data-bridge plugins that it
// needs, core NATS to ClickHouse, and with what the data-bridge binary does for
// them and plugins cannot: a drain ahead of the host's stop, and an exit code that
// tells of records that were not stored.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/data-bridge-io/data-bridge/plugins/backpressure"
	_ "github.com/data-bridge-io/data-bridge/plugins/clickhouse"
	"github.com/data-bridge-io/data-bridge/plugins/gate"
	_ "github.com/data-bridge-io/data-bridge/plugins/nats"
)

func main() {
	var gates *gate.Registry
	code, err := service.RunCLIToCode(context.Background(),
		service.CLIOptSetMainSchemaFrom(schema),
		service.CLIOptOnConfigParse(func(conf *service.ParsedConfig) error {
			gates = gate.RegistryOf(conf.Resources())
			go drainAtSignal(gates)
			return nil
		}),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if code == 0 && gates != nil && gates.Unsettled() > 0 {
		code = 1
	}
	os.Exit(code)
}

// drainAtSignal lets the inputs hand over what they hold while the host still
// reads from them, which it does for shutdown_delay.
func drainAtSignal(gates *gate.Registry) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	gates.Drain()
}

// schema is Benthos' own with a shutdown_delay, which it does not have by default.
func schema() *service.ConfigSchema {
	s := service.GlobalEnvironment().FullConfigSchema("", "")
	s.SetFieldDefault("1s", "shutdown_delay")
	return s
}
