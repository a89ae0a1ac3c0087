//go:build docker

package docker

import (
	"fmt"
	"os"
	"testing"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// theEngine is where the image was built; nil where there is none.
var (
	theEngine *engine
	noEngine  error
)

func TestMain(m *testing.M) { os.Exit(building{stack.Main(m)}.Run()) }

// building finds the engine and builds the image before the tests.
type building struct{ stack.Runner }

func (b building) Run() int {
	e, err := findEngine()
	if e != nil {
		defer e.stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "docker: NOT RUN:", err)
		noEngine = err
		return b.Runner.Run()
	}
	if theEngine = e; os.Getenv("DATA_BRIDGE_IMAGE_BUILT") == "" {
		if err := buildImage(e); err != nil {
			fmt.Fprintln(os.Stderr, "docker:", err)
			return 1
		}
	}
	return b.Runner.Run()
}
