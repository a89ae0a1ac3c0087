package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/checkup"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/server"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// tried is what doctor says of an output's table.
func tried(t *testing.T, yaml string, samples ...*checkup.Sample) (findings []checkup.Finding) {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	out, err := newOutput(conf, service.MockResources())
	require.NoError(t, err)
	defer func() { require.NoError(t, out.Close(t.Context())) }()
	report := checkup.NewReport("out")
	out.Try(t.Context(), checkup.Facts{}, samples, report)
	for _, f := range report.Findings() {
		require.NotContains(t, f.Saw, "could not check: the views")
	}
	return report.Findings()
}

// warned are what the warnings of a check have seen.
func warned(findings []checkup.Finding, check string) (saw []string) {
	for _, f := range findings {
		if f.Check == check && f.Severity == checkup.Warning {
			saw = append(saw, f.Saw)
		}
	}
	return saw
}

func TestWhereOrderMatters(t *testing.T) {
	plain := column.NewSchema("t", []column.Spec{{Name: "id", Type: "UInt32"}, {Name: "s", Type: "SimpleAggregateFunction(sum, UInt64)"}})
	last := column.NewSchema("t", []column.Spec{{Name: "s", Type: "SimpleAggregateFunction(anyLast, String)"}})
	for _, c := range []struct {
		engine, definition string
		columns            *column.Schema
		want               string
	}{
		{"MergeTree", "MergeTree ORDER BY id", plain, ""},
		{"ReplacingMergeTree", "ReplacingMergeTree ORDER BY (id, f(x)) SETTINGS index_granularity = 8192", plain, "its engine is ReplacingMergeTree without a version column"},
		{"ReplacingMergeTree", "ReplacingMergeTree(ver) ORDER BY id", plain, ""},
		{"ReplacingMergeTree", "ReplacingMergeTree(`a),'b`, is_deleted) ORDER BY id", plain, ""},
		{"ReplacingMergeTree", "ReplacingMergeTree(day, (id, f(day, 1)), 8192)", plain, "its engine is ReplacingMergeTree without a version column"},
		{"ReplacingMergeTree", "ReplacingMergeTree(day, (id, f(day, 1)), 8192, ver)", plain, ""},
		{"ReplicatedReplacingMergeTree", "ReplicatedReplacingMergeTree('/a,b/{shard}', '{replica}') ORDER BY id", plain, "its engine is ReplicatedReplacingMergeTree without a version column"},
		{"ReplicatedReplacingMergeTree", "ReplicatedReplacingMergeTree('/a,b/{shard}', '{replica}', ver) ORDER BY id", plain, ""},
		{"SharedReplacingMergeTree", "SharedReplacingMergeTree('/a', 'r') ORDER BY id", plain, "its engine is SharedReplacingMergeTree without a version column"},
		{"CollapsingMergeTree", "CollapsingMergeTree(sign) ORDER BY id", plain, "its engine is CollapsingMergeTree"},
		{"VersionedCollapsingMergeTree", "VersionedCollapsingMergeTree(sign, v) ORDER BY id", plain, ""},
		{"CoalescingMergeTree", "CoalescingMergeTree ORDER BY id", plain, "its engine is CoalescingMergeTree"},
		{"EmbeddedRocksDB", "EmbeddedRocksDB PRIMARY KEY id", plain, "its engine is EmbeddedRocksDB"},
		{"AggregatingMergeTree", "AggregatingMergeTree ORDER BY id", plain, ""},
		{"AggregatingMergeTree", "AggregatingMergeTree ORDER BY id", last, "its column `s` is SimpleAggregateFunction(anyLast, String)"},
		{"", "", plain, ""},
	} {
		require.Equal(t, c.want, orderMatters(c.engine, c.definition, c.columns), c.definition)
	}
}

// A table to which order matters is told of, once by the log and by doctor, unless
// the order is kept.
func TestATableOfOrderedRowsIsToldOf(t *testing.T) {
	engines(t, func(t *testing.T, s stack.ClickHouse) {
		for definition, matters := range map[string]bool{
			"ReplacingMergeTree ORDER BY id":    true,
			"ReplacingMergeTree(v) ORDER BY id": false,
		} {
			name := fmt.Sprintf("t%d", tableNumber.Add(1))
			require.NoError(t, s.Exec(t.Context(), "CREATE TABLE default."+name+" (id UInt32, v UInt32) ENGINE = "+definition))
			yaml := yamlFor(t, s, name, "schema_refresh: 1ms")
			out, log := openLogging(t, yaml)
			require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`))) // the columns are read again
			told := map[bool]int{true: 1}[matters]
			require.Equal(t, told, strings.Count(log.String(), "the order of inserts decides what is kept"), "%s: %s", definition, log)
			require.Len(t, warned(tried(t, yaml), "order"), told)
			if !matters {
				continue
			}
			_, log = openLogging(t, yaml+"\npreserve_order: true")
			require.NotContains(t, log.String(), "the order of inserts")
			require.Empty(t, warned(tried(t, yaml+"\npreserve_order: true"), "order"))
		}
	})
}

// Doctor names the tables that views fill and that take a repeated insert for a new
// one; that they do is seen too.
func TestTheTargetsOfViewsNeedAWindow(t *testing.T) {
	faulty(t, func(t *testing.T, s stack.FaultyClickHouse) {
		table := newWindowTable(t, s, "id UInt32")
		good, bad, behind := newWindowTable(t, s, "id UInt32"), newTable(t, s, "id UInt32"), newTable(t, s, "id UInt32")
		for from, into := range map[string][]string{table: {good, bad}, good: {behind}} {
			for _, target := range into {
				require.NoError(t, s.Exec(t.Context(), "CREATE MATERIALIZED VIEW default.`"+target+" TO it` TO default."+target+" AS SELECT id FROM default."+from))
			}
		}
		require.NoError(t, s.Exec(t.Context(), "CREATE MATERIALIZED VIEW default."+table+"_inner ENGINE = MergeTree ORDER BY id AS SELECT id FROM default."+table))
		yaml := yamlFor(t, s, table, "")
		saw := strings.Join(warned(tried(t, yaml), "deduplication"), "\n")
		require.Equal(t, 3, strings.Count(saw, "is recognised there, but its rows are stored again"), saw)
		require.Contains(t, saw, "stored again in default."+bad+", which the view default."+bad+" TO it fills: it remembers no inserts")
		require.Contains(t, saw, "stored again in default."+behind+",")
		require.Contains(t, saw, "which the view default."+table+"_inner fills")
		require.Empty(t, warned(tried(t, yaml+"\ndeduplicate: off"), "deduplication"))

		out := open(t, yaml)
		for range 2 {
			require.NoError(t, out.WriteBatch(t.Context(), sealed(0, 0, 10)))
		}
		require.Equal(t, "10 10", count(t, s, table))
		require.Equal(t, "10 10", count(t, s, good))
		require.Equal(t, "20 10", count(t, s, bad))
	})
}

func TestTargetsOfViews(t *testing.T) {
	view := server.Table{Database: "d", Name: "v"}
	for definition, want := range map[string]string{
		"CREATE MATERIALIZED VIEW d.v TO d.t (`id` UInt32) AS SELECT 1":                         "d.t",
		"CREATE MATERIALIZED VIEW d.v TO t AS SELECT 1":                                         "d.t",
		"CREATE MATERIALIZED VIEW d.`v TO x` TO `e.f`.`a\\`b` (`id` UInt32) AS SELECT 1":        "`e.f`.a`b",
		"CREATE MATERIALIZED VIEW d.v (`id` UInt32) ENGINE = MergeTree ORDER BY id AS SELECT 1": "d.`.inner_id.61f0c404`",
	} {
		got, err := targetOf(view, definition, "61f0c404")
		require.NoError(t, err)
		require.Equal(t, want, got.String())
	}
	got, err := targetOf(view, "CREATE MATERIALIZED VIEW d.v ENGINE = Memory AS SELECT 1", "00000000-0000-0000-0000-000000000000")
	require.NoError(t, err)
	require.Equal(t, "d.`.inner.v`", got.String())
}

// Doctor sees that reject would hand back more than the bad record.
func TestRejectOfSeveralRecordsIsToldOf(t *testing.T) {
	s := stack.Shared.ClickHouse(t, stack.KindChDB)
	table := newTable(t, s, "id UInt32")
	yaml := strings.Replace(yamlFor(t, s, table, ""), fmt.Sprintf("{letter_box: {name: %q}}", t.Name()), "{reject: no}", 1)
	several := &checkup.Sample{Input: "in", Batch: records(`[{"id":1},{"id":2}]`), Records: 1}
	require.Len(t, warned(tried(t, yaml, several), "records"), 1)
	require.Empty(t, warned(tried(t, yaml, &checkup.Sample{Input: "in", Batch: records(`{"id":1}`), Records: 1}), "records"))
	require.Empty(t, warned(tried(t, yamlFor(t, s, table, ""), several), "records"))
}
