package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/position"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// sealed makes a sealed run of records: those of a partition at these offsets.
func sealed(partition, from, to int) service.MessageBatch {
	run := position.Seal(context.Background(), fmt.Sprintf("kafka/t/%d", partition), to-from)
	var batch service.MessageBatch
	for i := from; i < to; i++ {
		batch = append(batch, service.NewMessageWithContext(run.Add(int64(i)), fmt.Appendf(nil, `{"p":%d,"id":%d}`, partition, i)))
	}
	return batch
}

// newOnceTable creates a table that remembers its inserts.
func newOnceTable(t *testing.T, server stack.ClickHouse, window int) string {
	t.Helper()
	name := fmt.Sprintf("once%d", tableNumber.Add(1))
	require.NoError(t, server.Exec(t.Context(), fmt.Sprintf(
		"CREATE TABLE default.%s (p UInt8, id UInt32, note String DEFAULT 'none') ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = %d", name, window)))
	return name
}

// givingUpSoon is a configuration under which what cannot be stored is handed back.
func givingUpSoon(yaml string) string {
	return strings.Replace(yaml, "max_interval: 200ms", "max_interval: 200ms, max_retries: 1", 1)
}

// What a crash repeats is stored once, by whichever process, in whichever
// company, and rewritten on its way.
func TestASealedRunIsStoredOnce(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		rewrite, err := bloblang.Parse(`root = this.merge({"note": if this.id % 3 == 0 { "third" } else { deleted() }})`)
		require.NoError(t, err)
		for name, prepare := range map[string]func(t *testing.T, batch service.MessageBatch) service.MessageBatch{
			"as it came": func(_ *testing.T, batch service.MessageBatch) service.MessageBatch { return batch },
			"rewritten": func(t *testing.T, batch service.MessageBatch) service.MessageBatch {
				out := make(service.MessageBatch, len(batch))
				for i, m := range batch {
					var err error
					out[i], err = m.BloblangQuery(rewrite)
					require.NoError(t, err)
				}
				return out
			},
		} {
			t.Run(name, func(t *testing.T) {
				table := newOnceTable(t, server, 100)
				for range 2 { // two processes
					out := open(t, yamlFor(t, server, table, ""))
					for range 2 {
						require.NoError(t, out.WriteBatch(t.Context(), prepare(t, sealed(0, 0, 100))))
						mixed := append(sealed(1, 0, 50), sealed(0, 100, 150)...)
						require.NoError(t, out.WriteBatch(t.Context(), prepare(t, mixed)))
					}
				}
				require.Equal(t, [][]string{{"200", "200"}}, query(t, server, "SELECT count(), uniqExact(p, id) FROM default."+table))
			})
		}
	})
}

// A row that the server rejects is found by halving; the halves have names that
// stay, too.
func TestASealedRunWithARowThatIsRejectedIsStoredOnce(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := fmt.Sprintf("once%d", tableNumber.Add(1))
		require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+table+
			" (p UInt8, id UInt32, CONSTRAINT c CHECK id != 37) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100"))
		for range 2 {
			out := open(t, yamlFor(t, server, table, ""))
			require.NoError(t, out.WriteBatch(t.Context(), sealed(0, 0, 100)))
		}
		require.Equal(t, [][]string{{"99", "99"}}, query(t, server, "SELECT count(), uniqExact(id) FROM default."+table))
		require.Len(t, boxOf(t).all(), 2, "a dead letter may be repeated")
	})
}

// Sealed records wait, and are not stored, while a repeated insert could not be
// recognised.
func TestSealedRunsNeedAWindow(t *testing.T) {
	for name, c := range map[string]struct{ kind, more, want string }{
		"no window":        {stack.KindChDB, "", "ALTER TABLE `once"},
		"deduplicate: off": {stack.KindChDB, "deduplicate: off", `clickhouse.deduplicate is "off", but an input has exactly_once set`},
		"an old server":    {stack.KindLegacy, "", "has no insert_deduplication_token"},
	} {
		t.Run(name, func(t *testing.T) {
			server := stack.Shared.ClickHouse(t, c.kind)
			table := newTable(t, server, "p UInt8, id UInt32")
			out := open(t, givingUpSoon(yamlFor(t, server, table, c.more)))
			err := out.WriteBatch(t.Context(), sealed(0, 0, 10))
			require.ErrorIs(t, err, errNoWindow)
			require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`)), "other records do not")
			require.Equal(t, [][]string{{"1"}}, query(t, server, "SELECT count() FROM default."+table))
		})
	}
}

// The table is looked at before the first record where it has one name.
func TestExactlyOnceIsCheckedAtTheStart(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		conf, err := spec().ParseYAML(yamlFor(t, server, newTable(t, server, "id UInt32"), ""), nil)
		require.NoError(t, err)
		out, err := newOutput(conf, service.MockResources())
		require.NoError(t, err)
		defer out.Close(context.Background())
		out.once = func() bool { return true }
		require.ErrorContains(t, out.Connect(t.Context()), "an input has exactly_once set, but inserts are not deduplicated in table")
		results := out.ConnectionTest(t.Context())
		require.Len(t, results, 1)
		require.ErrorIs(t, results[0].Err, errNoWindow)
	})
}

// A window that is taken away later is noticed when the table is read again.
func TestAWindowThatIsTakenAwayStopsSealedRuns(t *testing.T) {
	current(t, func(t *testing.T, server stack.ClickHouse) {
		table := newOnceTable(t, server, 100)
		out := open(t, givingUpSoon(yamlFor(t, server, table, "schema_refresh: 1ms")))
		require.NoError(t, out.WriteBatch(t.Context(), sealed(0, 0, 10)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY SETTING non_replicated_deduplication_window = 0"))
		require.ErrorIs(t, out.WriteBatch(t.Context(), sealed(0, 10, 20)), errNoWindow)
	})
}

func TestSeparate(t *testing.T) {
	plain := records("1", "2")
	a, b := sealed(0, 0, 2), sealed(1, 0, 2)
	batch := service.MessageBatch{plain[0], a[0], b[0], a[1], plain[1], b[1]}
	whole := []group{{table: "t"}}
	require.Equal(t, whole, separate(recordsOf(records("1", "2")), whole))
	require.Equal(t, []group{
		{table: "t", rows: []int{0, 4}},
		{table: "t", sealed: true, rows: []int{1, 3}},
		{table: "t", sealed: true, rows: []int{2, 5}},
	}, separate(recordsOf(batch), whole))
	require.Equal(t, []group{
		{table: "x", sealed: true, rows: []int{1}},
		{table: "y", sealed: true, rows: []int{2}},
		{table: "y", sealed: true, rows: []int{3}},
	}, separate(recordsOf(batch), []group{{table: "x", rows: []int{1}}, {table: "y", rows: []int{2, 3}}}))
}
