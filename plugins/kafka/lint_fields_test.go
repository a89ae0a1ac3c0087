package kafka

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/linttest"
)

// Whatever keeps the input from being built, lint says before.
func TestLintOfEveryField(t *testing.T) {
	linttest.CheckEveryField(t, linttest.Component{
		Kind: "input", Name: "pausable_kafka", Spec: inputSpec(), Minimal: "{seed_brokers: ['127.0.0.1:1'], topics: [t], consumer_group: g}",
		Except: []string{"tls", "sasl"},
		Build: func(conf *service.ParsedConfig) error {
			_, err := parseConfig(conf)
			return err
		},
	})
}
