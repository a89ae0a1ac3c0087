package column

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// typedColumns are the types that typed values are tried on.
var typedColumns = []string{
	"Int8", "Int16", "Int32", "Int64", "Int128", "Int256", "UInt8", "UInt16", "UInt32", "UInt64", "UInt128", "UInt256",
	"Float32", "Float64", "BFloat16", "Decimal(9, 2)", "Decimal(18, 8)", "Decimal(38, 10)", "Decimal(76, 20)", "Bool", "String", "FixedString(40)",
	"Enum8('a' = -1, 'b' = 7)", "Enum16('a' = 300)", "Date", "Date32", "DateTime", "DateTime('Europe/Berlin')", "DateTime64(0)", "DateTime64(3, 'Asia/Tokyo')", "DateTime64(9)",
	"Time", "Time64(3)", "Time64(9)", "UUID", "IPv4", "Dynamic", "Nullable(Int32)", "Nullable(DateTime64(6))", "LowCardinality(String)", "LowCardinality(Nullable(String))",
}

// pair is a typed value, and the text that stands for the same.
type pair struct {
	what string
	set  func(*Value)
	kind Kind
	text string
}

// number is a pair of a number whose text is given.
func number(what, text string, set func(*Value)) pair { return pair{what, set, KindNumber, text} }

// typedPairs draws pairs, awkward ones among them. The texts are written by the
// standard library.
func typedPairs(r *rand.Rand) []pair {
	var out []pair
	for _, n := range []int64{0, 1, -1, 7, 300, math.MaxInt8, math.MinInt8 - 1, math.MaxUint32 + 1, 1<<53 + 1, math.MaxInt64, math.MinInt64, r.Int64() >> r.IntN(64), -r.Int64() >> r.IntN(64)} {
		out = append(out, number("int", fmt.Sprint(n), func(v *Value) { v.SetInt(n) }))
		scale := r.IntN(25)
		text := new(big.Rat).SetFrac(big.NewInt(n), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
		out = append(out, number("decimal", text, func(v *Value) { v.SetDecimal(n, scale) }))
	}
	for _, n := range []uint64{math.MaxUint64, 1 << 63, r.Uint64() >> r.IntN(64)} {
		out = append(out, number("uint", fmt.Sprint(n), func(v *Value) { v.SetUint(n) }))
	}
	for range 6 {
		b := make([]byte, r.IntN(33))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		scale := r.IntN(20)
		out = append(out, number("wide decimal", fmt.Sprintf("%se-%d", twosComplement(b), scale), func(v *Value) { v.SetWideDecimal(b, scale) }))
	}
	for _, f := range []float64{0, 1, -3, 0.1, 1e300, -2.5e-8, 16777217, math.Pi, float64(float32(0.1)), math.Float64frombits(r.Uint64() &^ (0x400 << 52))} {
		text, _ := json.Marshal(f)
		out = append(out, number("float", string(text), func(v *Value) { v.SetFloat(f) }))
	}
	for text, f := range map[string]float64{"nan": math.NaN(), "inf": math.Inf(1), "-inf": math.Inf(-1)} {
		out = append(out, pair{"not finite", func(v *Value) { v.SetFloat(f) }, KindString, text})
	}
	for _, at := range []time.Time{time.Unix(0, 0).UTC(), time.Unix(r.Int64N(1<<33)-1<<31, r.Int64N(1e9)).UTC(), time.Unix(r.Int64N(1<<31), r.Int64N(1e3)*1e6).In(time.FixedZone("", 5400))} {
		out = append(out, pair{"time", func(v *Value) { v.SetTime(at) }, KindString, at.Format(time.RFC3339Nano)})
	}
	for _, days := range []int32{0, -1, 65535, 65536, int32(r.IntN(50000) - 20000)} {
		out = append(out, pair{"date", func(v *Value) { v.SetDate(days) }, KindString, time.Date(1970, 1, 1+int(days), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)})
	}
	for _, d := range []time.Duration{0, 1, time.Hour, 999*time.Hour + 59*time.Minute + 59*time.Second + 999_999_999, 1000 * time.Hour, time.Duration(r.Int64N(86400e9)), -time.Duration(r.Int64N(86400e9))} {
		sign := ""
		if d < 0 {
			sign = "-"
		}
		a := d.Abs()
		text := fmt.Sprintf("%s%02d:%02d:%02d.%09d", sign, a/time.Hour, a/time.Minute%60, a/time.Second%60, a%time.Second)
		out = append(out, pair{"span", func(v *Value) { v.SetSpan(d) }, KindString, text})
	}
	for _, b := range []bool{true, false} {
		kind := map[bool]Kind{true: KindTrue, false: KindFalse}[b]
		out = append(out, pair{"bool", func(v *Value) { v.SetBool(b) }, kind, fmt.Sprint(b)})
	}
	return append(out, pair{"null", (*Value).SetNull, KindNull, "null"}, pair{"text", func(v *Value) { v.SetText("10.0.0.1") }, KindString, "10.0.0.1"})
}

func twosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// wireOf is what a column becomes after one value.
func wireOf(t *testing.T, typ string, rules Rules, v *Value) (string, error) {
	t.Helper()
	c, err := New(typ, rules)
	require.NoError(t, err)
	if err := c.(Scalar).Append(v); err != nil {
		require.Zero(t, c.Len(), "a refused value leaves nothing")
		return "", err
	}
	var wire Native
	c.State(&wire)
	c.Encode(&wire, 0, 1)
	var b bytes.Buffer
	_, err = wire.WriteTo(&b)
	require.NoError(t, err)
	return b.String(), nil
}

// A typed value becomes what its text becomes, or is refused where that is. The
// ways in which it knows more than a text are left out here, and in the tests
// below.
func TestATypedValueIsWhatItsTextIs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	all := Rules{EpochDigits: 3, NumberToString: true, BoolToString: true, NumberToBool: true, Truncate: true}
	taken := map[string]int{}
	for range 5 {
		for _, p := range typedPairs(r) {
			for _, typ := range typedColumns {
				for _, rules := range []Rules{{EpochDigits: -1}, all} {
					var typed Value
					p.set(&typed)
					got, gotErr := wireOf(t, typ, rules, &typed)
					read := Value{Kind: p.kind, Raw: []byte(p.text)}
					want, wantErr := wireOf(t, typ, rules, &read)
					if textOf(typ) && (p.kind == KindNumber || p.what == "span") {
						require.Equal(t, wantErr == nil, gotErr == nil, "%s %s into %s", p.what, p.text, typ)
						continue // a text is spelt as its writer likes
					}
					require.Equal(t, wantErr == nil, gotErr == nil, "%s %s into %s: %v, %v", p.what, p.text, typ, gotErr, wantErr)
					require.Equal(t, want, got, "%s %s into %s", p.what, p.text, typ)
					if gotErr == nil {
						taken[p.what]++
					}
				}
			}
		}
	}
	for _, what := range []string{"int", "uint", "decimal", "wide decimal", "float", "not finite", "time", "date", "span", "bool", "null", "text"} {
		require.NotZero(t, taken[what], "no column has taken a %s", what)
	}
}

// textOf reports whether a column keeps texts as they are spelt.
func textOf(typ string) bool {
	return typ == "String" || typ == "Dynamic" || typ == "FixedString(40)" || typ == "LowCardinality(String)" || typ == "LowCardinality(Nullable(String))"
}

// The texts that are written read back as the number that they are of.
func TestTheTextOfATypedNumberReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		for _, p := range typedPairs(r) {
			if p.kind != KindNumber {
				continue
			}
			var v Value
			p.set(&v)
			want, ok := new(big.Rat).SetString(p.text)
			require.True(t, ok)
			got, ok := new(big.Rat).SetString(string(v.Literal()))
			require.True(t, ok, "%s", v.Raw)
			require.Zero(t, want.Cmp(got), "%s: %s is not %s", p.what, v.Raw, p.text)
			require.True(t, IsNumber(v.Raw), "%s is no number as JSON has them", v.Raw)
		}
	}
}

// A value is used for one record after the other: nothing of the one before stays.
func TestATypedValueForgetsTheOneBefore(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pairs := typedPairs(r)
	var kept Value
	for range 5000 {
		p := pairs[r.IntN(len(pairs))]
		typ := typedColumns[r.IntN(len(typedColumns))]
		var fresh Value
		p.set(&fresh)
		p.set(&kept)
		rules := Rules{EpochDigits: 0, NumberToString: true}
		want, wantErr := wireOf(t, typ, rules, &fresh)
		got, gotErr := wireOf(t, typ, rules, &kept)
		require.Equal(t, wantErr, gotErr)
		require.Equal(t, want, got, "%s %s into %s", p.what, p.text, typ)
	}
}

// A Variant puts a typed time into the type that is one.
func TestAVariantKnowsTypedTimes(t *testing.T) {
	for set, want := range map[Kind]string{KindTime: "DateTime64(9)", KindDate: "Date", KindSpan: "Time64(9)"} {
		types := []string{"String", "DateTime64(9)", "Date", "Time64(9)"}
		require.Equal(t, want, types[variantOrder(set, types)[0]], "%s", set)
	}
}
