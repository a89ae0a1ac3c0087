//go:build synctests

package simulation

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // worlds are short and leave nothing behind
	goleak.VerifyTestMain(m)
}

var (
	seedFlag  = flag.Int64("seed", -1, "play the world of this seed alone, and show what happens in it")
	seedsFlag = flag.Int("seeds", 0, "how many worlds to play; 0 for as many as a test of everything has time for")
	countFlag = flag.Bool("count-failures", false, "play all worlds, whatever fails, and tell how many do, without shrinking any")
	fromFlag  = flag.Uint64("from", 0, "the first seed")
)

// TestWorlds plays one world a seed.
func TestWorlds(t *testing.T) {
	if *seedFlag >= 0 {
		report(t, uint64(*seedFlag))
		return
	}
	worlds(t, *seedsFlag)
}

// worlds plays so many worlds, as many at a time as there are processors.
func worlds(t *testing.T, n int) {
	if n == 0 {
		n = someWorlds
	}
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for i := worker; i < n && (*countFlag || !t.Failed()); i += workers {
				one(t, *fromFlag+uint64(i)) //nolint:gosec // not negative
			}
		})
	}
}

func one(t *testing.T, seed uint64) {
	s := generate(seed)
	w := play(t, s, seed)
	if w.failed() == "" {
		return
	}
	if *countFlag {
		t.Errorf("seed %d fails: %.300s", seed, w.failed())
		return
	}
	t.Errorf("seed %d (run it alone: -run TestWorlds -seed %d): %s\n%s", seed, seed, w.failed(), s)
	small := shrink(t, s, seed)
	if w = fails(t, small, seed); w != nil {
		t.Errorf("the same, shrunk: %s\n%s\n(keep it in testdata, with the seed in its name: %d-what.sim)\nwhat happened:\n%s",
			w.failed(), small, seed, strings.Join(w.trace, "\n"))
	}
}

// report plays one world and shows it.
func report(t *testing.T, seed uint64) {
	s := generate(seed)
	w := play(t, s, seed)
	t.Logf("%s\n%s\n%d rows were taken", s, strings.Join(w.trace, "\n"), w.taken)
	require.Empty(t, w.failed())
}

// TestKeptScripts plays what has failed once.
func TestKeptScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sim")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			s, err := parseScript(string(text))
			require.NoError(t, err)
			for seed := range uint64(3) {
				w := play(t, s, seed)
				require.Empty(t, w.failed(), strings.Join(w.trace, "\n"))
				if testing.Verbose() {
					t.Log(strings.Join(w.trace, "\n"))
				}
			}
		})
	}
}

// A script means what it says, and is read as it is written.
func TestScriptsAreReadAsTheyAreWritten(t *testing.T) {
	for seed := range uint64(1000) {
		text := generate(seed).String()
		s, err := parseScript(text)
		require.NoError(t, err, text)
		require.Equal(t, text, s.String())
	}
}
