package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
	"github.com/data-bridge-io/data-bridge/tests/stack/marketdata"
)

const (
	demoStream  = "demo"
	demoCalm    = 8 * time.Second  // of flow before ClickHouse stalls
	demoHold    = 6 * time.Second  // of pause before it goes on
	demoAfter   = 10 * time.Second // of flow after the resume
	demoTimeout = 110 * time.Second
)

// demoFeed is one stream of the demo: what is published, which input takes it
// and which table stores it.
type demoFeed struct {
	kind  marketdata.Kind
	input string
	table string
	rate  float64
}

var demoFeeds = []demoFeed{
	{marketdata.Ticks, "ticks", "market.ticks", 15000},
	{marketdata.Candles, "ch_candles", "market.candles", 1000},
	{marketdata.External, "external", "market.external", 2000},
}

// demo runs the shipped pipeline on generated data, makes ClickHouse stall and
// recover, stops the bridge, and counts by SQL what arrived.
func demo(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	kind := flags.String("clickhouse", stack.KindAuto, "which ClickHouse: given, path, chdb or legacy; the first that can be had if empty")
	binary := flags.String("bridge", "bin/data-bridge", "the data-bridge binary")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := startServers(ctx, *kind)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.printEnv(os.Stdout)

	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	d := &demoRun{servers: s, screen: newScreen(os.Stdout)}
	if err := d.start(*binary); err != nil {
		return err
	}
	defer d.bridge.Kill()
	return d.play(ctx)
}

// demoRun is one run of the demo.
type demoRun struct {
	servers   *servers
	screen    *screen
	bridge    *harness.Bridge
	log       *os.File
	published map[marketdata.Kind]int64
}

// start runs the bridge with the shipped pipeline; its whole log goes to a file.
func (d *demoRun) start(binary string) error {
	port, err := stack.FreePort()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "data-bridge-demo-")
	if err != nil {
		return err
	}
	if d.log, err = os.Create(filepath.Join(dir, "bridge.log")); err != nil {
		return err
	}
	health := fmt.Sprintf("127.0.0.1:%d", port)
	env := map[string]string{
		"STATUS_ADDRESS":   health,
		"HTTP_ADDRESS":     "127.0.0.1:0",
		"DEAD_LETTER_PATH": filepath.Join(dir, "dead_letter.jsonl"),
	}
	if d.servers.clickhouse.Legacy() {
		env["CLICKHOUSE_TIME_PRECISION"] = "truncate" // 18.16 has no DateTime64
	}
	for _, line := range d.servers.env() {
		k, v, _ := strings.Cut(line, "=")
		env[k] = v
	}
	d.screen.say("Starting data-bridge with config/bridge.yaml; its page is http://%s/, its log is %s", health, d.log.Name())
	d.bridge, err = harness.Start(harness.Options{
		Binary: binary, Args: []string{"run", "config/bridge.yaml"}, Env: maps.Clone(env), Health: health,
		Log: &keyLines{screen: d.screen, file: d.log},
	})
	return err
}

// play is the story: calm, stall, pause, recovery, resume, stop, and the count.
func (d *demoRun) play(ctx context.Context) error {
	if _, err := d.bridge.AwaitHealth(ctx, "every link is up", allConnected); err != nil {
		return err
	}
	stopWatching := d.screen.watch(ctx, d.bridge)
	defer stopWatching()
	stopPublishing := d.publish(ctx)
	if err := errors.Join(d.stall(ctx), stopPublishing()); err != nil {
		return err
	}
	d.screen.say("Publishing has ended; waiting until everything published has been settled")
	health, err := d.bridge.AwaitHealth(ctx, "everything published is settled", d.settled)
	if err != nil {
		return err
	}
	stopWatching()
	d.screen.say("Stopping the bridge with SIGTERM")
	if err := d.stop(ctx); err != nil {
		return err
	}
	return d.report(ctx, health)
}

func (d *demoRun) stall(ctx context.Context) error {
	d.screen.say("Everything flows")
	if err := wait(ctx, demoCalm); err != nil {
		return err
	}
	d.screen.say("ClickHouse stalls now (SIGSTOP): it answers nothing more")
	if err := d.servers.clickhouse.Stall(); err != nil {
		return err
	}
	_, paused := d.bridge.Await(ctx, "BACKPRESSURE ACTIVE")
	held := wait(ctx, demoHold)
	if err := errors.Join(paused, held, d.servers.clickhouse.Continue()); err != nil {
		return err
	}
	d.screen.say("ClickHouse goes on (SIGCONT)")
	if _, err := d.bridge.Await(ctx, "BACKPRESSURE RELEASED"); err != nil {
		return err
	}
	return wait(ctx, demoAfter)
}

// publish starts the feeds and returns what stops them.
func (d *demoRun) publish(ctx context.Context) func() error {
	ctx, cancel := context.WithCancel(ctx)
	to := targets{nats: d.servers.nats.URL(), kafka: d.servers.kafka.Addr()}
	counts, errs := make([]int64, len(demoFeeds)), make([]error, len(demoFeeds))
	var wg sync.WaitGroup
	for i, f := range demoFeeds {
		wg.Go(func() { counts[i], errs[i] = f.publish(ctx, to) })
	}
	return func() error {
		cancel()
		wg.Wait()
		d.published = map[marketdata.Kind]int64{}
		for i, f := range demoFeeds {
			d.published[f.kind] = counts[i]
		}
		return errors.Join(errs...)
	}
}

func (f demoFeed) publish(ctx context.Context, to targets) (int64, error) {
	gen, err := marketdata.New(1, f.kind, demoStream)
	if err != nil {
		return 0, err
	}
	sink, closeSink, err := sinkOf(to, f.kind)
	if err != nil {
		return 0, err
	}
	defer closeSink()
	return marketdata.Publish(ctx, sink, gen, marketdata.Shape{Rate: f.rate})
}

func (d *demoRun) settled(h harness.Health) bool {
	for _, f := range demoFeeds {
		if h.Inputs[f.input].Received < d.published[f.kind] {
			return false
		}
	}
	return h.Metrics.Backpressure.Level == 0
}

func (d *demoRun) stop(ctx context.Context) error {
	if err := d.bridge.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	code, err := d.bridge.Wait(ctx)
	if err == nil && code != 0 {
		err = fmt.Errorf("the bridge ended with exit code %d; its log is %s", code, d.log.Name())
	}
	return err
}

func allConnected(h harness.Health) bool {
	for _, f := range demoFeeds {
		if !h.Inputs[f.input].Connected {
			return false
		}
	}
	return h.Outputs["clickhouse"].Connected
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// report prints the table of what became of every record, and fails when one
// is missing.
func (d *demoRun) report(ctx context.Context, h harness.Health) error {
	fmt.Printf("\n%-10s %12s %12s %12s %10s %12s\n", "stream", "published", "inserted", "dropped", "missing", "duplicated")
	var missing int64
	for _, f := range demoFeeds {
		t, err := harness.Count(ctx, d.servers.clickhouse, f.table, demoStream)
		if err != nil {
			return err
		}
		in, published := h.Inputs[f.input], d.published[f.kind]
		dropped := in.Discarded()
		lost := t.Missing(published, dropped)
		missing += max(lost, -lost)
		fmt.Printf("%-10s %12d %12d %12d %10d %12d\n", f.input, published, t.Rows, dropped, lost, t.Duplicated())
	}
	fmt.Printf("\ndropped: discarded by configuration (on_pause) while the gate was closed, and counted.\n"+
		"The bridge paused %d time(s); its log is %s\n", h.Metrics.Backpressure.PauseCount, d.log.Name())
	if missing != 0 {
		return fmt.Errorf("%d records are missing", missing)
	}
	fmt.Println("Nothing is missing.")
	return nil
}
