package replay

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

// resources are the parts of a config that an output may name.
var resources = []string{"processor_resources", "output_resources", "cache_resources", "rate_limit_resources"}

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
	querier := host.Schema().NewConfigQuerier()
	querier.SetEnvVarLookupFunc(variable.Of(string(text)))
	query, err := querier.ParseYAML(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be parsed: %w", path, err)
	}
	b := service.NewResourceBuilder()
	b.SetLogger(log)
	// Variables are filled in already: what looks like one is a value.
	b.SetEnvVarLookupFunc(func(_ context.Context, name string) (string, bool) { return "${" + name + "}", true })
	for _, kind := range resources {
		list, err := fieldOf(query, kind)
		if err != nil {
			continue
		}
		if err := give(b.AddYAML, map[string]any{kind: list}); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", kind, path, err)
		}
	}
	conf, err := fieldOf(query, "output")
	if err != nil {
		return nil, fmt.Errorf("%s has no output: %w", path, err)
	}
	fields := map[string]any{}
	if node, ok := conf.(*yaml.Node); !ok || node.Decode(&fields) != nil {
		return nil, fmt.Errorf("output of %s is no component", path)
	}
	if label, _ := fields["label"].(string); label == "" {
		fields["label"] = "output"
	}
	t := &target{name: fmt.Sprint(fields["label"])}
	if err := give(b.AddOutputYAML, fields); err != nil {
		return nil, fmt.Errorf("output of %s: %w", path, err)
	}
	t.res, t.stop, err = b.Build()
	return t, err
}

func fieldOf(query *service.ConfigQueryFile, name string) (any, error) {
	field, err := query.FieldAtPath(name)
	if err != nil {
		return nil, err
	}
	return field.FieldAny()
}

func give(to func(yaml string) error, v any) error {
	text, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	return to(string(text))
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
