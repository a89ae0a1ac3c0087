package clickhouse

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// chunkOf is a chunk of deliveries with records of those bodies.
func chunkOf(t *testing.T, s *sink, deliveries ...[]string) *chunk {
	t.Helper()
	c := &chunk{sink: s}
	for _, bodies := range deliveries {
		c.Take([]*delivery{newDelivery(t.Context(), recordsOf(records(bodies...)), nil)})
	}
	return c
}

// A chunk of several deliveries tells each of them what is theirs.
func TestAChunkIsSettledByDelivery(t *testing.T) {
	c := chunkOf(t, nil, []string{"a", "b"}, []string{"c"}, []string{"d", "e", "f"})
	require.Len(t, c.records, 6)
	b := &column.Block{Schema: &column.Schema{Table: "t"}, Rows: []int{0, 1, 3}}
	c.next = 4
	c.pending = []segment{{block: b, from: 2, to: 3}} // d is decoded, e is not
	c.rows = []int{0, 1, 2, 3, 4}
	c.unfit = []badRow{{index: 2, err: column.ErrNull}}
	c.refused = []badRow{{index: 5, err: column.ErrNull}}
	c.Finish(errDrift, 3)
	for i, d := range c.deliveries {
		<-d.done
		require.Equal(t, 3, d.attempts)
		require.Equal(t, i == 2, d.err != nil)
	}
	require.Empty(t, c.deliveries[0].failed)
	require.Equal(t, 0, c.deliveries[1].bad[0].index)
	require.ErrorIs(t, c.deliveries[2].err, errDrift)
	require.Equal(t, []int{0, 1}, c.deliveries[2].failed)
	require.Equal(t, 2, c.deliveries[2].bad[0].index)
}

// Every row is stored, bad, or to be decoded again, whatever had become of it.
func TestStartingOverForgetsNoRow(t *testing.T) {
	c := chunkOf(t, nil, []string{"0", "1", "2", "3", "4", "5", "6", "7"})
	b := &column.Block{Schema: &column.Schema{Table: "t"}, Rows: []int{0, 1, 2, 4}}
	c.next = 6
	c.pending = []segment{{block: b, from: 1, to: 4}} // 0 is stored
	c.unfit = []badRow{{index: 3}}
	c.refused = []badRow{{index: 5}}
	c.startOver()
	require.Equal(t, []int{1, 2, 3, 4, 6, 7}, c.rows)
	require.Equal(t, []badRow{{index: 5}}, c.refused, "what the server has refused stays a bad row")
	c.reopen()
	require.Equal(t, []int{1, 2, 3, 4, 5, 6, 7}, c.rows)
	require.Empty(t, c.refused)
}

func TestSegmentsInTheOrderOfTheirRecords(t *testing.T) {
	a, b, c := &column.Block{Rows: []int{1, 2, 6}}, &column.Block{Rows: []int{0, 3, 4, 7}}, &column.Block{Rows: []int{5}}
	at := func(b *column.Block, from, to int) segment { return segment{block: b, from: from, to: to} }
	require.Equal(t, []segment{at(b, 0, 4), at(a, 0, 3), at(c, 0, 1)}, segmentsOf([]*column.Block{a, b, c}, false))
	require.Equal(t, []segment{at(b, 0, 1), at(a, 0, 2), at(b, 1, 3), at(c, 0, 1), at(a, 2, 3), at(b, 3, 4)}, segmentsOf([]*column.Block{a, b, c}, true))
}

func TestHalvesKeepTheirOrder(t *testing.T) {
	c := chunkOf(t, nil, []string{"0", "1", "2", "3", "4"})
	b := &column.Block{Schema: &column.Schema{Table: "t"}, Rows: []int{0, 1, 2, 3, 4}}
	c.pending = []segment{{block: b, to: 5}}
	var refused []int
	for len(c.pending) > 0 { // the server refuses every row
		c.isolate(column.ErrNull)
	}
	for _, row := range c.refused {
		refused = append(refused, row.index)
	}
	require.Equal(t, []int{0, 1, 2, 3, 4}, refused)
}

// Rows of an insert of unknown outcome stay one insert, and keep its token, when
// everything is decoded anew.
func TestStartingOverKeepsPromises(t *testing.T) {
	c := chunkOf(t, nil, []string{"0", "1", "2", "3", "4", "5"})
	b := &column.Block{Schema: &column.Schema{Table: "t"}, Rows: []int{0, 2, 4}}
	c.next = 5
	c.pending = []segment{{block: b, to: 1}, {block: b, from: 1, to: 3, token: "T", maybe: true}}
	c.startOver()
	require.Equal(t, []int{2, 4, 0, 5}, c.rows)
	c.startOver() // again, before they were decoded
	require.Equal(t, []int{2, 4, 0, 5}, c.rows)
	require.Equal(t, []promise{{2, "T"}}, c.promises)
	c.next, c.pending = 2, []segment{{block: b, from: 1, to: 3}}
	c.redeem()
	require.Equal(t, []segment{{block: b, from: 1, to: 3, token: "T", maybe: true}}, c.pending)
	require.Empty(t, c.promises)
}
