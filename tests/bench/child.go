package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// exitTimeout is how long a competitor may take to end after SIGTERM.
const exitTimeout = 60 * time.Second

// child is one running competitor.
type child struct {
	cmd  *exec.Cmd
	log  *bytes.Buffer // to be read when it is done
	done chan struct{}
	err  error // of its end
}

// start starts a process that ends with ctx at the latest.
func start(ctx context.Context, c command) (*child, error) {
	ch := &child{cmd: exec.CommandContext(ctx, c.path, c.args...), log: &bytes.Buffer{}, done: make(chan struct{})}
	ch.cmd.Env = environment(os.Environ(), c.env)
	ch.cmd.Stdout, ch.cmd.Stderr = ch.log, ch.log
	if err := ch.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.path, err)
	}
	go func() { // ends with the process
		ch.err = ch.cmd.Wait()
		close(ch.done)
	}()
	return ch, nil
}

// environment is base without what tunes Go's runtime, which would tune some
// competitors and not others, and with what the competitor is given.
func environment(base []string, given map[string]string) []string {
	var env []string
	for _, line := range base {
		name, _, _ := strings.Cut(line, "=")
		switch name {
		case "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG":
			continue
		}
		if _, ok := given[name]; !ok {
			env = append(env, line)
		}
	}
	for name, value := range given {
		env = append(env, name+"="+value)
	}
	return env
}

// stop ends the process in order and returns its CPU time.
func (c *child) stop() (time.Duration, error) {
	err := c.cmd.Process.Signal(syscall.SIGTERM)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, fmt.Errorf("ending the competitor: %w", err)
	}
	select {
	case <-c.done:
	case <-time.After(exitTimeout):
		_ = c.cmd.Process.Kill()
		<-c.done
		return c.cpu(), fmt.Errorf("the competitor did not end within %s", exitTimeout)
	}
	if c.err != nil {
		return c.cpu(), fmt.Errorf("the competitor failed: %w", c.err)
	}
	return c.cpu(), nil
}

// cpu is the user and system time of the process that has ended.
func (c *child) cpu() time.Duration {
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
}

// tail is the end of what the process that has ended said.
func (c *child) tail() string {
	const most = 2000
	text := strings.TrimSpace(c.log.String())
	return text[max(0, len(text)-most):]
}

// peakMemory is the most resident memory of the running process, in bytes. The
// kernel's rusage would count what its parent had when it forked.
func (c *child) peakMemory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading the peak memory: %w", err)
	}
	return highWater(string(text))
}

// highWater finds VmHWM in the text of /proc/<pid>/status.
func highWater(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kB, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the peak memory: %w", err)
			}
			return kB << 10, nil
		}
	}
	return 0, errors.New("reading the peak memory: no VmHWM")
}
