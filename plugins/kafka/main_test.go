package kafka

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// sideBySide is how many tests run at a time unless -parallel says otherwise: they wait
// for brokers more than they work.
const sideBySide = "8"

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", sideBySide) // before the command line is read
	// toxiproxy loses what stands in the way when faults are taken away.
	goleak.VerifyTestMain(stack.Main(m), stack.Leaks()...)
}
