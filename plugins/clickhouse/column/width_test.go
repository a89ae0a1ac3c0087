package column

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the columns hold of many rows is no more than the width says.
func TestWidthIsNoLessThanWhatColumnsHold(t *testing.T) {
	for _, typ := range []string{
		"UInt8", "Int256", "Float64", "Decimal(9, 2)", "String", "FixedString(100)", "DateTime64(9, 'UTC')", "UUID", "Enum8('a' = 1)",
		"Nullable(Int64)", "LowCardinality(String)", "Tuple(a Int64, b Nullable(String))", "Array(Int64)", "Map(String, Int64)",
		"Variant(Int64, String)", "Dynamic", "JSON", "SimpleAggregateFunction(sum, UInt64)",
	} {
		c, err := New(typ, Rules{EpochDigits: -1})
		require.NoError(t, err)
		const rows = 1000
		for range rows {
			c.Zero()
		}
		out := Native{}
		c.Encode(&out, 0, rows)
		held := out.Len()
		require.GreaterOrEqual(t, NewSchema("t", []Spec{{Name: "c", Type: typ}}).Width()*rows+1000, held, typ)
	}
}
