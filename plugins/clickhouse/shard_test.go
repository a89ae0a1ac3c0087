package clickhouse

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// Rows go where a Distributed table would put them: ClickHouse itself says
// where that is.
func TestShardsAreClickHouses(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		for key, sql := range map[string]string{
			`"BTCUSDT"`: "cityHash64('BTCUSDT')", `""`: "cityHash64('')", `"a symbol of more than sixteen bytes"`: "cityHash64('a symbol of more than sixteen bytes')",
			"7": "7", "-7": "toUInt64(toInt64(-7))", "9007199254740993": "9007199254740993",
		} {
			s, err := newSharder("this.key", 3)
			require.NoError(t, err)
			got, err := s.of(recordsOf(records(`{"key":` + key + `}`))[0])
			require.NoError(t, err)
			require.Equal(t, query(t, server, "SELECT "+sql+" % 3")[0][0], strconv.Itoa(got), key)
		}
	})
}

func TestARowWithoutAShardIsABadRow(t *testing.T) {
	s, err := newSharder("this.key", 2)
	require.NoError(t, err)
	batch := records(`{"key":1}`, `{"key":1.5}`, `{"key":2}`, `{}`, `{"key":true}`, `{"key":3}`)
	groups, bad := s.divide(recordsOf(batch), []group{{table: "t"}})
	require.Equal(t, []group{{table: "t", shard: 0, rows: []int{2}}, {table: "t", shard: 1, rows: []int{0, 5}}}, groups)
	require.Len(t, bad, 3)
	for i, want := range []int{1, 3, 4} {
		require.Equal(t, want, bad[i].index)
		require.ErrorContains(t, bad[i].err, "clickhouse.shard_by: this.key: ")
	}
	_, err = newSharder("this.(", 2)
	require.ErrorContains(t, err, `clickhouse.shard_by: "this.(" is neither a field path nor a Bloblang expression`)
}

func TestRowsAreDividedAmongShards(t *testing.T) {
	a, b, table := pair(t)
	t.Cleanup(func() { boxes.Delete(t.Name()) }) // for -count
	yaml := fmt.Sprintf(`
shards: [{addresses: [%q]}, {addresses: [%q]}]
shard_by: this.id
protocol: %s
table: %s
dead_letter: {letter_box: {name: %q}}`, a.Addr(), b.Addr(), a.Protocol(), table, t.Name())
	out := open(t, yaml)
	require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`, `{"id":5}`, `{"id":"x"}`)))
	require.Equal(t, [][]string{{"2"}, {"4"}}, query(t, a, "SELECT id FROM "+table+" ORDER BY id"))
	require.Equal(t, [][]string{{"1"}, {"3"}, {"5"}}, query(t, b, "SELECT id FROM "+table+" ORDER BY id"))
	require.Len(t, boxOf(t).all(), 1)
}
