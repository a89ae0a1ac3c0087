package doctor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
	"github.com/data-bridge-io/data-bridge/plugins/checkup"
)

// components are what was built of a config.
type components struct {
	res    *service.Resources
	roster *checkup.Roster
	input  string // names of the resources that stand for the config's own
	output string
	stop   func(context.Context) error
}

// build has the host build the config's components, suspended.
func (c *check) build() (*components, error) {
	b := service.NewResourceBuilder()
	b.DisableLinting()
	b.SetLogger(slog.New(slog.DiscardHandler))
	built := &components{}
	b.OnResourceInit(func(res *service.Resources) error {
		built.roster = checkup.Open(res)
		return nil
	})
	resources := map[string]any{}
	for _, kind := range variable.Resources {
		list, _ := c.root[kind].([]any)
		resources[kind] = append([]any{}, list...) // an empty one is no null
	}
	var errs [3]error
	errs[0] = variable.Add(b.AddYAML, resources)
	built.input, errs[1] = variable.AddLabelled(b.AddInputYAML, c.root["input"], "input")
	built.output, errs[2] = variable.AddLabelled(b.AddOutputYAML, c.root["output"], "output")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	var err error
	built.res, built.stop, err = b.BuildSuspended()
	return built, err
}

// closeTimeout bounds the wait for the end of components, some of which the host
// does not end in good order unless they have been started.
const closeTimeout = 100 * time.Millisecond

// close ends what was built; none of it has been started.
func (b *components) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = b.stop(ctx)
}
