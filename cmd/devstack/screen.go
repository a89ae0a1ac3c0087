package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/data-bridge-io/data-bridge/tests/harness"
)

// screen shows a live line of figures below lines that stay. Where the output
// is no terminal the live line is printed every few seconds instead. Its
// methods are safe for concurrent use.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	tty   bool
	live  string
	start time.Time
}

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	return &screen{out: out, tty: err == nil && info.Mode()&os.ModeCharDevice != 0, start: time.Now()}
}

// say prints a line of the story.
func (s *screen) say(format string, args ...any) {
	s.print("── " + fmt.Sprintf(format, args...))
}

func (s *screen) print(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	fmt.Fprintf(s.out, "%5.1fs  %s\n", time.Since(s.start).Seconds(), line)
	if s.tty {
		fmt.Fprint(s.out, s.live)
	}
}

func (s *screen) erase() {
	if s.tty {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

func (s *screen) setLive(line string) {
	if !s.tty {
		if line != "" {
			s.print(line)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.live = line
	fmt.Fprint(s.out, line)
}

// watch shows the bridge's figures until the returned function is called, which
// may be done twice.
func (s *screen) watch(ctx context.Context, b *harness.Bridge) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	every := 500 * time.Millisecond // an insert each, with the shipped batch period
	if !s.tty {
		every = 2 * time.Second
	}
	go func() {
		defer close(done)
		var last harness.Health
		for wait(ctx, every) == nil {
			h, err := b.Health(ctx)
			if err != nil {
				continue
			}
			s.setLive(figures(h, last, every))
			last = h
		}
		s.setLive("")
	}()
	return func() {
		cancel()
		<-done
	}
}

// figures words one answer of /health, with rates against the one before, in
// less than the 80 columns of a narrow terminal: a longer line would wrap and
// could not be erased.
func figures(h, last harness.Health, every time.Duration) string {
	b := h.Metrics.Backpressure
	rate := func(now, then int64) int64 { return int64(float64(now-then) / every.Seconds()) }
	rows, before := h.Outputs["clickhouse"].Rows, last.Outputs["clickhouse"].Rows
	var dropped int64
	for _, in := range h.Inputs {
		dropped += in.Discarded()
	}
	state := "▶"
	if b.Active {
		state = "⏸"
	}
	line := fmt.Sprintf("%s %s %6d │ in %6d/s │ stored %6d/s │ dropped %7d",
		state, bar(b.Level, 50000), b.Level, rate(received(h), received(last)), rate(rows, before), dropped)
	if h.Status != "healthy" {
		line += " │ " + h.Status
	}
	return line
}

func received(h harness.Health) int64 { return h.Metrics.NATS + h.Metrics.External }

// bar draws the level with marks at the resume and the pause threshold.
func bar(level, limit int64) string {
	const width = 15
	cells := []rune(strings.Repeat("·", width))
	cells[width*40/100], cells[width*80/100] = '┊', '┊'
	for i := range min(width, level*width/limit) {
		cells[i] = '█'
	}
	return "[" + string(cells) + "]"
}

// keyLines takes the bridge's log: all of it into a file, what an operator
// looks for onto the screen.
type keyLines struct {
	screen *screen
	file   io.Writer
}

// keyMarks begin the agreed lines, heartbeats left out.
var keyMarks = []string{"✅", "⚡", "   └─", "⚠️", "⏸️", "▶️", "🔴", "🛑", "📊", "💾"}

func (k *keyLines) Write(p []byte) (int, error) {
	var line struct {
		Level   string `json:"level"`
		Message string `json:"msg"`
	}
	if json.Unmarshal(p, &line) == nil {
		for _, mark := range keyMarks {
			if strings.HasPrefix(line.Message, mark) {
				k.screen.print("   " + line.Message)
			}
		}
		if line.Level == "error" {
			k.screen.print("   " + line.Message)
		}
	}
	return k.file.Write(p)
}
