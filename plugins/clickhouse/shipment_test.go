package clickhouse

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Rows for a table that is missing hold up what came with them as little as may be:
// rows of other tables are stored and counted, and dead letters are delivered and
// counted, at once; who looks sees which table holds how many rows.
func TestWhatComesWithAMissingTableIsSettledAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		good, other, bad := newTable(t, server, "id UInt16"), newTable(t, server, "id UInt16"), newTable(t, server, "id UInt16")
		require.NoError(t, server.Exec(t.Context(), "DROP TABLE default."+bad))
		out := open(t, yamlFor(t, server, "${! @table }", ""))
		batch := records(`{"id":1}`, `{"id":70000}`, `{"id":2}`, `{"id":3}`, `{"id":4}`, `{"id":70001}`, `{"id":5}`)
		for i, table := range []string{good, good, other, bad, bad, bad} {
			batch[i].MetaSetMut("table", table)
		}
		failed := failedRecords(`{"id":6}`)
		failed[0].MetaSetMut("table", bad)
		batch = append(batch, failed...)
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(context.Background())
		gone := make(chan struct{})
		t.Cleanup(func() { cancel(); <-gone }) // before the output is closed
		go func() {
			defer close(gone)
			done <- out.WriteBatch(ctx, batch)
		}()
		awaitStuck(t, out, bad)
		require.Eventually(t, func() bool { return out.board.DeadLetters() == 3 && out.board.Rows() == 2 }, long, time.Millisecond)
		require.Equal(t, "1 1", count(t, server, good))
		require.Equal(t, "1 1", count(t, server, other))
		var bodies []string
		for _, l := range boxOf(t).all() {
			bodies = append(bodies, l.body)
		}
		require.ElementsMatch(t, []string{`{"id":70000}`, `{"id":5}`, `{"id":6}`}, bodies)

		figures := func() (queue, held int64) {
			h := health(out).Outputs[out.board.Label].Tables[bad]
			return h.RetryRows, h.HeldRows
		}
		require.Eventually(t, func() bool { rows, held := figures(); return rows == 3 && held == 5 }, long, time.Millisecond)
		reasons := strings.Join(health(out).Reasons, "\n")
		require.Contains(t, reasons, `table "`+bad+`" waits for somebody to act: schema fault`)
		require.Contains(t, reasons, "(3 rows, for ")
		require.Contains(t, reasons, "; 5 settled rows that came with them are held)")
		select {
		case err := <-done:
			t.Fatalf("the batch was acknowledged: %v", err)
		default:
		}

		require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+bad+" (id UInt16) ENGINE = MergeTree ORDER BY id"))
		require.NoError(t, <-done)
		require.Equal(t, "2 2", count(t, server, bad))
		require.Equal(t, "1 1", count(t, server, good))
		require.Len(t, boxOf(t).all(), 4, "the row of the table that was missing is a dead letter by then, and no other comes again")
		rows, held := figures()
		require.Zero(t, held)
		require.Zero(t, rows)
		require.Zero(t, out.board.Table(good).Held.Load())
	})
}

// A batch that is given up for the sake of one table leaves nothing behind.
func TestWhatIsHeldIsForgottenWithItsBatch(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	good, bad := newTable(t, server, "id UInt16"), newTable(t, server, "id UInt16")
	require.NoError(t, server.Exec(t.Context(), "DROP TABLE default."+bad))
	out := open(t, yamlFor(t, server, "${! @table }", ""))
	batch := records(`{"id":1}`, `{"id":2}`)
	batch[0].MetaSetMut("table", good)
	batch[1].MetaSetMut("table", bad)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- out.WriteBatch(ctx, batch) }()
	require.Eventually(t, func() bool { return out.board.Table(bad).Held.Load() == 1 }, long, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Zero(t, out.board.Table(bad).Held.Load())
	require.Zero(t, out.board.Table(good).Held.Load())
}
