package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// oddProfile are settings of a profile that change what servers answer.
var oddProfile = map[string]string{
	"describe_compact_output":                           "1",
	"describe_include_subcolumns":                       "1",
	"describe_include_virtual_columns":                  "1",
	"describe_extend_object_types":                      "1",
	"print_pretty_type_names":                           "1",
	"input_format_native_decode_types_in_binary_format": "1",
	"format_binary_max_string_size":                     "1000000",
	"send_logs_level":                                   "trace",
	"async_insert":                                      "1",
	"wait_for_async_insert":                             "1",
	"date_time_output_format":                           "iso",
	"output_format_write_statistics":                    "0",
	"insert_deduplicate":                                "0",
	"http_write_exception_in_output_format":             "1",
}

// No profile keeps a table from being read and filled.
func TestOddProfiles(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		table := newTable(t, d, "(id UInt32, s String DEFAULT 'x', t Tuple(a UInt8, `b c` Array(Tuple(d String, e LowCardinality(String)))), m UInt8 MATERIALIZED 1, l UInt8 ALIAS 2) ENGINE = MergeTree ORDER BY id")
		specs := []column.Spec{{Name: "id", Type: "UInt32"}, {Name: "s", Type: "String", HasDefault: true, Default: d.toldDefault(`"x"`), Expression: "'x'"}, {Name: "t", Type: "Tuple(a UInt8, `b c` Array(Tuple(d String, e LowCardinality(String))))"}}
		for name, value := range oddProfile {
			t.Run(name, func(t *testing.T) {
				require.NoError(t, s.ClearFaults(t.Context()))
				require.NoError(t, s.AddFault(t.Context(), stack.Fault{Times: 1000, Settings: map[string]string{name: value}}))
				r := d.replica(t)
				got, err := r.Columns(t.Context(), table)
				require.NoError(t, err)
				require.Equal(t, specs, got.Columns)
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: partOf(specs[:1], numbersOf(1, 2)), Token: "t" + name})
				require.NoError(t, err)
			})
		}
		require.NoError(t, s.ClearFaults(t.Context()))
		require.Equal(t, [][]string{{"1"}, {"2"}}, query(t, d, "SELECT DISTINCT id FROM default."+table.Name+" ORDER BY id"))
	})
}

// What a user who may do no more than insert is not shown is not needed.
func TestLeastGrants(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		table := newTable(t, d, idAndText+" SETTINGS non_replicated_deduplication_window = 100")
		plain := newTable(t, d, idAndText) // whose window is the server's own
		mixed, part := mixedTable(t, d)
		for _, refused := range [][]string{
			{"system.settings"},
			{"system.merge_tree_settings"},
			{"system.tables"},
			{"system.settings", "system.merge_tree_settings", "system.replicated_merge_tree_settings", "system.tables"},
		} {
			require.NoError(t, s.ClearFaults(t.Context()))
			for _, name := range refused {
				require.NoError(t, s.AddFault(t.Context(), stack.Fault{Statement: "FROM " + name, Times: 1000, Code: 497, Text: "default: Not enough privileges. (ACCESS_DENIED)", Early: true}))
			}
			r := d.replica(t)
			f, err := r.Features(t.Context())
			require.NoError(t, err)
			require.True(t, f.DeduplicationToken(), "%v", refused)
			for _, of := range []Table{table, plain} {
				w, err := r.Window(t.Context(), of)
				require.NoError(t, err)
				t.Log(refused, w)
			}
			got, err := r.Columns(t.Context(), table)
			require.NoError(t, err)
			require.Len(t, got.Columns, 2)
			refusal, err := r.TryMixed(t.Context(), part.Block.Schema, mixed)
			require.NoError(t, err)
			require.NoError(t, refusal)
			_, err = r.Insert(t.Context(), Insert{Table: mixed, Part: part, Token: "the same " + refused[0]})
			require.NoError(t, err)
			for range 2 {
				_, err = r.Insert(t.Context(), Insert{Table: table, Part: sequence(0, 10), Token: "the same " + refused[0]})
				require.NoError(t, err)
			}
		}
		require.NoError(t, s.ClearFaults(t.Context()))
		require.Equal(t, "30", query(t, d, "SELECT count() FROM default."+table.Name)[0][0], "each token is stored once")
	})
}

// Nothing is sent that the server has anyway, or does not let this user change.
func TestWishesStayWithinConstraints(t *testing.T) {
	f := Features{Version: "26.7.1.1", settings: map[string]setting{
		settingToken:          {known: true},
		settingDeduplicateNew: {known: true, value: "enable", fixed: true},
		settingDeduplicate:    {known: true, value: "0", fixed: true},
		settingViews:          {known: true, value: "0", fixed: true},
		settingViewTokens:     {known: true, value: "0"},
		settingAsync:          {known: true, value: "1", min: "1", max: "1"},
		settingConversion:     {known: true, value: "1", min: "", max: "0"},
	}}
	cfg := &Config{HTTP: true, Settings: map[string]any{"insert_quorum": 2}}
	names := func(in Insert) (names []string) {
		for _, s := range cfg.insertSettings(f, in, false) {
			names = append(names, s.name+"="+s.text())
		}
		return names
	}
	require.Equal(t, []string{"insert_quorum=2", settingConversion + "=0", settingToken + "=t", settingViewTokens + "=1"}, names(Insert{Token: "t"}))
	require.Equal(t, []string{"insert_quorum=2", settingConversion + "=0"}, names(Insert{Token: "t", Deduplication: NoDeduplication}))
	f.settings[settingToken] = setting{known: true, fixed: true}
	require.False(t, f.DeduplicationToken())
	require.Equal(t, []string{"insert_quorum=2", settingConversion + "=0"}, names(Insert{Token: "t"}))
	f.settings[settingConversion] = setting{known: true, value: "1", fixed: true}
	require.False(t, f.RefusesConversion())
	require.False(t, cfg.waits(f), "an insert that may be put off")
}

// A repeated insert is told as one where the server tells it.
func TestARepeatedInsertIsToldAsOne(t *testing.T) {
	d := door{stack.Shared.ClickHouse(t, stack.KindChDB), false}
	table := newTable(t, d, idAndText+" SETTINGS non_replicated_deduplication_window = 100")
	for _, http := range []bool{false, true} {
		d.http = http
		r := d.replica(t)
		for i := range 2 {
			w, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(0, 10), Token: map[bool]string{true: "a", false: "b"}[http]})
			require.NoError(t, err)
			require.Equal(t, !http && i == 1, w.Deduplicated, "%+v", w)
			if http { // over the native protocol it says nothing of rows that a client sends
				require.True(t, w.Known)
				require.EqualValues(t, 10, w.Rows)
			}
		}
	}
	require.Equal(t, "20", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
}

// Two views of one table into another: each one's rows are stored, whatever the
// server itself makes of their tokens.
func TestTwoViewsIntoOneTable(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		for _, own := range []string{"0", "1"} {
			require.NoError(t, s.ClearFaults(t.Context()))
			require.NoError(t, s.AddFault(t.Context(), stack.Fault{Times: 1000, Settings: map[string]string{settingViewTokens: own}}))
			table := newTable(t, d, idAndText+" SETTINGS non_replicated_deduplication_window = 100")
			target := newTable(t, d, idAndText+" SETTINGS non_replicated_deduplication_window = 100")
			for _, what := range []string{"one", "two"} {
				require.NoError(t, d.Exec(t.Context(), "CREATE MATERIALIZED VIEW default."+table.Name+"_"+what+" TO default."+target.Name+" AS SELECT id, '"+what+"' AS s FROM default."+table.Name))
			}
			r := d.replica(t)
			for range 2 {
				_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(0, 10), Token: "x"})
				require.NoError(t, err)
			}
			require.Equal(t, [][]string{{"one", "10"}, {"two", "10"}}, query(t, d, "SELECT s, count() FROM default."+target.Name+" GROUP BY s ORDER BY s"))
		}
	})
}

// A server that does not show what may be set, and refuses it, is asked for less.
func TestARefusedWishIsLeftOut(t *testing.T) {
	faulty(t, func(t *testing.T, d door, s stack.FaultyClickHouse) {
		table := newTable(t, d, idAndText+" SETTINGS non_replicated_deduplication_window = 100")
		r := d.replica(t)
		for i, name := range []string{settingAsync, settingViewTokens, settingToken} {
			require.NoError(t, s.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO", Times: 1, Code: 452, Text: "Setting " + name + " should not be changed. (SETTING_CONSTRAINT_VIOLATION)", Early: true}))
			_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(10*i, 10), Token: name})
			require.NoError(t, err)
			f, err := r.Features(t.Context())
			require.NoError(t, err)
			require.True(t, f.settings[name].fixed)
		}
		f, err := r.Features(t.Context())
		require.NoError(t, err)
		require.False(t, f.DeduplicationToken())
		require.NoError(t, s.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO", Times: 1, Code: 452, Text: "Setting max_memory_usage should not be changed. (SETTING_CONSTRAINT_VIOLATION)", Early: true}))
		_, err = r.Insert(t.Context(), Insert{Table: table, Part: sequence(0, 10)})
		require.Equal(t, AccessFault, Classify(err), "what was not asked for cannot be left out")
		require.Equal(t, "30", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
	})
}

// Users of a real server with profiles of their own.
func TestProfilesOfARealServer(t *testing.T) {
	server, err := stack.StartClickHouse(t.Context(), stack.KindLegacy, stack.ClickHouseOptions{ReadOnlyUser: "reader", Profiles: map[string]string{
		"talkative": "<extremes>1</extremes><send_logs_level>trace</send_logs_level>",
		"narrow":    "<max_block_size>2</max_block_size><max_insert_block_size>1000000</max_insert_block_size><max_result_rows>3</max_result_rows>",
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	for name, http := range map[string]bool{"native": false, "http": true} {
		t.Run(name, func(t *testing.T) {
			d := door{server, http}
			table := newTable(t, d, idAndText)
			as := func(user string) *Replica {
				return d.replica(t, func(c *Config) { c.Username = user })
			}
			for i, user := range []string{"talkative", "narrow"} {
				r := as(user)
				for _, deduplication := range []Deduplication{ByToken, NoDeduplication} {
					_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(10*i, 10), Deduplication: deduplication})
					require.NoError(t, err, user)
				}
				s, err := r.Columns(t.Context(), table)
				require.NoError(t, err)
				require.Len(t, s.Columns, 2)
			}
			r := as("reader")
			s, err := r.Columns(t.Context(), table)
			require.NoError(t, err)
			for _, err := range []error{r.TryInsert(t.Context(), s, table), func() error {
				_, err := r.Insert(t.Context(), Insert{Table: table, Part: sequence(0, 10)})
				return err
			}()} {
				require.Equal(t, AccessFault.String(), Classify(err).String(), "%v", err)
			}
			require.Equal(t, "40", query(t, d, "SELECT count() FROM default."+table.Name)[0][0])
		})
	}
}
