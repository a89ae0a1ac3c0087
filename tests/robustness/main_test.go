package robustness

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/harness"
	"github.com/data-bridge-io/data-bridge/tests/robustness/report"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// What TestMain makes.
var (
	servers Servers
	bridges string // the folder of the binaries
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(serving{m}, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}

// serving ends the servers after the tests.
type serving struct{ *testing.M }

func (s serving) Run() int {
	zerolog.SetGlobalLevel(zerolog.Disabled) // a proxy logs each fault that it ends
	var err error
	if bridges, err = os.MkdirTemp("", "data-bridge-robustness-bin-"); err != nil {
		fmt.Fprintln(os.Stderr, "robustness:", err)
		return 1
	}
	defer os.RemoveAll(bridges)
	code := s.M.Run()
	if err := servers.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "robustness: stopping the servers:", err)
		return max(code, 1)
	}
	return code
}

// bridge builds the binary that is run, with flags of go build.
func bridge(t *testing.T, flags ...string) string {
	t.Helper()
	root, err := stack.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(bridges, fmt.Sprintf("data-bridge%d", len(flags)))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := harness.Build(root, path, flags...); err != nil {
		t.Fatal(err)
	}
	return path
}

// run makes a run and fails where it broke a promise.
func run(t *testing.T, o Options) report.Run {
	t.Helper()
	o.Servers, o.Log = &servers, t.Logf
	result, where, err := Do(t.Context(), o)
	for _, problem := range result.Failed() {
		t.Error(problem)
	}
	if err != nil {
		t.Error(err)
	}
	if where != "" { // the result is empty where it was not made to its end
		t.Errorf("what is known of it is in %s; again with -setup %s -seed %d -script '%s'", where, o.Setup.Name, o.Seed, result.Script)
	}
	return result
}
