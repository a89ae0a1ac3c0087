package nats

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, stack.Leaks()...) }
