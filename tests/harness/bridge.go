// Package harness runs the built data-bridge binary on a YAML config, as a user
// does, and looks at it from outside: its log, its /health, its exit code, its
// memory, and what it stored. The end-to-end tests and the demo share it.
package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Line is one log record of the bridge.
type Line struct {
	Level   string `json:"level"`
	Message string `json:"msg"`
	Raw     string `json:"-"`
}

// Bridge is one running data-bridge process. Its methods are safe for
// concurrent use.
type Bridge struct {
	cmd     *exec.Cmd
	address string // of /health
	tee     io.Writer

	mu    sync.Mutex
	lines []Line
	more  chan struct{} // closed and replaced when a line comes

	done chan struct{} // closed when the process has ended
	err  error         // of its Wait
}

// Options say how to start a bridge.
type Options struct {
	// Binary is the path of data-bridge.
	Binary string
	// Args are its arguments, such as run, config/bridge.yaml.
	Args []string
	// Env is added to the environment.
	Env map[string]string
	// Health is the host:port of its status server, "" when it has none.
	Health string
	// Log, when not nil, gets every line of output as it comes.
	Log io.Writer
}

// Start starts the process. Its log format is JSON, whatever the config says.
func Start(o Options) (*Bridge, error) {
	b := &Bridge{
		cmd: exec.Command(o.Binary, o.Args...), address: o.Health, tee: o.Log,
		more: make(chan struct{}), done: make(chan struct{}),
	}
	b.cmd.Env = append(os.Environ(), "LOG_FORMAT=json")
	for k, v := range o.Env {
		b.cmd.Env = append(b.cmd.Env, k+"="+v)
	}
	out, in := io.Pipe()
	b.cmd.Stdout, b.cmd.Stderr = in, in
	if err := b.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", o.Binary, err)
	}
	scanned := make(chan struct{})
	go func() {
		defer close(scanned)
		b.scan(out)
	}()
	go func() {
		b.err = b.cmd.Wait()
		_ = in.Close()
		<-scanned
		close(b.done)
	}()
	return b, nil
}

func (b *Bridge) scan(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		l := Line{Raw: s.Text()}
		if json.Unmarshal(s.Bytes(), &l) != nil || l.Message == "" {
			l.Message = l.Raw
		}
		if b.tee != nil {
			_, _ = fmt.Fprintln(b.tee, l.Raw)
		}
		b.mu.Lock()
		b.lines = append(b.lines, l)
		close(b.more)
		b.more = make(chan struct{})
		b.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r)
}

// Lines returns what has been logged so far.
func (b *Bridge) Lines() []Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Line(nil), b.lines...)
}

// Count is the number of lines whose message contains text.
func (b *Bridge) Count(text string) int {
	n := 0
	for _, l := range b.Lines() {
		if strings.Contains(l.Message, text) {
			n++
		}
	}
	return n
}

// Await returns the first line whose message contains text, waiting for it. It
// fails when ctx ends or the process does without having said so.
func (b *Bridge) Await(ctx context.Context, text string) (Line, error) {
	return b.AwaitNth(ctx, text, 1)
}

// AwaitNth is Await for the nth such line.
func (b *Bridge) AwaitNth(ctx context.Context, text string, nth int) (Line, error) {
	for seen, found := 0, 0; ; {
		b.mu.Lock()
		fresh, more := b.lines[seen:], b.more
		seen = len(b.lines)
		b.mu.Unlock()
		for _, l := range fresh {
			if strings.Contains(l.Message, text) {
				if found++; found == nth {
					return l, nil
				}
			}
		}
		if err := b.awaitMore(ctx, more, text, nth); err != nil {
			return Line{}, err
		}
	}
}

func (b *Bridge) awaitMore(ctx context.Context, more <-chan struct{}, text string, nth int) error {
	select {
	case <-more:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for log line %d with %q: %w; the last lines were:\n%s", nth, text, ctx.Err(), b.Tail(15))
	case <-b.done:
		select {
		case <-more: // the last line came with the end
			return nil
		default:
			return fmt.Errorf("the bridge ended (exit code %d) without logging %q %d times; the last lines were:\n%s", b.cmd.ProcessState.ExitCode(), text, nth, b.Tail(15))
		}
	}
}

// Tail returns the last n lines.
func (b *Bridge) Tail(n int) string {
	lines := b.Lines()
	var out strings.Builder
	for _, l := range lines[max(0, len(lines)-n):] {
		out.WriteString(l.Raw + "\n")
	}
	return out.String()
}

// Signal sends a signal to the process.
func (b *Bridge) Signal(sig os.Signal) error { return b.cmd.Process.Signal(sig) }

// Wait waits for the end of the process and returns its exit code.
func (b *Bridge) Wait(ctx context.Context) (int, error) {
	select {
	case <-b.done:
		return b.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return -1, fmt.Errorf("waiting for the bridge to end: %w; the last lines were:\n%s", ctx.Err(), b.Tail(15))
	}
}

// Done is closed when the process has ended.
func (b *Bridge) Done() <-chan struct{} { return b.done }

// Crashes are the lines that tell of a data race or of a panic.
func (b *Bridge) Crashes() (lines []string) {
	for _, l := range b.Lines() {
		if strings.Contains(l.Raw, "DATA RACE") || strings.HasPrefix(l.Raw, "panic:") || strings.HasPrefix(l.Raw, "fatal error:") {
			lines = append(lines, l.Raw)
		}
	}
	return lines
}

// Kill ends the process as a crash does, if it still runs, and waits for it.
func (b *Bridge) Kill() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

// Health is the part of GET /health that the tests read.
type Health struct {
	Code    int
	Service string   `json:"service"`
	Status  string   `json:"status"`
	Reasons []string `json:"reasons"`
	Metrics struct {
		Ticks, External int64
		Candles         int64 `json:"ch_candles"`
		NATS            int64 `json:"nats_msgs"`
		CHBuffer        int64 `json:"ch_buffer"`
		RetryQueue      int64 `json:"retry_queue_size"`
		Backpressure    struct {
			Active      bool
			NATSPaused  bool    `json:"nats_paused"`
			KafkaPaused bool    `json:"kafka_paused"`
			Level       int64   `json:"current_buffer"`
			YieldAt     int64   `json:"yield_threshold"`
			PauseCount  int64   `json:"pause_count"`
			LastPause   *string `json:"last_pause"`
			LastResume  *string `json:"last_resume"`
		}
	}
	Inputs  map[string]Input
	Outputs map[string]struct {
		Connected              bool
		Rows, Batches, Retries int64
		RetryQueue             int64   `json:"retry_queue_size"`
		RetryOldest            float64 `json:"retry_oldest_seconds"`
		DeadLetters            int64   `json:"dead_letters"`
		Tables                 map[string]Table
	}
	LostAtStop int64  `json:"lost_at_stop"`
	Body       string `json:"-"`
}

// Input is what Health says of one input.
type Input struct {
	Kind                        string
	Connected, Paused           bool
	Received, Accepted, Dropped int64
	Conflated                   int64
	SlowConsumer                int64 `json:"slow_consumer"`
	RecordsLost                 int64 `json:"records_lost"`
	LostAtStop                  int64 `json:"lost_at_stop"`
	Buffered                    int64
	Lag                         *int64
	Yielding                    bool
	YieldedSeconds              float64 `json:"yielded_seconds"`
}

// Table is what Health says of one table.
type Table struct {
	Rows         int64
	DeadLetters  int64 `json:"dead_letters"`
	Deduplicated int64
}

// Discarded is what the input received, did not pass on, and counted.
func (i Input) Discarded() int64 { return i.Dropped + i.Conflated + i.SlowConsumer }

// healthClient keeps no connection: a test must not leave goroutines behind.
var healthClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// Health asks the bridge how it is.
func (b *Bridge) Health(ctx context.Context) (Health, error) { return HealthAt(ctx, b.address) }

// HealthAt asks the bridge whose status server listens there.
func HealthAt(ctx context.Context, address string) (Health, error) {
	var h Health
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/health", nil)
	if err != nil {
		return h, err
	}
	resp, err := healthClient.Do(req)
	if err != nil {
		return h, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return h, err
	}
	h.Code, h.Body = resp.StatusCode, string(body)
	return h, json.Unmarshal(body, &h)
}

// AwaitHealth asks until the answer satisfies ok, and returns that answer.
func (b *Bridge) AwaitHealth(ctx context.Context, what string, ok func(Health) bool) (Health, error) {
	var h Health
	var err error
	for {
		if h, err = b.Health(ctx); err == nil && ok(h) {
			return h, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-b.done:
			return h, fmt.Errorf("the bridge ended before %s; the last lines were:\n%s", what, b.Tail(15))
		case <-ctx.Done():
			return h, errors.Join(fmt.Errorf("waiting until %s: %w; last answer: %s", what, ctx.Err(), h.Body), err)
		}
	}
}
