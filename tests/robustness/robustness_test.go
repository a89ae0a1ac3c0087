//go:build robustness

package robustness

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/robustness/faults"
	"github.com/data-bridge-io/data-bridge/tests/robustness/report"
)

var (
	duration = flag.Duration("duration", 30*time.Minute, "how long runs are begun for")
	seed     = flag.Uint64("seed", 0, "of the only run; 0 is as many as there is time for")
	only     = flag.String("setup", "", "the only setup; all in turn where it is empty")
	script   = flag.String("script", "", "what happens, in place of what the seed draws")
	most     = flag.Int("most", 14, "how many faults a run has at most; 0 is all that can happen in its setup")
	slow     = flag.Int("slow", 1, "divides the rates, for a machine that does other things as well")
	page     = flag.String("report", "", "where in the repository to write the page of results")
	drawn    = flag.String("faults", "", "the only faults that the seed draws from, divided by commas")
)

// TestRobustness makes runs for as long as it was told, or the one that it was told.
func TestRobustness(t *testing.T) {
	setups := Setups
	if *only != "" {
		setups = slices.DeleteFunc(slices.Clone(Setups), func(s Setup) bool { return s.Name != *only })
		require.NotEmpty(t, setups, "there is no setup %q", *only)
	}
	o := Options{Binary: bridge(t), Most: *most}
	if *drawn != "" {
		o.Faults = strings.Split(*drawn, ",")
	}
	if *script != "" {
		var err error
		o.Script, err = faults.Parse(*script)
		require.NoError(t, err)
	}
	began := time.Now()
	var runs []report.Run
	defer func() {
		if *page != "" {
			writePage(t, *page, runs)
		}
	}()
	for i := 0; ; i++ {
		o.Seed = uint64(i + 1)
		if *seed != 0 {
			o.Seed = *seed
		}
		turn := int(o.Seed - 1) // a seed alone is enough
		o.Setup, o.Lap = setups[turn%len(setups)], turn/len(setups)
		o.Setup.Slow = *slow
		t.Run(o.Setup.Name, func(t *testing.T) { runs = append(runs, run(t, o)) })
		if *seed != 0 || time.Since(began) > *duration {
			return
		}
	}
}
