package column

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConstants(t *testing.T) {
	for _, text := range []string{"1", "-1.5", "'it\\'s, (x)'", "['a', 'b']", "[]", "(1, 'x')", "NULL", "true", "nan", "toDateTime('2026-01-01 00:00:00', 'UTC')", "CAST('x', 'Enum8(\\'x\\' = 1)')", "map('a', [1])"} {
		require.True(t, IsConstant(text), text)
	}
	for _, text := range []string{"", "now()", "id", "id * 2", "1 + 1", "toDateTime(id)", "generateUUIDv4()", "toDate(now())", "['a', b]", "1)", "'a", "rand()", "today()", "(1", "toString(x -> 1)", "dictGet('d', 'x', 1)"} {
		require.False(t, IsConstant(text), text)
	}
}

// A burst of values does not keep its memory for ever; a steady stream keeps what
// it needs.
func TestMemoryFollowsWhatIsNeeded(t *testing.T) {
	for _, typ := range []string{"Int64", "String", "FixedString(8)", "Nullable(Int64)", "LowCardinality(String)", "LowCardinality(Nullable(String))", "Decimal(38, 2)"} {
		c, err := New(typ, Rules{EpochDigits: -1})
		require.NoError(t, err)
		scalar := c.(Scalar)
		fill := func(n int) {
			for i := range n {
				require.NoError(t, scalar.Append(&Value{Kind: KindString, Raw: []byte{'1', '0' + byte(i%10), '0' + byte(i/10%10), '0' + byte(i/100%10), '0' + byte(i/1000%10), '0' + byte(i/10000%10)}}))
			}
			c.Reset()
		}
		fill(100_000)
		burst := c.Size()
		fill(100_000)
		require.Equal(t, burst, c.Size(), "%s: what is needed is kept", typ)
		for range 20 {
			fill(10)
		}
		require.Less(t, c.Size(), burst/10, typ)
	}
	array := &Array{Elem: newFixed(parseByte)}
	block := &Block{Schema: NewSchema("t", []Spec{{Name: "a", Type: "Array(UInt8)"}}), Columns: []Column{array}, Absent: make([]bool, 1)}
	fill := func(n int) {
		for i := range n {
			array.Zero()
			block.Rows = append(block.Rows, i)
		}
		block.Reset()
	}
	fill(100_000)
	burst := block.Size()
	for range 20 {
		fill(10)
	}
	require.Less(t, block.Size(), burst/10)
}
