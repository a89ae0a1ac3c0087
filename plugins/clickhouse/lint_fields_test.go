package clickhouse

import (
	"context"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/plugins/linttest"
)

// Whatever keeps the output from being built, lint says before.
func TestLintOfEveryField(t *testing.T) {
	linttest.CheckEveryField(t, linttest.Component{
		Kind: "output", Name: pluginName, Spec: spec(), Minimal: minimal, Except: []string{fieldTLS}, Secret: []string{fieldJWT, fieldPassword},
		Build: func(conf *service.ParsedConfig) error {
			out, err := newOutput(conf, service.MockResources())
			if err == nil {
				err = out.Close(context.Background())
			}
			return err
		},
	})
}
