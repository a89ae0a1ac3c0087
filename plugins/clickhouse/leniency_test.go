package clickhouse

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestCoerceIsOffAndKnown(t *testing.T) {
	parse := func(more string) (config, error) {
		conf, err := spec().ParseYAML(minimal+more, nil)
		require.NoError(t, err)
		return parseConfig(conf)
	}
	c, err := parse("")
	require.NoError(t, err)
	require.Equal(t, column.Rules{EpochDigits: -1}, c.times)
	require.False(t, c.rejectMissing)
	require.False(t, c.nullAsDefault)
	c, err = parse("missing_fields: error\nnull_as_default: true\ncoerce: [number_to_string, bool_to_string, number_to_bool, string_to_epoch, basic_offset, empty_to_null]\n")
	require.NoError(t, err)
	require.Equal(t, column.Rules{EpochDigits: -1, NumberToString: true, BoolToString: true, NumberToBool: true, StringToEpoch: true, BasicOffset: true, EmptyToNull: true}, c.times)
	require.True(t, c.rejectMissing)
	require.True(t, c.nullAsDefault)
	_, err = parse("coerce: [numbers]\n")
	require.ErrorContains(t, err, `clickhouse.coerce: "numbers" is not known, basic_offset, bool_to_string,`)
}

func TestMissingFieldsAndNullAsDefault(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, n UInt8, s String DEFAULT 'd'")
		out := open(t, yamlFor(t, server, table, "missing_fields: error\nnull_as_default: true\ncoerce: [number_to_string]"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1,"n":2,"s":3}`, `{"id":2}`, `{}`, `{"id":3,"n":4,"s":null}`, `{"id":4,"n":null}`)))
		require.Equal(t, [][]string{{"1", "2", "3"}, {"3", "4", "d"}}, query(t, server, "SELECT id, n, s FROM default."+table+" ORDER BY id"))
		require.Len(t, boxOf(t).all(), 3)
	})
}

func TestCoerceIsLinted(t *testing.T) {
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	for field, bad := range map[string]bool{"coerce: [number_to_string]": false, "coerce: [nonsense]": true, "missing_fields: perhaps": true} {
		lints, err := linter.LintOutputYAML([]byte("clickhouse:\n  addresses: [a:9000]\n  table: t\n  dead_letter: {drop: {}}\n  " + field))
		require.NoError(t, err)
		require.Equal(t, bad, len(lints) > 0, "%s: %v", field, lints)
	}
}

// The texts of numbers that were worked out stay as they are, whatever other values
// are worked out after them.
func TestNumbersThatAreWorkedOutKeepTheirTexts(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, list String, n String, x String")
		out := open(t, yamlFor(t, server, table, `
columns: {id: id, list: 'this.list.slice(0)', n: '@n', x: 'this.id * 0.5'}
coerce: [number_to_string]`))
		batch := records(`{"id":1,"list":[1,2,3,4,5,6,7,8,9]}`, `{"id":2,"list":[2]}`, `{"id":3,"list":[3]}`)
		for i, m := range batch {
			m.MetaSetMut("n", int64(1111*(i+1)))
		}
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"1", "[1,2,3,4,5,6,7,8,9]", "1111", "0.5"}, {"2", "[2]", "2222", "1"}, {"3", "[3]", "3333", "1.5"}},
			query(t, server, "SELECT id, list, n, x FROM default."+table+" ORDER BY id"))
	})
}

// What an expression makes of a record is taken of it; what it makes of metadata alone
// is not.
func TestAnExpressionTakesOfTheRecord(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8 DEFAULT 7, spread Float64, off Int64")
		out := open(t, yamlFor(t, server, table, `
columns: {id: id, spread: 'this.ask.or(null) - this.bid.or(0)', off: '@n'}
missing_fields: error`))
		batch := records(`{"ask":3,"bid":1}`, `{"id":1,"ask":3,"bid":1}`)
		for _, m := range batch {
			m.MetaSetMut("n", int64(5))
		}
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"1", "2", "5"}, {"7", "2", "5"}}, query(t, server, "SELECT id, spread, off FROM default."+table+" ORDER BY id"))
		require.Empty(t, boxOf(t).all())
	})
}
