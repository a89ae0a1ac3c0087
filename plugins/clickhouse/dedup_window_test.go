package clickhouse

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestDedupWindow(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		type result struct {
			window int64
			engine string
			known  bool
		}
		out := open(t, yamlFor(t, server, "system.one", ""))
		conn, err := out.clusters[0].replicas[0].conn()
		require.NoError(t, err)
		tables := map[string]result{
			"MergeTree ORDER BY id":          {0, "MergeTree", true},
			"ReplacingMergeTree ORDER BY id": {0, "ReplacingMergeTree", true},
			"MergeTree PARTITION BY id ORDER BY id SETTINGS index_granularity = 1024": {0, "MergeTree", true},
			"Memory": {0, "Memory", false},
			"Null":   {0, "Null", false},
		}
		if !server.Legacy() {
			tables["MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 77"] = result{77, "MergeTree", true}
			tables["MergeTree ORDER BY id SETTINGS replicated_deduplication_window = 5"] = result{0, "MergeTree", true}
		}
		for engine, want := range tables {
			table := strings.TrimPrefix(newTable(t, server, "id UInt8"), "default.")
			require.NoError(t, server.Exec(t.Context(), "DROP TABLE default."+table))
			require.NoError(t, server.Exec(t.Context(), "CREATE TABLE default."+table+" (id UInt8) ENGINE = "+engine))
			for _, database := range []string{"default", ""} {
				var got result
				got.window, got.engine, got.known, err = dedupWindow(t.Context(), conn, database, table)
				require.NoError(t, err)
				require.Equal(t, want, got, engine)
			}
		}
		_, engine, known, err := dedupWindow(t.Context(), conn, "default", `it's \ no table`)
		require.NoError(t, err)
		require.False(t, known)
		require.Empty(t, engine)
		// What a replicated table without a setting of its own would have.
		window, err := defaultWindow(t.Context(), conn, windowReplicated)
		require.NoError(t, err)
		require.GreaterOrEqual(t, window, int64(100))
	})
}

// Replicated tables need a Keeper, so that these are as servers show them.
func TestDedupWindowOfAReplicatedTable(t *testing.T) {
	const full = `ReplicatedMergeTree('/t/{shard}/ SETTINGS replicated_deduplication_window = 9', '{replica}') ORDER BY id SETTINGS index_granularity = 8192`
	for definition, want := range map[string]int64{
		full: -1,
		full + ", replicated_deduplication_window = 12, old_parts_lifetime = 1":                                12,
		full + ", non_replicated_deduplication_window = 3":                                                     -1,
		full + ", replicated_deduplication_window_seconds = 4":                                                 -1,
		"SharedMergeTree('/clickhouse/{uuid}', '{replica}') SETTINGS replicated_deduplication_window = '1000'": 1000,
	} {
		engine, _, _ := strings.Cut(definition, "(")
		require.Equal(t, windowReplicated, windowSetting(engine))
		window, ok := windowIn(definition, windowReplicated)
		require.Equal(t, want >= 0, ok, definition)
		if ok {
			require.Equal(t, want, window)
		}
	}
}
