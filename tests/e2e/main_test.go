package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

const (
	// patience bounds every wait for an event. It is generous: no test passes or
	// fails by how fast this machine is.
	patience = 3 * time.Minute
	// bridgeYAML is the shipped pipeline, in the repository's root.
	bridgeYAML = "config/bridge.yaml"
)

// What TestMain finds and builds.
var (
	root   string // of the repository
	binary string // data-bridge with the race detector, which the tests themselves do without
	plain  string // data-bridge as it is shipped: for what is measured or killed, and for commands that end before anything runs
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(building{stack.Main(m)}, stack.Leaks()...)
}

// building builds the binaries before the tests and removes them afterwards.
type building struct{ stack.Runner }

func (b building) Run() int {
	dir, err := os.MkdirTemp("", "data-bridge-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	code := b.Runner.Run()
	if err := closeHouses(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: stopping ClickHouse:", err)
		return max(code, 1)
	}
	return code
}

func build(dir string) (err error) {
	if root, err = stack.ModuleRoot(); err != nil {
		return err
	}
	plain = filepath.Join(dir, "data-bridge")
	if err := harness.Build(root, plain); err != nil {
		return err
	}
	binary = plain + "-race"
	return harness.Build(root, binary, "-race")
}
