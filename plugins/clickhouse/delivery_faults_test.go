package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// What the server has refused is not forgotten when the schema is read again in
// the middle of a bisection.
func TestARefusedRowOutlivesAChangeOfTheTable(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newTable(t, server, "id UInt32, CONSTRAINT c CHECK id != 0")
		out := open(t, yamlFor(t, server, table, "max_in_flight: 1"))
		require.NoError(t, out.WriteBatch(t.Context(), records(ids(100, 101)...)))
		// The row with the id 0 is found at the fourth insert. The next two meet a
		// table that has changed, whose columns cannot be read at once.
		insert := stack.Fault{Statement: "INSERT INTO .*" + table, Times: 4, Code: 469, Text: "Constraint c is violated"}
		require.NoError(t, server.AddFault(t.Context(), insert))
		insert.Times, insert.Code, insert.Text = 2, 16, "No such column id"
		require.NoError(t, server.AddFault(t.Context(), insert))
		require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "FROM system.columns", Times: 1, Code: 60, Text: "no such table"}))
		require.NoError(t, out.WriteBatch(t.Context(), records(ids(0, 8)...)))
		left, err := server.FaultsLeft(t.Context())
		require.NoError(t, err)
		require.Zero(t, left)
		require.Len(t, boxOf(t).all(), 1, "the row with the id 0")
		require.Equal(t, `{"id":0}`, boxOf(t).all()[0].body)
		require.Equal(t, "8 8", count(t, server, table))
	})
}

// Two outputs that make different rows of one record do not pass for each other.
func TestTheTokenCoversWhatIsMadeOfARecord(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newWindowTable(t, server, "id UInt32, v String")
		run := position.NewRun("kafka/t/0", 10)
		var batch service.MessageBatch
		for i := range 10 {
			data := fmt.Appendf(nil, `{"id":%d,"bid":"b","ask":"a"}`, i)
			run.Add(int64(i), data)
			batch = append(batch, service.NewMessage(data))
		}
		ctx := run.Mark(t.Context())
		send := func(columns string, meta string) {
			out := open(t, yamlFor(t, server, table, "columns: "+columns))
			for i, m := range batch {
				batch[i] = m.WithContext(ctx)
				batch[i].MetaSetMut("venue", meta)
			}
			require.NoError(t, out.WriteBatch(t.Context(), batch))
		}
		for range 2 { // each a second time, as after a crash
			send("{id: id, v: bid}", "x")
			send("{id: id, v: ask}", "x")
			send(`{id: id, v: '@venue'}`, "x")
			send(`{id: id, v: '@venue'}`, "y")
		}
		require.Equal(t, [][]string{{"a", "10"}, {"b", "10"}, {"x", "10"}, {"y", "10"}},
			query(t, server, "SELECT v, count() FROM default."+table+" GROUP BY v ORDER BY v"))
	})
}

// Rows arrive in the order of their records, whatever has to be halved: where the
// later row counts, it is the later one.
func TestRowsStayInOrder(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := fmt.Sprintf("r%d", tableNumber.Add(1))
		require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+table+
			" (k UInt8, v UInt32, d UInt8 DEFAULT 7, CONSTRAINT c CHECK v NOT IN (3, 11)) ENGINE = ReplacingMergeTree ORDER BY k"))
		out := open(t, yamlFor(t, server, table, "preserve_order: true"))
		var texts []string
		for i := range 20 {
			text := fmt.Sprintf(`{"k":%d,"v":%d`, i%3, i)
			if i%2 == 0 { // every other one needs another insert, for its default
				text += `,"d":1`
			}
			texts = append(texts, text+"}")
		}
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.Equal(t, [][]string{{"0", "18", "1"}, {"1", "19", "7"}, {"2", "17", "7"}},
			query(t, server, "SELECT k, v, d FROM default."+table+" FINAL ORDER BY k"))
		require.Len(t, boxOf(t).all(), 2)
	})
}

// A batch that is handed back while its insert may be stored keeps its token.
func TestABatchThatComesAgainKeepsItsToken(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newWindowTable(t, server, "id UInt32")
		yaml := strings.Replace(yamlFor(t, server, table, ""), "max_interval: 200ms", "max_interval: 200ms, max_retries: 1", 1)
		out := open(t, yaml)
		flight := records(ids(0, 100)...)
		flight[0] = flight[0].WithContext(position.NewFlight(t.Context()))
		require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO .*" + table, Times: 2, Execute: true, Cut: true}))
		require.ErrorContains(t, out.WriteBatch(t.Context(), flight), "giving up after 2 attempts")
		require.NoError(t, out.WriteBatch(t.Context(), records(ids(100, 200)...)))
		require.NoError(t, out.WriteBatch(t.Context(), flight))
		require.Equal(t, "200 200", count(t, server, table))
		again := records(ids(0, 100)...) // the same rows by chance, in another flight
		again[0] = again[0].WithContext(position.NewFlight(t.Context()))
		require.NoError(t, out.WriteBatch(t.Context(), again))
		require.Equal(t, "300 200", count(t, server, table))
	})
}

// No row is stored in a table whose name has a part that is missing.
func TestATableWithoutAValueIsABadRow(t *testing.T) {
	for text, want := range map[string]string{
		`${! this.symbol }`:              "ticks",
		`z_${! @key }`:                   "z_k",
		`${! @key }_${! this.n.s }_x`:    "k_deep_x",
		`${! this.symbol.uppercase() }`:  "TICKS",
		`${! {"a":"x}y"}.a.slice(0,1) }`: "x",
		`${! this.number }`:              "7",
	} {
		n := namerOf(t, text)
		m := service.NewMessage([]byte(`{"symbol":"ticks","n":{"s":"deep"},"number":7}`))
		m.MetaSetMut("key", "k")
		got, err := n.name(recordsOf(service.MessageBatch{m})[0])
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		if strings.HasPrefix(text, "${! {") {
			continue
		}
		for _, body := range []string{`{}`, `{"symbol":null,"number":null,"n":null}`} {
			_, err = n.name(recordsOf(records(body))[0])
			require.ErrorContains(t, err, "clickhouse.table: ", text)
		}
	}
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newTable(t, server, "id UInt32")
		out := open(t, yamlFor(t, server, "${! this.t }", ""))
		batch := records(fmt.Sprintf(`{"id":1,"t":%q}`, table), `{"id":2}`, `{"id":3,"t":null}`)
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, "1 1", count(t, server, table))
		require.Len(t, boxOf(t).all(), 2)
	})
}

// An insert that is more than the server has memory for is taken apart: what was
// merged first, then in halves.
func TestAnInsertThatIsTooLargeIsTakenApart(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newTable(t, server, "id UInt32")
		out := open(t, yamlFor(t, server, table, "max_in_flight: 1"))
		require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO .*" + table, Times: 3, Code: 241, Text: "Memory limit (for user) exceeded"}))
		var done []<-chan error
		for i := range 8 {
			done = append(done, writing(t, out, ids(i*10, i*10+10)...))
		}
		for _, d := range done {
			require.NoError(t, <-d)
		}
		require.Equal(t, "80 80", count(t, server, table))

		before := out.board.Batches()
		require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO .*" + table, Times: 2, Code: 241, Text: "Memory limit (for user) exceeded"}))
		require.NoError(t, out.WriteBatch(t.Context(), records(ids(80, 90)...)))
		require.Equal(t, "90 90", count(t, server, table))
		require.EqualValues(t, 3, out.board.Batches()-before, "two quarters and a half")
		require.Empty(t, boxOf(t).all())
	})
}

// A value that never fitted is a bad row, also after the table has been changed.
func TestAWideningAlterParksNoPoison(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, e Enum8('a' = 1), n UInt8")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1,"e":"a"}`, `{"id":2,"e":"typo"}`)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY COLUMN e Enum8('a' = 1, 'b' = 2), MODIFY COLUMN n UInt16"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":3,"e":"b"}`, `{"id":4,"e":"typo"}`, `{"id":5,"e":"a","n":256}`, `{"id":6,"n":65536}`)))
		require.Equal(t, [][]string{{"1"}, {"3"}, {"5"}}, query(t, server, "SELECT id FROM default."+table+" ORDER BY id"))
		require.Len(t, boxOf(t).all(), 3)
	})
}

// A table most of whose rows are bad waits, whoever finds them bad, and goes on
// with every row when it is put right.
func TestATableWithTooManyBadRowsWaits(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		for name, c := range map[string]struct{ column, mend, says string }{
			"by the decoder": {"id UInt8", "MODIFY COLUMN id UInt32", `such as column "id" (UInt8): out of range`},
			"by the server":  {"id UInt32, m UInt8 MATERIALIZED throwIf(id > 255)", "MODIFY COLUMN m UInt8 MATERIALIZED 1", ""},
		} {
			t.Run(name, func(t *testing.T) {
				table := newTable(t, server, c.column)
				out := open(t, yamlFor(t, server, table, ""))
				parked := writing(t, out, ids(1000, 2000)...)
				said := awaitStuck(t, out, table).Err
				require.Contains(t, said, errTooManyBad.Error())
				require.Contains(t, said, c.says)
				require.Empty(t, boxOf(t).all())
				require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" "+c.mend))
				require.NoError(t, <-parked)
				require.Equal(t, "1000 1000", count(t, server, table))
				require.Empty(t, boxOf(t).all())
			})
		}
	})
}

// A share of bad rows that is configured away makes dead letters of all.
func TestAllRowsMayBecomeDeadLetters(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8")
		out := open(t, yamlFor(t, server, table, "max_dead_letter_share: 1"))
		require.NoError(t, out.WriteBatch(t.Context(), records(ids(1000, 2000)...)))
		require.Len(t, boxOf(t).all(), 1000)
	})
}

// Ways to tables whose names are made of data are dropped when nobody has used
// them for a while, and are made again.
func TestWaysAreDropped(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, server, "id UInt32")
	out := open(t, yamlFor(t, server, "${! @table }", ""))
	send := func(name string) {
		batch := records(`{"id":1}`)
		batch[0].MetaSetMut("table", name)
		require.NoError(t, out.WriteBatch(context.Background(), batch))
	}
	send(table)
	w := out.ways.to(target{table: table})
	out.ways.mu.Lock()
	out.ways.swept = out.ways.swept.Add(-wayIdle)
	w.left = w.left.Add(-2 * wayIdle)
	out.ways.mu.Unlock()
	out.ways.leave(out.ways.to(target{table: "other"}))
	require.Contains(t, out.ways.known, target{table: table}, "somebody has rows on the way")
	out.ways.leave(w)
	out.ways.mu.Lock()
	out.ways.swept = out.ways.swept.Add(-wayIdle)
	w.left = w.left.Add(-2 * wayIdle)
	out.ways.mu.Unlock()
	out.ways.leave(out.ways.to(target{table: "other"}))
	require.NotContains(t, out.ways.known, target{table: table})
	send(table)
	require.Equal(t, "2 1", count(t, server, table))
}

// A record whose names match no column is told, whatever becomes of it.
func TestRecordsThatMatchNothingAreCounted(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, s String")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{}`, `{"ident":7}`, `{"id":1}`)))
		require.EqualValues(t, 2, out.board.Table(table).Unmatched.Load())
		require.Equal(t, "3 2", count(t, server, table))

		strict := open(t, yamlFor(t, server, table, "missing_fields: error"))
		before := strict.board.Table(table).Unmatched.Load()
		require.NoError(t, strict.WriteBatch(t.Context(), records(`{}`, `{"ident":7}`, `{"id":2,"s":"x"}`, `[]`)))
		require.EqualValues(t, 2, strict.board.Table(table).Unmatched.Load()-before)
		require.Equal(t, "4 3", count(t, server, table))
		require.Len(t, boxOf(t).all(), 3)
	})
}

// What the server had already is not counted as stored. It tells that over the
// native protocol alone.
func TestDeduplicatedRowsAreNotCountedAsStored(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newWindowTable(t, server, "p UInt8, id UInt32")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), sealed(0, 0, 100)))
		require.NoError(t, server.Exec(t.Context(), "DELETE FROM default."+table+" WHERE 1 SETTINGS mutations_sync = 2, lightweight_deletes_sync = 2"))
		require.NoError(t, out.WriteBatch(t.Context(), sealed(0, 0, 100)))
		figures := out.board.Table(table)
		require.Equal(t, "0 0", count(t, server, table))
		if server.Protocol() == protocolNative {
			require.EqualValues(t, 100, figures.Rows.Load())
			require.EqualValues(t, 100, figures.Deduplicated.Load())
		}
	})
}

// A view that refuses a row makes the table's rows wait: halving would store them
// again and again. When the view is put right, each row is there once, in both.
func TestAViewThatFailsDoublesNothing(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newWindowTable(t, server, "id UInt32")
		target := newWindowTable(t, server, "id UInt32")
		query := func(condition string) string {
			return " SELECT id FROM default." + table + " WHERE throwIf(" + condition + ") = 0"
		}
		require.NoError(t, server.Exec(t.Context(), "CREATE MATERIALIZED VIEW default."+table+"_v TO default."+target+" AS"+query("id = 7")))
		out := open(t, yamlFor(t, server, table, ""))
		parked := writing(t, out, ids(0, 16)...)
		require.Contains(t, awaitStuck(t, out, table).Err, "view fault")
		require.Eventually(t, func() bool { return out.board.Table(table).Queue().Attempts > 3 }, long, time.Millisecond)
		require.Empty(t, boxOf(t).all())
		stored := count(t, server, table)
		require.Contains(t, []string{"0 0", "16 16"}, stored)
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+"_v MODIFY QUERY"+query("id = 1000000")))
		require.NoError(t, <-parked)
		require.Equal(t, "16 16", count(t, server, table))
		require.Equal(t, "16 16", count(t, server, target))

		knowing := open(t, yamlFor(t, server, table, "settings: {materialized_views_ignore_errors: 1}"))
		require.NoError(t, knowing.WriteBatch(t.Context(), records(ids(1_000_000, 1_000_004)...)))
		require.Equal(t, "20 20", count(t, server, table))
	})
}

// An insert of unknown outcome keeps its rows and its token when the table changes
// before it is sent again, and all rows would now leave together.
func TestAnUnknownOutcomeKeepsItsTokenOverAnAlter(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		table := newWindowTable(t, server, "id UInt32, b UInt32 DEFAULT rand()")
		out := open(t, yamlFor(t, server, table, "max_in_flight: 1\nschema_refresh: 1h"))
		require.NoError(t, out.WriteBatch(t.Context(), records(ids(1000, 1001)...)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY COLUMN b DEFAULT 7"))
		statement := "INSERT INTO .*" + table
		require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: statement, Times: 1, Execute: true, Cut: true}))
		require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: statement, Times: 1, Code: 53, Text: "Type mismatch"}))
		var texts []string
		for i := range 10 {
			text := fmt.Sprintf(`{"id":%d`, i)
			if i%2 == 0 {
				text += `,"b":1`
			}
			texts = append(texts, text+"}")
		}
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.Equal(t, "11 11", count(t, server, table))
	})
}

// What was stored of a batch that is handed back for another table's sake is not
// stored again.
func TestABatchThatIsHandedBackDoublesNothing(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		good, bad := newWindowTable(t, server, "id UInt32, v UInt32 DEFAULT rand()"), newWindowTable(t, server, "id UInt32")
		yaml := strings.Replace(yamlFor(t, server, "${! @table }", ""), "max_interval: 200ms", "max_interval: 200ms, max_retries: 1", 1)
		out := open(t, yaml)
		flight := records(append(ids(0, 10), `{"id":10,"v":1}`, `{"id":11,"v":1}`, `{"id":12}`)...)
		for i, m := range flight {
			m.MetaSetMut("table", []string{good, bad}[i/12])
		}
		flight[0] = flight[0].WithContext(position.NewFlight(t.Context()))
		require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO .*" + bad, Times: 6, Code: 242, Text: "table is read-only"}))
		for range 3 {
			require.ErrorContains(t, out.WriteBatch(t.Context(), flight), "giving up after 2 attempts")
		}
		require.NoError(t, out.WriteBatch(t.Context(), flight))
		require.Equal(t, "12 12", count(t, server, good))
		require.Equal(t, "1 1", count(t, server, bad))
	})
}

// An insert that goes to the server in pieces is stored as a whole or not at all,
// whatever the configuration says of blocks: halving it doubles nothing.
func TestALargeInsertIsStoredAsAWhole(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		const rows = 4000
		table := newTable(t, server, "id UInt32, s String, m UInt8 MATERIALIZED throwIf(id = 3900)")
		out := open(t, yamlFor(t, server, table, "settings: {min_insert_block_size_rows: 100, min_insert_block_size_bytes: 100}"))
		out.cfg.server.Piece = 64 << 10 // bytes, of 700,000
		var texts []string
		for i := range rows {
			texts = append(texts, fmt.Sprintf(`{"id":%d,"s":%q}`, i, strings.Repeat("x", 150)))
		}
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.Equal(t, fmt.Sprintf("%d %d", rows-1, rows-1), count(t, server, table))
		require.Len(t, boxOf(t).all(), 1)
	})
}
