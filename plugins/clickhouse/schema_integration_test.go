package clickhouse

import (
	"context"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/status"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// writing is a WriteBatch that goes on in the background.
func writing(t *testing.T, out *output, texts ...string) <-chan error {
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { done <- out.WriteBatch(ctx, records(texts...)) }()
	return done
}

// awaitStuck waits until a table's rows wait for somebody to act.
func awaitStuck(t *testing.T, out *output, table string) status.Queue {
	t.Helper()
	require.Eventually(t, func() bool { return out.board.Table(table).Queue().Stuck }, long, time.Millisecond)
	return out.board.Table(table).Queue()
}

func TestAnAddedColumnIsUsed(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt16")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" ADD COLUMN v UInt8"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":2}`, `{"id":3,"v":7}`)), "a new field is a reason to look")
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" ADD COLUMN w UInt8 DEFAULT 9"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":4,"v":8}`)))
		require.Equal(t, [][]string{{"1", "0", "9"}, {"2", "0", "9"}, {"3", "7", "9"}, {"4", "8", "9"}},
			query(t, server, "SELECT id, v, w FROM default."+table+" ORDER BY id"))
	})
}

// A field that was there before its column is used when the schema is old.
func TestAnAddedColumnIsUsedAfterAWhile(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt16")
		out := open(t, yamlFor(t, server, table, "schema_refresh: 1ns"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1,"v":1}`)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" ADD COLUMN v UInt8"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":2,"v":2}`)))
		require.Equal(t, [][]string{{"1", "0"}, {"2", "2"}}, query(t, server, "SELECT id, v FROM default."+table+" ORDER BY id"))
	})
}

func TestADroppedColumnParksTheRowsThatHaveIt(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt16, gone UInt8")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1,"gone":1}`)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" DROP COLUMN gone"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":2}`)), "without it there is nothing to lose")

		parked := writing(t, out, `{"id":3,"gone":3}`)
		q := awaitStuck(t, out, table)
		require.Contains(t, q.Err, `schema fault: the table has changed`)
		require.Contains(t, q.Err, `column "gone": the table has lost this column, which records still have`)
		behind := writing(t, out, `{"id":4,"gone":4}`)
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" ADD COLUMN gone UInt8"))
		require.NoError(t, <-parked)
		require.NoError(t, <-behind)
		require.Equal(t, [][]string{{"1", "0"}, {"2", "0"}, {"3", "3"}, {"4", "4"}}, query(t, server, "SELECT id, gone FROM default."+table+" ORDER BY id"))
		require.Empty(t, boxOf(t).all())
		require.Zero(t, out.board.RetryQueue())
	})
}

func TestAChangedColumnParksTheRowsThatDoNotFitAnyMore(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt16, v UInt16")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1,"v":300}`)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY COLUMN v UInt8"))
		parked := writing(t, out, `{"id":2,"v":5}`, `{"id":3,"v":400}`)
		require.Contains(t, awaitStuck(t, out, table).Err, `column "v" (UInt8): out of range`)
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY COLUMN v UInt32"))
		require.NoError(t, <-parked)

		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY COLUMN v UInt8"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":4,"v":6}`)), "what fits goes on")
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":5,"v":7}`, `{"id":6,"v":500}`)), "and from then on the rows have to fit")
		require.Len(t, boxOf(t).all(), 1)
		require.Equal(t, [][]string{{"1"}, {"2"}, {"3"}, {"4"}, {"5"}}, query(t, server, "SELECT id FROM default."+table+" ORDER BY id"))
	})
}

func TestAMissingTableParksItsRowsOnly(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		good, bad := newTable(t, server, "id UInt16"), newTable(t, server, "id UInt16")
		out := open(t, yamlFor(t, server, "${! @table }", "max_in_flight: 1"))
		require.NoError(t, server.Exec(t.Context(), "DROP TABLE default."+bad))
		batch := func(id, table string) service.MessageBatch {
			b := records(`{"id":` + id + `}`)
			b[0].MetaSetMut("table", table)
			return b
		}
		done := make(chan error, 1)
		go func() { done <- out.WriteBatch(context.Background(), batch("1", bad)) }()
		require.Contains(t, awaitStuck(t, out, bad).Err, "schema fault")
		for range 20 {
			require.NoError(t, out.WriteBatch(t.Context(), batch("2", good)))
		}
		require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+bad+" (id UInt16) ENGINE = MergeTree ORDER BY id"))
		require.NoError(t, <-done)
		require.Equal(t, [][]string{{"1"}}, query(t, server, "SELECT id FROM default."+bad))
	})
}
