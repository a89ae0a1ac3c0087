package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// behindProxy opens an output that reaches the server through a proxy.
func behindProxy(t *testing.T, server stack.ClickHouse, table, more string) (*output, *stack.FaultProxy) {
	t.Helper()
	proxy, err := stack.Proxy(server.Addr())
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	yaml := strings.Replace(yamlFor(t, server, table, more), server.Addr(), proxy.Addr(), 1)
	if !strings.Contains(more, "insert_timeout") {
		yaml += "\ninsert_timeout: 1m" // on a busy machine what is slow is no fault yet
	}
	return open(t, yaml), proxy
}

// Whatever happens on the wire, every acknowledged row is there.
func TestFaultsOnTheWire(t *testing.T) {
	untilRetried := func(fault func(p *stack.FaultProxy) error) func(t *testing.T, p *stack.FaultProxy, out *output, w *writers) {
		return func(t *testing.T, p *stack.FaultProxy, out *output, _ *writers) {
			require.NoError(t, fault(p))
			awaitQueue(t, out)
			p.Clear()
		}
	}
	slow := func(fault func(p *stack.FaultProxy) error) func(t *testing.T, p *stack.FaultProxy, out *output, w *writers) {
		return func(t *testing.T, p *stack.FaultProxy, out *output, w *writers) {
			require.NoError(t, fault(p))
			w.awaitMore(t, 800)
			require.Zero(t, out.board.RetryQueue())
			p.Clear()
		}
	}
	faults := map[string]func(t *testing.T, p *stack.FaultProxy, out *output, w *writers){
		"cut in mid-block":   untilRetried(func(p *stack.FaultProxy) error { return p.CutAfter(900) }),
		"reset":              untilRetried(func(p *stack.FaultProxy) error { return p.ResetPeer(0) }),
		"answers never come": untilRetried(func(p *stack.FaultProxy) error { return p.Timeout(0) }),
		"latency":            slow(func(p *stack.FaultProxy) error { return p.AddLatency(40*time.Millisecond, 20*time.Millisecond) }),
		"bandwidth":          slow(func(p *stack.FaultProxy) error { return p.Bandwidth(20_000) }),
		"down": func(t *testing.T, p *stack.FaultProxy, out *output, _ *writers) {
			p.Down()
			awaitQueue(t, out)
			require.NoError(t, p.Up())
		},
	}
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				table := newTable(t, server, "w UInt8, seq UInt32")
				more := "compression: none"
				if name == "answers never come" { // which each time-out waits for
					more += "\ninsert_timeout: 500ms\nread_timeout: 2s"
				}
				out, proxy := behindProxy(t, server, table, more)
				w := startWriters(out, 4)
				w.awaitMore(t, 800)
				fault(t, proxy, out, w)
				w.awaitMore(t, 800)
				w.finish(t)
				checkAllStored(t, server, table, w.count())
				require.Zero(t, out.board.RetryQueue())
				require.Empty(t, boxOf(t).all())
			})
		}
	})
}

// The server has taken the block, its answer is lost with the connection: the
// retry stores no second copy, unless deduplication is off.
func TestAnInsertOfUnknownOutcomeIsStoredOnce(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	const rows = 1000
	for deduplicate, copies := range map[string]int{deduplicateAuto: 1, deduplicateOn: 1, deduplicateOff: 2} {
		t.Run(deduplicate, func(t *testing.T) {
			table := fmt.Sprintf("once_%s_%d", deduplicate, tableNumber.Add(1))
			require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+table+
				" (id UInt32) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100"))
			out, proxy := behindProxy(t, server, table, "deduplicate: "+deduplicate)
			require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":0}`)))
			require.NoError(t, proxy.Timeout(0))
			texts := make([]string, rows)
			for i := range texts {
				texts[i] = fmt.Sprintf(`{"id":%d}`, i+1)
			}
			done := writing(t, out, texts...)
			count := func() string { return query(t, server, "SELECT count() FROM default."+table)[0][0] }
			require.Eventually(t, func() bool { return count() == fmt.Sprint(rows+1) }, long, 5*time.Millisecond, "the server takes the block")
			select {
			case err := <-done:
				t.Fatalf("the answer was to be lost: %v", err)
			default:
			}
			proxy.Down() // no retry gets through before all is well again
			awaitQueue(t, out)
			proxy.Clear()
			require.NoError(t, proxy.Up())
			require.NoError(t, <-done)
			require.Equal(t, [][]string{{fmt.Sprint(copies*rows + 1), fmt.Sprint(rows + 1)}},
				query(t, server, "SELECT count(), uniqExact(id) FROM default."+table))
		})
	}
}
