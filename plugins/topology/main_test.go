package topology_test

import (
	"fmt"
	"os"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"go.uber.org/goleak"

	_ "github.com/data-bridge-io/data-bridge/plugins/all"
	"github.com/data-bridge-io/data-bridge/plugins/topology"
)

func TestMain(m *testing.M) {
	if err := topology.Watch(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
