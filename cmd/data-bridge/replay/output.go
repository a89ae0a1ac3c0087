package replay

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// closeTimeout bounds the wait for the output's end, when everything is settled.
const closeTimeout = 10 * time.Second

// target is the running output of a config.
type target struct {
	name string
	res  *service.Resources
	stop func(context.Context) error
}

// openOutput builds the output of a config, with its secrets and its variables, and
// starts it.
func openOutput(host Host, path string, log *slog.Logger) (*target, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parts, err := variable.Parts(host.Schema(), string(text))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be parsed: %w", path, err)
	}
	b := service.NewResourceBuilder()
	b.SetLogger(log)
	for _, kind := range variable.Resources {
		if list, ok := parts[kind].([]any); ok && kind != "input_resources" {
			if err := variable.Add(b.AddYAML, map[string]any{kind: list}); err != nil {
				return nil, fmt.Errorf("%s of %s: %w", kind, path, err)
			}
		}
	}
	if parts["output"] == nil {
		return nil, fmt.Errorf("%s has no output", path)
	}
	t := &target{}
	if t.name, err = variable.AddLabelled(b.AddOutputYAML, parts["output"], "output"); err != nil {
		return nil, fmt.Errorf("output of %s: %w", path, err)
	}
	t.res, t.stop, err = b.Build()
	return t, err
}

// send returns when every message is stored, or a dead letter again.
func (t *target) send(ctx context.Context, batch service.MessageBatch) (err error) {
	accessed := t.res.AccessOutput(ctx, t.name, func(o *service.ResourceOutput) { err = o.WriteBatch(ctx, batch) })
	if accessed != nil {
		return accessed
	}
	return err
}

// deadLetters is how many rows were dead letters since the output was opened.
func (t *target) deadLetters() (n int64) {
	for _, board := range status.Boards(t.res) {
		for _, out := range board.Figures().Outputs {
			n += out.DeadLetters()
		}
	}
	return n
}

func (t *target) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	return t.stop(ctx)
}
