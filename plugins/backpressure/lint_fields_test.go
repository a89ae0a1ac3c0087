package backpressure

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/linttest"
)

// Whatever keeps the buffer from being built, lint says before.
func TestLintOfEveryField(t *testing.T) {
	linttest.CheckEveryField(t, linttest.Component{
		Kind: "buffer", Name: "backpressure", Spec: spec(), Minimal: "max_buffer_size: 50000",
		Build: func(conf *service.ParsedConfig) error {
			_, err := parseConfig(conf)
			return err
		},
	})
}
