package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/gate"
)

// stopper turns a termination signal into a drain of every stream, ahead of
// the host's own stop: a core NATS subscription can hand over what it holds
// only while the host still reads from it. The host waits for shutdown_delay
// between the signal and its stop.
type stopper struct {
	registry atomic.Pointer[gate.Registry]
}

func newStopper() *stopper { return &stopper{} }

// watch is called once, when a configuration has been parsed and before its
// streams start.
func (s *stopper) watch(conf *service.ParsedConfig) error {
	registry := gate.RegistryOf(conf.Resources())
	s.registry.Store(registry)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		registry.Drain()
	}()
	return nil
}

// leaveTimeout bounds the wait for inputs that are still closing.
const leaveTimeout = 6 * time.Second

// exitCode turns a clean exit into 1 when records were accepted and not
// settled, of whatever source, at this end of the process: the host exits with 0 even after it had to force its stop. Then the
// host does not wait for its inputs either, and a Kafka member that vanishes
// without its last commit would hold its partitions for a session_timeout: so
// this waits.
func (s *stopper) exitCode(code int) int {
	registry := s.registry.Load()
	if registry == nil {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := registry.AwaitLeave(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "data-bridge: an input did not close in time:", err)
	}
	if code != 0 {
		return code
	}
	if n := registry.Unsettled(); n > 0 {
		fmt.Fprintf(os.Stderr, "data-bridge: stopped with %d records unsettled; they were not acknowledged\n", n)
		return 1
	}
	return 0
}
