package nats

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/linttest"
)

// Whatever keeps an input from being built, lint says before.
func TestLintOfEveryField(t *testing.T) {
	secret := []string{"auth.user_password", "auth.token", "auth.password", "auth.nkey_seed", "auth.user_jwt", "auth.user_nkey_seed"}
	linttest.CheckEveryField(t, linttest.Component{
		Kind: "input", Name: "pausable_nats", Spec: coreSpec(), Minimal: "{urls: ['nats://127.0.0.1:1'], subjects: [s]}",
		Except: []string{"tls"}, Secret: secret,
		Build: func(conf *service.ParsedConfig) error {
			_, err := parseCore(conf)
			return err
		},
	})
	linttest.CheckEveryField(t, linttest.Component{
		Kind: "input", Name: "pausable_nats_jetstream", Spec: jetSpec(), Minimal: "{urls: ['nats://127.0.0.1:1'], stream: s, durable: d}",
		Except: []string{"tls"}, Secret: secret,
		Build: func(conf *service.ParsedConfig) error {
			_, err := parseJet(conf)
			return err
		},
	})
}
