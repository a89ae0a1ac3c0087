//go:build !race

package kafka

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service/integration"
)

// The test of the host ranges over a map while it deletes from it in another
// goroutine, so the race detector stops it.
func TestStreamSuiteAtLeastOnce(t *testing.T) {
	runSuite(t, integration.StreamTests(integration.StreamTestAtLeastOnceDelivery()))
}
