package clickhouse

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// selfTest runs the connection test of an output that is neither connected
// nor closed, as Benthos does.
func selfTest(t *testing.T, yaml string) service.ConnectionTestResults {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	out, err := newOutput(conf, service.MockResources())
	require.NoError(t, err)
	return out.ConnectionTest(t.Context())
}

func TestConnectionTest(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, m UInt8 MATERIALIZED 1")
		port := freeAddress(t)
		for name, c := range map[string]struct{ table, more, message string }{
			"all is well":     {table, "", ""},
			"no literal":      {"${! @table }", "", ""},
			"no table":        {"tiks", "", `clickhouse.table: table "default.tiks" does not exist on ` + server.Addr()},
			"no column":       {table, "columns: [id, nope]", `on ` + server.Addr() + `: clickhouse.columns: table "` + table + `" has no column "nope"`},
			"not insertable":  {table, "columns: [m]", `has no column "m" that can be inserted`},
			"no database":     {table, "database: nowhere", `clickhouse.database: database "nowhere" does not exist on ` + server.Addr()},
			"password":        {table, "@password: falsch", `clickhouse.username and clickhouse.password: ` + server.Addr() + ` refuses user "default"`},
			"read only":       {table, "settings: {readonly: 1}", `clickhouse.username: user "default" may not insert into table "default.` + table + `" on ` + server.Addr()},
			"unknown setting": {table, "settings: {no_such_setting: 1}", "no_such_setting"},
			"nobody there":    {table, "@addresses: ['" + port + "']", "clickhouse.addresses: cannot reach ClickHouse on " + port},
		} {
			t.Run(name, func(t *testing.T) {
				results := selfTest(t, change(yamlFor(t, server, c.table, ""), c.more))
				require.Len(t, results, 1)
				if c.message == "" {
					require.NoError(t, results[0].Err)
					return
				}
				t.Log(results[0].Err)
				require.ErrorContains(t, results[0].Err, c.message)
				require.NotContains(t, results[0].Err.Error(), "falsch")
			})
		}
		require.Equal(t, "0", query(t, server, "SELECT count() FROM default."+table)[0][0], "nothing is stored")
	})
}

// change adds a line to a configuration; with @ it takes the place of another.
func change(yaml, line string) string {
	line, replaces := strings.CutPrefix(line, "@")
	if !replaces {
		return yaml + line
	}
	field, _, _ := strings.Cut(line, ":")
	var lines []string
	for l := range strings.SplitSeq(yaml, "\n") {
		if !strings.HasPrefix(l, field+":") {
			lines = append(lines, l)
		}
	}
	return strings.Join(append(lines, line), "\n")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, _ := nobody(t)
	return address
}

func TestConnectionTestOfAReader(t *testing.T) {
	server := startServer(t, stack.KindLegacy, stack.ClickHouseOptions{ReadOnlyUser: "reader"})
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	table := newTable(t, server, "id UInt8")
	yaml := change(yamlFor(t, server, table, ""), "@username: reader")
	results := selfTest(t, yaml)
	require.Len(t, results, 1)
	require.ErrorContains(t, results[0].Err, `clickhouse.username: user "reader" may not insert into table "default.`+table+`" on `+server.Addr())
}

// Each address has a result of its own, of all shards.
func TestConnectionTestOfSeveral(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindLegacy)
	table := newTable(t, server, "id UInt8")
	dead := freeAddress(t)
	results := selfTest(t, change(yamlFor(t, server, table, ""), "@addresses: []")+
		"\nshard_by: id\nshards: [{addresses: ['"+dead+", "+server.Addr()+"']}, {addresses: ['"+server.Addr()+"']}]")
	require.Len(t, results, 3)
	require.ErrorContains(t, results[0].Err, "clickhouse.shards: cannot reach ClickHouse on "+dead)
	require.NoError(t, results[1].Err)
	require.NoError(t, results[2].Err)
}
