//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// watchSwitch makes signals of the emergency switch, for whoever can send one to the
// process, with or without the admin API: SIGUSR1 switches pausing off in every stream,
// SIGUSR2 makes the settings of all of them what their configuration says.
func watchSwitch(res *service.Resources) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			throw(s, status.Boards(res))
		}
	}()
}

// throw acts on one signal. A stream that stops needs no switch.
func throw(s os.Signal, boards []*status.Board) {
	name, act := "SIGUSR2", status.Operator.ResetSettings
	if s == syscall.SIGUSR1 {
		name, act = "SIGUSR1", func(op status.Operator) error { return op.ChangeSettings(map[string]any{"enabled": false}) }
	}
	for _, b := range boards {
		b.Operate(name, func(op status.Operator) { _ = act(op) })
	}
}
