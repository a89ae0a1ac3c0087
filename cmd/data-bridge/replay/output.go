package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/data-bridge-io/data-bridge/cmd/data-bridge/variable"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

const (
	// closeTimeout bounds the wait for the output's end, when everything is settled.
	closeTimeout = 10 * time.Second
	// grace is for how long the batch that is under way may still be settled when
	// the replay is interrupted, and abortTimeout bounds the output's end then.
	grace        = time.Second
	abortTimeout = 300 * time.Millisecond
)

// errInterrupted says that somebody has called the replay off.
var errInterrupted = errors.New("interrupted")

// target is the running output of a config.
type target struct {
	*chosen
	res  *service.Resources
	stop func(context.Context) error
}

// openOutput builds the output of a config that its dead letters came from, with its
// secrets and its variables, and starts it.
func openOutput(host Host, path, named string, log *slog.Logger) (*target, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parts, err := variable.Parts(host.Schema(), string(text))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be parsed: %w", path, err)
	}
	t := &target{}
	if t.chosen, err = choose(parts, named); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
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
	if t.conf != nil {
		if err := variable.Add(b.AddOutputYAML, t.conf); err != nil {
			return nil, fmt.Errorf("output of %s: %w", path, err)
		}
	}
	t.res, t.stop, err = b.Build()
	if err == nil && !t.res.HasOutput(t.name) {
		err = errors.Join(fmt.Errorf("output of %s: there is no output_resources with the label %q", path, t.name), t.close(context.Background(), abortTimeout))
	}
	return t, err
}

// send returns when every message is stored, or a dead letter again. When ctx ends it
// waits a little longer for what is under way, and returns errInterrupted if that is
// not settled then: of a batch that is in flight nobody knows.
func (t *target) send(ctx context.Context, batch service.MessageBatch) error {
	sending, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	result := make(chan error, 1)
	go func() { // the host does not let go of a batch that its output has taken
		var err error
		accessed := t.res.AccessOutput(sending, t.name, func(o *service.ResourceOutput) { err = o.WriteBatch(sending, batch) })
		result <- errors.Join(accessed, err)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-result:
		return err
	case <-time.After(grace):
		return errInterrupted
	}
}

// tally is what became of rows since the output was opened.
type tally struct {
	stored, known, again int64 // known are those of the stored ones that were in the table
}

func (t tally) minus(o tally) tally {
	return tally{t.stored - o.stored, t.known - o.known, t.again - o.again}
}

func (t tally) plus(o tally) tally {
	return tally{t.stored + o.stored, t.known + o.known, t.again + o.again}
}

// tally counts rows; all zero where the output counts none.
func (t *target) tally() (n tally) {
	for _, board := range status.Boards(t.res) {
		for _, out := range board.Figures().Outputs {
			n.again += out.DeadLetters()
			for _, table := range out.Tables() {
				n.known += table.Deduplicated.Load()
				n.stored += table.Rows.Load() + table.Deduplicated.Load()
			}
		}
	}
	return n
}

// close ends the output, and waits for that so long at most: while a batch is under way
// the host does not let go of the output, but the process ends.
func (t *target) close(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- t.stop(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the output did not end within %s", within)
	}
}
