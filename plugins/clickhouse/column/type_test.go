package column

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTypesAreTheSame(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"Tuple(\n    bid Float64,\n    ask Float64)", "Tuple(bid Float64, ask Float64)"},
		{"Tuple(`bid` Float64)", "Tuple(bid Float64)"},
		{"Tuple(a Tuple(\n\t`b c` Nullable(Int8)))", "Tuple(a Tuple(`b c` Nullable(Int8)))"},
		{"Enum8('a'=1,'b'=2)", "Enum8('a' = 1, 'b' = 2)"},
		{"Enum8('it\\'s' = 1)", "Enum8('it''s' = 1)"},
		{"Decimal(9,2)", "Decimal(9, 2)"},
		{"JSON(max_dynamic_paths=8, a.b UInt32, SKIP c, SKIP REGEXP 'd')", "JSON(max_dynamic_paths = 8,\n    `a`.b UInt32, SKIP `c`, SKIP REGEXP 'd')"},
		{"AggregateFunction(quantiles(0.5, 0.9), Float64)", "AggregateFunction(quantiles(0.5,0.9),Float64)"},
		{"no type (", "no type ("},
	} {
		require.True(t, Same(c.a, c.b), "%s and %s", c.a, c.b)
		require.True(t, Same(c.b, c.a), "%s and %s", c.a, c.b)
	}
	for _, c := range []struct{ a, b string }{
		{"Enum8('a b' = 1)", "Enum8('ab' = 1)"},
		{"Enum8('a' = 1)", "Enum8('a' = 2)"},
		{"Enum8('a' = 1)", "Enum16('a' = 1)"},
		{"Tuple(a Int8)", "Tuple(b Int8)"},
		{"Tuple(a Int8)", "Tuple(Int8)"},
		{"Tuple(`a b` Int8)", "Tuple(ab Int8)"},
		{"DateTime('UTC')", "DateTime"},
		{"DateTime64(3)", "DateTime64(6)"},
		{"Array(Int8", "Array(Int8)"},
		{"JSON(a UInt8)", "JSON(a UInt16)"},
	} {
		require.False(t, Same(c.a, c.b), "%s and %s", c.a, c.b)
		require.False(t, Same(c.b, c.a), "%s and %s", c.a, c.b)
	}
}

func TestTypesAreTakenApart(t *testing.T) {
	got, err := ParseType("Tuple(`odd \\`name` Array(Enum8('x, (y)' = -1)), z DateTime64(3, 'Europe/Berlin'))")
	require.NoError(t, err)
	require.Equal(t, "odd `name", got.Args[0].Name)
	require.Equal(t, Arg{Name: "x, (y)", Named: true, Text: "-1"}, got.Args[0].Type.Args[0].Type.Args[0])
	require.Equal(t, []Arg{{Text: "3"}, {Text: "Europe/Berlin", Quoted: true}}, got.Args[1].Type.Args)
	again, err := ParseType(got.String())
	require.NoError(t, err)
	require.Equal(t, got, again)
}

func TestNoTypes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "the name of a type is expected",
		"Array(":                          "a name is expected",
		"Array(Int8":                      "a comma or a closing bracket is expected",
		"Array(Int8))":                    "the end is expected",
		"Enum8('a":                        "a closing quote is expected",
		"Enum8('a' = )":                   "a number is expected",
		"Enum8('a' = 128)":                "value 1 is not understood",
		"Enum8('a')":                      "an equals sign is expected",
		"Enum8()":                         "has no values",
		"FixedString(99999999999)":        "is not understood",
		"FixedString('a')":                "is not understood",
		"Decimal(77, 1)":                  "is not understood",
		"DateTime64(3, 4)":                "a text is expected as argument 2",
		"DateTime('Mars/Base')":           "unknown time zone",
		"DateTime('Local')":               "unknown time zone",
		"Tuple(a Int8, Int8)":             "is not supported",
		"Tuple()":                         "is not supported",
		"Map(Array(Int8), Int8)":          "is not supported",
		"LowCardinality(Map(A, B))":       "is not supported",
		"Nothing":                         "is not supported",
		"1":                               "the name of a type is expected",
		strings.Repeat("Array(", 100_000): "no deeper nesting is expected",
	} {
		_, err := New(text, Rules{EpochDigits: -1})
		require.ErrorContains(t, err, want, text)
	}
}

// Whatever a server or a user spells, it is a column or an error.
func FuzzNew(f *testing.F) {
	for _, text := range []string{
		"Int8", "Array(Nullable(Decimal(9, 2)))", "Enum8('a\\'b' = 1, ')' = -2)", "Tuple(`a b` Int8, c Map(String, Array(UInt8)))",
		"JSON(max_dynamic_paths=1, a.b UInt8, SKIP c, SKIP REGEXP 'd')", "Variant(Int8, String)", "DateTime64(3, 'Europe/Berlin')", "Nested(a Int8, b String)",
		"LowCardinality(Nullable(FixedString(3)))", "SimpleAggregateFunction(sum, UInt64)", "AggregateFunction(quantiles(0.5), Float64)", "Array(", "Tuple(a Int8", "Enum16('x",
		"Dynamic(max_types=3)", "Point", "FixedString(16777215)", "Time64(9)", "BFloat16",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		typ, err := ParseType(text)
		if err == nil {
			again, err := ParseType(typ.String())
			require.NoError(t, err, typ.String())
			require.Equal(t, typ.String(), again.String())
			require.True(t, Same(text, typ.String()))
		}
		c, err := New(text, Rules{EpochDigits: -1})
		if err != nil {
			return
		}
		c.Zero()
		c.Zero()
		c.Truncate(1)
		require.Equal(t, 1, c.Len())
		var n Native
		c.State(&n)
		c.Encode(&n, 0, 1)
		c.Key(nil, 0)
		require.GreaterOrEqual(t, c.Size(), 0)
		c.Reset()
		require.Zero(t, c.Len())
	})
}

func TestUnnested(t *testing.T) {
	for typ, want := range map[string]string{
		"Nested(a UInt8, `b c` Nested(d Map(String, Nullable(DateTime64(3, 'UTC')))))": "Array(Tuple(a UInt8, `b c` Array(Tuple(d Map(String, Nullable(DateTime64(3, 'UTC')))))))",
		"Enum8('Nested' = 1)": "Enum8('Nested' = 1)",
		"Array(String)":       "Array(String)",
		"Nested(":             "Nested(",
	} {
		require.Equal(t, want, Unnested(typ))
	}
}
