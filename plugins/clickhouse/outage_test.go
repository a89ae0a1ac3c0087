package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// writers write numbered rows from several goroutines until told to stop, and
// count what was acknowledged.
type writers struct {
	wg    sync.WaitGroup
	stop  chan struct{}
	mu    sync.Mutex
	acked int
	errs  []error
}

func startWriters(out *output, n int) *writers {
	w := &writers{stop: make(chan struct{})}
	for id := range n {
		w.wg.Go(func() { w.write(out, id) })
	}
	return w
}

func (w *writers) write(out *output, id int) {
	const rows = 200
	for at := 0; ; at += rows {
		select {
		case <-w.stop:
			return
		default:
		}
		var texts []string
		for i := range rows {
			texts = append(texts, fmt.Sprintf(`{"w":%d,"seq":%d}`, id, at+i))
		}
		err := out.WriteBatch(context.Background(), records(texts...))
		w.mu.Lock()
		if err == nil {
			w.acked += rows
		} else {
			w.errs = append(w.errs, err)
		}
		w.mu.Unlock()
	}
}

func (w *writers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked
}

// awaitMore waits until so many more rows were acknowledged.
func (w *writers) awaitMore(t *testing.T, n int) {
	t.Helper()
	target := w.count() + n
	require.Eventually(t, func() bool { return w.count() >= target }, long, 5*time.Millisecond)
}

func (w *writers) finish(t *testing.T) {
	t.Helper()
	close(w.stop)
	w.wg.Wait()
	require.Empty(t, w.errs)
}

// Every acknowledged row is there at least once, whatever the server went
// through.
func checkAllStored(t *testing.T, server stack.ClickHouse, table string, acked int) {
	t.Helper()
	got := query(t, server, "SELECT uniqExact(w, seq) FROM default."+table)
	require.Equal(t, [][]string{{fmt.Sprint(acked)}}, got)
}

func TestOutages(t *testing.T) {
	server := startServer(t, stack.KindLegacy, stack.ClickHouseOptions{})
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	for name, outage := range map[string]func(t *testing.T, server stack.ClickHouse, out *output){
		"restart": func(t *testing.T, server stack.ClickHouse, out *output) {
			require.NoError(t, server.Stop())
			awaitQueue(t, out)
			require.NoError(t, server.Start(t.Context()))
		},
		"kill": func(t *testing.T, server stack.ClickHouse, out *output) {
			require.NoError(t, server.Kill())
			awaitQueue(t, out)
			require.NoError(t, server.Start(t.Context()))
		},
		"stall": func(t *testing.T, server stack.ClickHouse, out *output) {
			require.NoError(t, server.Stall())
			require.Eventually(t, func() bool { return !out.board.Tables()[0].InsertSince().IsZero() }, long, time.Millisecond)
			awaitQueue(t, out) // the insert times out
			require.NoError(t, server.Continue())
		},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable(t, server, "w UInt8, seq UInt32")
			out := open(t, yamlFor(t, server, table, "insert_timeout: 2s\nread_timeout: 2s\ndial_timeout: 5s"))
			w := startWriters(out, 4)
			w.awaitMore(t, 2000)
			outage(t, server, out)
			w.awaitMore(t, 2000)
			w.finish(t)
			checkAllStored(t, server, table, w.count())
			require.Zero(t, out.board.RetryQueue())
			require.Zero(t, out.board.Tables()[0].InsertSince())
			require.Empty(t, boxOf(t).all())
		})
	}
}

func awaitQueue(t *testing.T, out *output) {
	t.Helper()
	require.Eventually(t, func() bool { return out.board.RetryQueue() > 0 }, long, time.Millisecond)
}

// The output as a user has it: in a stream, by YAML.
func TestInAStream(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, price Decimal(18, 8)")
		builder := service.NewStreamBuilder()
		require.NoError(t, builder.SetYAML(fmt.Sprintf(`
input:
  generate:
    count: 1000
    interval: ""
    batch_size: 100
    mapping: |
      root.id = if counter() == 500 { "bad" } else { counter() }
      root.price = "0.12345678"
output:
  label: store
  clickhouse:
%s
logger: {level: ERROR}
`, indent(yamlFor(t, server, table, "")))))
		stream, err := builder.Build()
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		require.NoError(t, stream.Run(ctx))
		require.Equal(t, [][]string{{"999", "999"}}, query(t, server, "SELECT count(), uniqExact(id) FROM default."+table))
		letters := boxOf(t).all()
		require.Len(t, letters, 1)
		require.Equal(t, `column "id" (UInt32): value "bad": not a number`, letters[0].meta[metaError])
	})
}

func indent(yaml string) string { return strings.ReplaceAll(yaml, "\n", "\n    ") }
