package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal is a program in a terminal of 100 columns and 40 lines.
type terminal struct {
	t   *testing.T
	cmd *exec.Cmd
	far *os.File

	mu   sync.Mutex
	seen bytes.Buffer
	done chan struct{} // closed when the program has ended and all was read
}

func inTerminal(t *testing.T, path string, vars env, args ...string) *terminal {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { far.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(far.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}))
	near, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer near.Close()

	term := &terminal{t: t, far: far, done: make(chan struct{})}
	term.cmd = exec.CommandContext(within(t), path, args...)
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = near, near, near
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	term.cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	for name, value := range vars {
		term.cmd.Env = append(term.cmd.Env, name+"="+value)
	}
	require.NoError(t, term.cmd.Start())
	go term.read()
	return term
}

func (term *terminal) read() {
	defer close(term.done)
	part := make([]byte, 4096)
	for {
		n, err := term.far.Read(part) // fails when the program has ended
		term.mu.Lock()
		term.seen.Write(part[:n])
		term.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.seen.String()
}

// shows waits until the program has written the text from here on.
func (term *terminal) shows(text string) {
	term.t.Helper()
	require.Eventually(term.t, func() bool {
		term.mu.Lock()
		defer term.mu.Unlock()
		at := bytes.Index(term.seen.Bytes(), []byte(text))
		if at >= 0 {
			term.seen.Next(at + len(text))
		}
		return at >= 0
	}, patience, 10*time.Millisecond, "waiting for %q", text)
}

func (term *terminal) types(keys string) {
	term.t.Helper()
	_, err := term.far.WriteString(keys)
	require.NoError(term.t, err)
}

// ends waits for the end of the program and returns its exit code.
func (term *terminal) ends() int {
	_ = term.cmd.Wait() // the code says it
	<-term.done
	return term.cmd.ProcessState.ExitCode()
}

// In a terminal top shows the bridge until somebody ends it, says that the bridge is away,
// and goes on with the next one.
func TestTopLivesInATerminal(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneEngine())
	address := freeAddress(t)
	b := r.start(env{"STATUS_ADDRESS": address}).ready()
	top := inTerminal(t, plain, nil, "top", "--address", address)
	top.shows("Ready, nothing arrives")
	top.shows("external")
	top.types("c")
	top.shows("max_buffer_size")
	top.types("c")
	top.shows("Oldest record")
	b.kill()
	top.shows("Lost the bridge at ")
	top.shows("Trying again in ")
	r.start(env{"STATUS_ADDRESS": address}).ready()
	top.shows("up ")
	top.shows("nothing arrives")
	top.types("q")
	assert.Zero(t, top.ends())
	assert.Contains(t, top.text(), "\x1b[?1049l", "the terminal is as it was")

	gone := inTerminal(t, plain, env{"NO_COLOR": "1"}, "top", "--address", freeAddress(t))
	assert.Equal(t, 1, gone.ends())
	assert.Contains(t, gone.text(), "connection refused")
}
