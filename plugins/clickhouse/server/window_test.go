package server

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWindow(t *testing.T) {
	doors(t, func(t *testing.T, d door) {
		r := d.replica(t)
		tables := map[string]Window{
			"MergeTree ORDER BY id":          {Engine: "MergeTree"},
			"ReplacingMergeTree ORDER BY id": {Engine: "ReplacingMergeTree"},
			"MergeTree PARTITION BY id ORDER BY id SETTINGS index_granularity = 1024": {Engine: "MergeTree"},
			"Memory": {Engine: "Memory", Missing: "the engine Memory remembers no inserts itself"},
			"Null":   {Engine: "Null", Missing: "the engine Null remembers no inserts itself"},
		}
		if !d.Legacy() {
			tables["MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 77"] = Window{Engine: "MergeTree", Inserts: 77}
			tables["MergeTree ORDER BY id SETTINGS replicated_deduplication_window = 5"] = Window{Engine: "MergeTree"}
		}
		for engine, want := range tables {
			table := newTable(t, d, "(id UInt8) ENGINE = "+engine)
			for _, database := range []string{"default", ""} {
				table.Database = database
				got, err := r.Window(t.Context(), table)
				require.NoError(t, err)
				switch {
				case d.Legacy():
					want = Window{Missing: "ClickHouse " + d.Version() + " has no insert_deduplication_token"}
				case want.Missing == "" && want.Inserts == 0:
					want.Missing = "it remembers no inserts (ALTER TABLE " + Table{"default", table.Name}.SQL() + " MODIFY SETTING non_replicated_deduplication_window = 10000)"
				}
				require.Equal(t, want, got, engine)
			}
		}
		got, err := r.Window(t.Context(), Table{Database: "default", Name: "it's \\ no table"})
		require.NoError(t, err)
		require.NotEmpty(t, got.Missing)
		// What a replicated table without a setting of its own would have.
		window, err := r.defaultWindow(t.Context(), windowReplicated)
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
		window, ok := SettingIn(definition, windowReplicated)
		require.Equal(t, want >= 0, ok, definition)
		if ok {
			require.Equal(t, want, window)
		}
	}
}
