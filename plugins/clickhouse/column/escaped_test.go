package column

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Encoders may escape any character; those of .NET do so with + by default, and
// others with /.
func TestAStringWithEscapesIsTheStringThatItSpells(t *testing.T) {
	for _, c := range []struct{ typ, text string }{
		{"Int8", "-12"},
		{"UInt8", "12"},
		{"UInt64", "18446744073709551615"},
		{"Int256", "-12"},
		{"Float32", "1.5e+10"},
		{"Float64", "1.5e+10"},
		{"Float64", "-inf"},
		{"Float64", "NaN"},
		{"BFloat16", "1.5"},
		{"Decimal(9, 2)", "1.25"},
		{"Decimal(38, 2)", "1.25"},
		{"Date", "2026-11-23"},
		{"Date32", "2026-11-23"},
		{"DateTime", "2026-11-23T10:00:00+01:00"},
		{"DateTime64(3)", "2026-11-23T10:00:00.125+01:00"},
		{"DateTime64(3, 'Europe/Berlin')", "2026-11-23 10:00:00"},
		{"Time", "-10:00:00"},
		{"Time64(3)", "10:00:00.125"},
		{"UUID", "5b3bcb2d-9e1a-4b39-8c43-bd0a13f4a8e1"},
		{"IPv4", "192.0.2.1"},
		{"IPv6", "2001:db8::1"},
		{"Enum8('a/b' = 1)", "a/b"},
		{"String", "a/b+c"},
		{"FixedString(8)", "a/b+c"},
		{"LowCardinality(String)", "a/b+c"},
		{"Nullable(DateTime)", "2026-11-23T10:00:00+01:00"},
	} {
		t.Run(c.typ+" "+c.text, func(t *testing.T) {
			escaped := ""
			for _, b := range []byte(c.text) {
				escaped += fmt.Sprintf(`\u%04x`, b)
			}
			column, err := New(c.typ, Rules{EpochDigits: -1})
			require.NoError(t, err)
			scalar := column.(Scalar)
			require.NoError(t, scalar.Append(&Value{Kind: KindString, Raw: []byte(c.text)}))
			require.NoError(t, scalar.Append(&Value{Kind: KindString, Raw: []byte(escaped), Escaped: true}))
			require.Equal(t, scalar.Key(nil, 0), scalar.Key(nil, 1))
		})
	}
}

func TestAStringWithoutEscapesCostsNoMemory(t *testing.T) {
	c, err := New("DateTime", Rules{EpochDigits: -1})
	require.NoError(t, err)
	v := &Value{Kind: KindString, Raw: []byte("2026-11-23T10:00:00+01:00")}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		c.Truncate(0)
		_ = c.(Scalar).Append(v)
	}))
}
