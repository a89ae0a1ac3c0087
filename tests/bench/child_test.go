package main

import (
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shell is a child that runs a script.
func shell(t *testing.T, script string) *child {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	c, err := start(t.Context(), command{path: path, args: []string{"-c", script}, env: map[string]string{"GIVEN": "yes"}})
	require.NoError(t, err)
	return c
}

func TestCPUTimeIsThatOfTheChildAlone(t *testing.T) {
	c := shell(t, `i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done`)
	spin := 0
	for running := true; running; { // the harness works too, and must not be counted
		select {
		case <-c.done:
			running = false
		default:
			spin++
		}
	}
	cpu, err := c.stop()
	require.NoError(t, err)
	assert.Positive(t, cpu)
	assert.Equal(t, c.cmd.ProcessState.UserTime()+c.cmd.ProcessState.SystemTime(), cpu)
	assert.Positive(t, spin)
}

func TestAChildIsEndedInOrder(t *testing.T) {
	c := shell(t, `trap 'exit 0' TERM; echo started; while :; do sleep 0.01; done`)
	if runtime.GOOS == "linux" {
		peak, err := c.peakMemory()
		require.NoError(t, err)
		assert.Positive(t, peak)
	}
	_, err := c.stop()
	if err != nil { // the signal may come before the trap is set
		require.ErrorContains(t, err, "signal: terminated")
	}
}

func TestAFailureOfTheChildIsOne(t *testing.T) {
	c := shell(t, `echo "it is $GIVEN"; exit 3`)
	<-c.done
	_, err := c.stop()
	require.ErrorContains(t, err, "exit status 3")
	assert.Equal(t, "it is yes", c.tail())
	_, err = start(t.Context(), command{path: "/nowhere/at/all"})
	require.ErrorContains(t, err, "starting /nowhere/at/all")
}

func TestHighWater(t *testing.T) {
	n, err := highWater("Name:\tx\nVmPeak:\t  99999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n")
	require.NoError(t, err)
	assert.EqualValues(t, 2<<20, n)
	_, err = highWater("Name:\tx\n")
	require.ErrorContains(t, err, "no VmHWM")
	_, err = highWater("VmHWM:\t lots\n")
	require.Error(t, err)
}

// What tunes the shell's Go programs would tune some competitors only.
func TestEnvironmentIsTheSameForEverybody(t *testing.T) {
	env := environment([]string{"PATH=/bin", "GOGC=10", "GOMAXPROCS=1", "TOPIC=theirs"}, map[string]string{"TOPIC": "ours", "GOGC": "400"})
	assert.ElementsMatch(t, []string{"PATH=/bin", "TOPIC=ours", "GOGC=400"}, env)
}

func TestMachine(t *testing.T) {
	assert.Equal(t, "AMD", field("processor\t: 0\nmodel name\t: AMD\nmodel name\t: other\n", "model name"))
	assert.Empty(t, field("nothing\n", "model name"))
	assert.Contains(t, describeMachine(), "cores")
	assert.Contains(t, modules("/nowhere", nil), "unknown")
	assert.Equal(t, "revision 0123456789ab, b/c v2", versions(&debug.BuildInfo{
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}},
		Deps:     []*debug.Module{{Path: "github.com/a", Version: "v1"}, {Path: "github.com/b/c", Version: "v2"}},
	}, []string{"github.com/b/c", "github.com/d"}))
}

func TestWindowLetsInWhatWasStored(t *testing.T) {
	w := &bounded{size: 100}
	n, err := w.room(t.Context(), 0, 60)
	require.NoError(t, err)
	assert.Equal(t, 60, n)
	n, err = w.room(t.Context(), 60, 60)
	require.NoError(t, err)
	assert.Equal(t, 40, n)
	time.AfterFunc(5*time.Millisecond, func() { w.stored.Store(7) })
	n, err = w.room(t.Context(), 100, 60)
	require.NoError(t, err)
	assert.Equal(t, 7, n)
}
