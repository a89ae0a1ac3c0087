package clickhouse

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// long bounds every wait for an event: a machine that does other things beside may
// be slow.
const long = 3 * time.Minute

func TestMain(m *testing.M) {
	// toxiproxy loses what stands in the way when faults are taken away.
	goleak.VerifyTestMain(stack.Main(m), stack.Leaks()...)
}

// startServer starts a real server; that it cannot be had is a failure.
func startServer(t *testing.T, kind string, opts stack.ClickHouseOptions) stack.ClickHouse {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	server, err := stack.StartClickHouse(ctx, kind, opts)
	require.NoError(t, err, "a real ClickHouse is needed for this test")
	return server
}

// engines runs a test on the old server by the native protocol and on the
// current engine by both.
func engines(t *testing.T, test func(t *testing.T, server stack.ClickHouse)) {
	t.Run(stack.KindLegacy, func(t *testing.T) { test(t, stack.Shared.ClickHouse(t, stack.KindLegacy)) })
	t.Run(stack.KindChDB, func(t *testing.T) { test(t, stack.Shared.ClickHouse(t, stack.KindChDB)) })
	t.Run(stack.KindChDB+" native", func(t *testing.T) { test(t, stack.OverNative(stack.Shared.ClickHouse(t, stack.KindChDB))) })
}

// current runs a test on the current engine by both protocols.
func current(t *testing.T, test func(t *testing.T, server stack.ClickHouse)) {
	t.Run(protocolHTTP, func(t *testing.T) { test(t, stack.Shared.ClickHouse(t, stack.KindChDB)) })
	t.Run(protocolNative, func(t *testing.T) { test(t, stack.OverNative(stack.Shared.ClickHouse(t, stack.KindChDB))) })
}

var tableNumber atomic.Int64

// newTable creates a table of those columns and returns its name.
func newTable(t *testing.T, server stack.ClickHouse, columns string) string {
	t.Helper()
	name := fmt.Sprintf("t%d", tableNumber.Add(1))
	require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+name+" ("+columns+") ENGINE = MergeTree ORDER BY tuple()"))
	return name
}

func query(t *testing.T, server stack.ClickHouse, sql string) [][]string {
	t.Helper()
	rows, err := server.Query(t.Context(), sql)
	require.NoError(t, err)
	return rows
}

// letterBox collects dead letters: the tests' dead_letter output.
type letterBox struct {
	mu      sync.Mutex
	letters []letter
	refuse  atomic.Int64 // so many deliveries fail
}

type letter struct {
	body string
	meta map[string]string
	err  error // of a processor
}

var boxes sync.Map // by name

func init() {
	service.MustRegisterBatchOutput("letter_box", service.NewConfigSpec().Field(service.NewStringField("name")),
		func(conf *service.ParsedConfig, _ *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			name, err := conf.FieldString("name")
			box, _ := boxes.LoadOrStore(name, &letterBox{})
			return box.(*letterBox), service.BatchPolicy{}, 1, err
		})
}

func boxOf(t *testing.T) *letterBox {
	box, _ := boxes.LoadOrStore(t.Name(), &letterBox{})
	return box.(*letterBox)
}

func (b *letterBox) Connect(context.Context) error { return nil }
func (b *letterBox) Close(context.Context) error   { return nil }

func (b *letterBox) WriteBatch(_ context.Context, batch service.MessageBatch) error {
	if b.refuse.Add(-1) >= 0 {
		return fmt.Errorf("the letter box is full")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range batch {
		body, err := m.AsBytes()
		if err != nil {
			return err
		}
		l := letter{body: string(body), meta: map[string]string{}, err: m.GetError()}
		_ = m.MetaWalk(func(k, v string) error { l.meta[k] = v; return nil })
		b.letters = append(b.letters, l)
	}
	return nil
}

func (b *letterBox) all() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]letter(nil), b.letters...)
}

// yamlFor is the output's configuration for a server, with more lines.
func yamlFor(t *testing.T, server stack.ClickHouse, table, more string) string {
	t.Cleanup(func() { boxes.Delete(t.Name()) }) // for -count
	return fmt.Sprintf(`
addresses: [%q]
protocol: %s
username: %s
password: %q
table: %q
retry: {initial_interval: 20ms, max_interval: 200ms}
dead_letter: {letter_box: {name: %q}}
%s`, server.Addr(), server.Protocol(), server.User(), server.Password(), table, t.Name(), more)
}

// open builds and connects an output by its constructor.
func open(t *testing.T, yaml string) *output {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	out, err := newOutput(conf, service.MockResources())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, out.Close(context.Background())) })
	require.NoError(t, out.Connect(t.Context()))
	return out
}

func records(texts ...string) service.MessageBatch {
	batch := make(service.MessageBatch, len(texts))
	for i, text := range texts {
		batch[i] = service.NewMessage([]byte(text))
	}
	return batch
}
