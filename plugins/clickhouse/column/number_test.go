package column

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFloatsRoundAsTheStandardLibraryDoes(t *testing.T) {
	for _, text := range []string{"0.1", "9007199254740993", "9007199254740991e22", "1e23", "123456.789e-22", "4.35", "-0", "5e-324", "1.7976931348623157e308"} {
		var want float64
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		c := newFixed(parseFloat64Value)
		require.NoError(t, c.Append(&Value{Kind: KindNumber, Raw: []byte(text)}))
		got := c.Values()[0]
		require.Equal(t, math.Float64bits(want), math.Float64bits(got), text)
	}
}

// GROUP BY tells NaNs with other bits apart, so they are those that the engine
// makes of 'nan'.
func TestNaNHasTheBitsOfTheEngines(t *testing.T) {
	for typ, want := range map[string][]byte{
		"Float64":  {0, 0, 0, 0, 0, 0, 0xf8, 0x7f},
		"Float32":  {0, 0, 0xc0, 0x7f},
		"BFloat16": {0xc0, 0x7f},
	} {
		c, err := New(typ, Rules{})
		require.NoError(t, err)
		require.NoError(t, c.(Scalar).Append(&Value{Kind: KindString, Raw: []byte("NaN")}))
		require.Equal(t, want, c.Key(nil, 0), typ)
	}
}
