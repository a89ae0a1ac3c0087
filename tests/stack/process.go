package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// stopGrace is how long a server may take over SIGTERM before it is killed.
	stopGrace = 2 * time.Minute
	// readyInterval is the time between two looks at a server that starts.
	readyInterval = 50 * time.Millisecond
	// readyTimeout bounds a start when the caller's context does not.
	readyTimeout = 4 * time.Minute
)

// ErrNotRunning is returned for a signal to a server that is not running.
var ErrNotRunning = errors.New("server is not running")

// process is a child process that can be started again and again. Its methods
// may be called from any goroutine.
type process struct {
	name    string
	logPath string
	command func() *exec.Cmd
	ready   func(context.Context) error // nil when it serves

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the child is gone
}

// start runs the child and returns when it serves. A child that runs already is left alone.
func (p *process) start(ctx context.Context) error {
	if err := p.spawn(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := p.awaitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("starting %s: %w\n%s", p.name, err, p.logTail()), p.kill())
	}
	return nil
}

func (p *process) spawn() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil && !p.goneLocked() {
		return nil
	}
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening the log of %s: %w", p.name, err)
	}
	defer log.Close() // the child holds its own copy
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.cmd, p.done = cmd, make(chan struct{})
	go func(done chan struct{}) { // ends with the child; stop and kill wait for it
		defer close(done)
		_ = cmd.Wait()
	}(p.done)
	return nil
}

func (p *process) goneLocked() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// awaitReady looks until the server answers, has ended, or time is up.
func (p *process) awaitReady(ctx context.Context) error {
	_, done := p.current()
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		err := p.tryReady(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("waiting for an answer: %w (last: %w)", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (p *process) tryReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return p.ready(ctx)
}

func (p *process) current() (*exec.Cmd, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd, p.done
}

// running reports whether the child lives, stalled or not.
func (p *process) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd != nil && !p.goneLocked()
}

func (p *process) pid() int {
	if cmd, _ := p.current(); cmd != nil {
		return cmd.Process.Pid
	}
	return 0
}

// signal sends sig to the child only, by its process id.
func (p *process) signal(sig os.Signal) error {
	if !p.running() {
		return fmt.Errorf("signalling %s: %w", p.name, ErrNotRunning)
	}
	cmd, _ := p.current()
	if err := cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("signalling %s: %w", p.name, err)
	}
	return nil
}

// stall freezes the child and returns when nothing in it runs any more.
func (p *process) stall() error {
	if err := p.signal(signalStall); err != nil {
		return err
	}
	awaitStalled(p.pid())
	return nil
}

// stop ends the child in order, or by force after stopGrace. A stalled child
// is continued, since it could not end otherwise.
func (p *process) stop() error {
	if !p.running() {
		return nil
	}
	_, done := p.current()
	_ = p.signal(syscall.SIGTERM)
	_ = p.signal(signalContinue)
	select {
	case <-done:
		return nil
	case <-time.After(stopGrace):
		return errors.Join(fmt.Errorf("stopping %s: still running after %s", p.name, stopGrace), p.kill())
	}
}

// kill ends the child at once, as a crash does, and waits until it is gone.
func (p *process) kill() error {
	if !p.running() {
		return nil
	}
	_, done := p.current()
	if err := p.signal(os.Kill); err != nil && p.running() {
		return err
	}
	<-done
	return nil
}

// logTail is the end of the child's log, for error messages.
func (p *process) logTail() string {
	const size = 2000
	f, err := os.Open(p.logPath)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > size {
		_, _ = f.Seek(-size, io.SeekEnd)
	}
	tail, _ := io.ReadAll(f)
	return strings.TrimSpace(string(tail))
}

// removeAll tries again for a moment: the kernel may still be closing the files of a killed process.
func removeAll(dir string) error {
	var err error
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(readyInterval)
	}
	return fmt.Errorf("removing %s: %w", dir, err)
}

// run runs a command to its end and returns what it wrote to stdout.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running %s %s: %w: %s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), nil
}
