package robustness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/model"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// patience bounds every wait for an event.
const patience = 3 * time.Minute

// life is one process of the bridge. It is asked how it is all the time, so that its
// last figures are known when it is killed.
type life struct {
	*harness.Bridge
	address string
	log     *os.File
	ending  model.Ending

	mu   sync.Mutex
	last harness.Health

	cancel context.CancelFunc
	asked  chan struct{}
}

// The instances of the bridge.
const first, second = "one", "two"

// lookEvery is how often a bridge is asked.
const lookEvery = 50 * time.Millisecond

// startLife starts a process, whose log is a file of the run's.
func (r *Run) startLife(ctx context.Context, instance string) (*life, error) {
	port, err := stack.FreePort()
	if err != nil {
		return nil, err
	}
	l := &life{address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), ending: model.Running, asked: make(chan struct{})}
	if l.log, err = os.Create(filepath.Join(r.dir, fmt.Sprintf("bridge_%02d_%s.log", len(r.lives.all)+1, instance))); err != nil {
		return nil, fmt.Errorf("making the log of a bridge: %w", err)
	}
	env := map[string]string{"STATUS_ADDRESS": l.address, "INSTANCE": instance}
	if instance == first { // has a place of its own in its group; another one leaves its group when it goes
		env["INSTANCE_ID"] = instance
	}
	l.Bridge, err = harness.Start(harness.Options{Binary: r.Binary, Args: []string{"run", r.config}, Health: l.address, Log: l.log, Env: env})
	if err != nil {
		return nil, err
	}
	looking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	go l.look(looking)
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	_, err = l.AwaitHealth(waiting, "it answers", func(harness.Health) bool { return true })
	return l, err
}

// look notes the figures of the process until it has ended.
func (l *life) look(ctx context.Context) {
	defer close(l.asked)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		_ = l.ask(ctx) // one that does not answer is asked again
		select {
		case <-ctx.Done():
			return
		case <-l.Done():
			return
		case <-tick.C:
		}
	}
}

// ask notes the figures that the process has now.
func (l *life) ask(ctx context.Context) error {
	h, err := l.Health(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = h
	return nil
}

// figures are the last that the process gave.
func (l *life) figures() harness.Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// over waits for the end of the process, and of those who look at it.
func (l *life) over(ctx context.Context, ending model.Ending) (exitCode int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if exitCode, err = l.Wait(ctx); err != nil {
		l.Kill()
	}
	l.ending = ending
	l.cancel()
	<-l.asked
	return exitCode, errors.Join(err, l.log.Close())
}

// counters are the figures of a source.
func (l *life) counters(source, table string) model.Counters {
	h := l.figures()
	in, t := h.Inputs[source], h.Outputs["clickhouse"].Tables[table]
	return model.Counters{
		Received: in.Received, Accepted: in.Accepted,
		Dropped: in.Dropped, Conflated: in.Conflated, SlowConsumer: in.SlowConsumer,
		RecordsLost: in.RecordsLost, LostAtStop: in.LostAtStop,
		Rows: t.Rows, Deduplicated: t.Deduplicated, DeadLetters: t.DeadLetters,
		Held: in.Buffered,
	}
}

// lives are the processes of a run, one after the other, and one beside them at times.
type lives struct {
	run   *Run
	all   []*life
	now   *life
	other *life
}

var _ faults.Bridge = (*lives)(nil)

// Start implements faults.Bridge.
func (b *lives) Start(ctx context.Context) (err error) {
	b.now, err = b.add(ctx, first)
	return err
}

func (b *lives) add(ctx context.Context, instance string) (*life, error) {
	l, err := b.run.startLife(ctx, instance)
	if l != nil && l.Bridge != nil {
		b.all = append(b.all, l)
	}
	return l, err
}

// Kill implements faults.Bridge.
func (b *lives) Kill() error {
	b.now.Kill()
	_, err := b.now.over(context.Background(), model.Killed)
	return err
}

// Terminate implements faults.Bridge.
func (b *lives) Terminate(ctx context.Context) (exitCode int, err error) {
	return terminate(ctx, b.now)
}

func terminate(ctx context.Context, l *life) (exitCode int, err error) {
	if err := l.Signal(syscall.SIGTERM); err != nil {
		return 0, fmt.Errorf("ending the bridge: %w", err)
	}
	return l.over(ctx, model.Ended)
}

// Freeze implements faults.Bridge.
func (b *lives) Freeze() error { return b.now.Signal(syscall.SIGSTOP) }

// Thaw implements faults.Bridge.
func (b *lives) Thaw() error { return b.now.Signal(syscall.SIGCONT) }

// Paused implements faults.Bridge.
func (b *lives) Paused(context.Context) bool {
	for _, in := range b.now.figures().Inputs {
		if in.Paused {
			return true
		}
	}
	return false
}

// Operate implements faults.Bridge.
func (b *lives) Operate(ctx context.Context, path string) error {
	code, err := harness.Operate(ctx, b.now.address, path, token, "")
	if err == nil && code != 200 {
		err = fmt.Errorf("the answer is %d", code)
	}
	if err != nil {
		return fmt.Errorf("operating the bridge by %s: %w", path, err)
	}
	return nil
}

// Join implements faults.Bridge.
func (b *lives) Join(ctx context.Context) (err error) {
	b.other, err = b.add(ctx, second)
	return err
}

// Leave implements faults.Bridge.
func (b *lives) Leave(ctx context.Context) (exitCode int, err error) {
	return terminate(ctx, b.other)
}

// close ends what still runs.
func (b *lives) close() {
	for _, l := range b.all {
		if l.ending == model.Running {
			l.Kill()
			_, _ = l.over(context.Background(), model.Killed)
		}
	}
}

// crashes are lines of a log that tell of a data race or a panic.
func (b *lives) crashes() (lines []string) {
	for _, l := range b.all {
		lines = append(lines, l.Crashes()...)
	}
	return lines
}
