package backpressure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/plugins/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logbook is a slog handler that keeps "LEVEL message" lines.
type logbook struct {
	mu    sync.Mutex
	lines []string
	after func(line string) // called behind each line, unless nil
}

func (l *logbook) Enabled(context.Context, slog.Level) bool { return true }
func (l *logbook) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logbook) WithGroup(string) slog.Handler            { return l }

func (l *logbook) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	l.mu.Lock()
	l.lines = append(l.lines, line)
	after := l.after
	l.mu.Unlock()
	if after != nil {
		after(line)
	}
	return nil
}

// take returns the lines so far, heartbeats left out, and forgets them.
func (l *logbook) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, s := range l.lines {
		if !strings.Contains(s, "Heartbeat") {
			lines = append(lines, s)
		}
	}
	l.lines = nil
	return lines
}

func (l *logbook) beats() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.lines {
		if strings.Contains(s, "Heartbeat") {
			n++
		}
	}
	return n
}

// rig is a buffer with everything around it that a test looks at.
type rig struct {
	*buffer
	res  *service.Resources
	logs *logbook
}

// newRig builds a buffer from YAML, as the host does; the status server is off.
func newRig(t testing.TB, yaml string) *rig {
	t.Helper()
	logs := &logbook{}
	res := service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(logs))))
	b, err := parse(yaml+"\nstatus_server: {enabled: false}", res)
	require.NoError(t, err)
	return &rig{buffer: b, res: res, logs: logs}
}

// built is the spec, whose lint rules take a tenth of a second to parse.
var built = sync.OnceValue(spec)

func parse(yaml string, res *service.Resources) (*buffer, error) {
	p, err := built().ParseYAML(yaml, nil)
	if err != nil {
		return nil, err
	}
	return newBuffer(p, res)
}

// batch makes n messages numbered from first, from the input of that label.
func (r *rig) batch(label string, first, n int) service.MessageBatch {
	ctx := r.board.Input(label, status.KindNATS).Mark(context.Background())
	out := make(service.MessageBatch, n)
	for i := range out {
		out[i] = service.NewMessageWithContext(ctx, fmt.Appendf(nil, "%d", first+i))
	}
	return out
}

// seal makes a batch one that is to be handed on as it is.
func seal(batch service.MessageBatch) {
	run := position.Seal(batch[0].Context(), "kafka/t/0", len(batch))
	for i, m := range batch {
		batch[i] = m.WithContext(run.Add(int64(i)))
	}
}

// verdict is what a source was told of one of its batches.
type verdict struct {
	mu    sync.Mutex
	calls []error
}

func (v *verdict) ack(_ context.Context, err error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, err)
	return nil
}

// state is "open", "acked" or "nacked"; anything else is a second call.
func (v *verdict) state() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(v.calls) == 0:
		return "open"
	case len(v.calls) > 1:
		return fmt.Sprintf("told %d times", len(v.calls))
	case v.calls[0] == nil:
		return "acked"
	}
	return "nacked"
}

// write sends a batch that must be taken at once.
func (r *rig) write(t testing.TB, label string, first, n int) *verdict {
	t.Helper()
	v := &verdict{}
	require.NoError(t, r.WriteBatch(t.Context(), r.batch(label, first, n), v.ack))
	return v
}

// read takes the next batch, which must be there at once or by the clock.
func (r *rig) read(t testing.TB) (service.MessageBatch, service.AckFunc) {
	t.Helper()
	msgs, ack, err := r.ReadBatch(t.Context())
	require.NoError(t, err)
	return msgs, ack
}

// numbers are the bodies of a batch.
func numbers(t testing.TB, msgs service.MessageBatch) []string {
	t.Helper()
	var out []string
	for _, m := range msgs {
		body, err := m.AsBytes()
		require.NoError(t, err)
		out = append(out, string(body))
	}
	return out
}

var errOutput = errors.New("the output says no")
