package json

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	chproto "github.com/ClickHouse/ch-go/proto"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/tests/stack/ticks"
)

var strictTimes = column.Rules{EpochDigits: -1}

// decodeOne decodes {"c": text} for one column type and returns what the
// driver's own column then holds.
func decodeOne(t *testing.T, typ, text string, rules column.Rules) (any, error) {
	t.Helper()
	s := column.NewSchema("t", []column.Spec{{Name: "c", Type: typ}})
	d := decoderBy(s, rules)
	if err := d.Add([]byte(`{"c": `+text+`}`), 0); err != nil {
		require.Zero(t, d.blocks[0].Columns[0].Len(), "a rejected row leaves no trace")
		return nil, err
	}
	return readBack(t, d.blocks[0], typ).Row(0, false), nil
}

// readBack reads a one-column block as the driver reads what a server sends.
func readBack(t *testing.T, b *column.Block, typ string) chcolumn.Interface {
	t.Helper()
	return readPart(t, column.Part{Block: b, To: b.Len()}, typ)
}

func readPart(t *testing.T, p column.Part, typ string) chcolumn.Interface {
	t.Helper()
	target, err := chcolumn.Type(typ).Column("c", &chcolumn.ServerContext{})
	require.NoError(t, err)
	var n column.Native
	p.Block.Columns[0].State(&n)
	p.Block.Columns[0].Encode(&n, p.From, p.To)
	reader := chproto.NewReader(&n)
	if state, ok := target.(chcolumn.CustomSerialization); ok {
		require.NoError(t, state.ReadStatePrefix(reader))
	}
	require.NoError(t, target.Decode(reader, p.To-p.From))
	require.Zero(t, n.Len(), "the driver has read it all")
	require.Equal(t, p.To-p.From, target.Rows())
	return target
}

func TestAccepted(t *testing.T) {
	for _, c := range []struct{ typ, text, want string }{
		{"Int8", `-128`, "-128"},
		{"Int8", `"127"`, "127"},
		{"Int16", `-32768`, "-32768"},
		{"Int32", `2147483647`, "2147483647"},
		{"Int64", `-9223372036854775808`, "-9223372036854775808"},
		{"Int64", `9007199254740993`, "9007199254740993"},
		{"Int64", `1e3`, "1000"},
		{"Int64", `12300e-2`, "123"},
		{"Int64", `1.000000000000000000000000000000`, "1"},
		{"Int128", `-170141183460469231731687303715884105728`, "-170141183460469231731687303715884105728"},
		{"Int256", `57896044618658097711785492504343953926634992332820282019728792003956564819967`, "57896044618658097711785492504343953926634992332820282019728792003956564819967"},
		{"Int256", `-1`, "-1"},
		{"UInt8", `255`, "255"},
		{"UInt8", `true`, "1"},
		{"UInt8", `false`, "0"},
		{"UInt8", `-0`, "0"},
		{"UInt16", `65535`, "65535"},
		{"UInt32", `4294967295`, "4294967295"},
		{"UInt64", `18446744073709551615`, "18446744073709551615"},
		{"UInt128", `340282366920938463463374607431768211455`, "340282366920938463463374607431768211455"},
		{"UInt256", `"1e70"`, "1" + strings.Repeat("0", 70)},
		{"Float32", `1.5`, "1.5"},
		{"Float64", `64123.45`, "64123.45"},
		{"Float64", `-1e-300`, "-1e-300"},
		{"Float64", `123456789012345678901234567890`, "1.2345678901234568e+29"},
		{"Float64", `"-inf"`, "-Inf"},
		{"Float64", `"NaN"`, "NaN"},
		{"Decimal(9, 2)", `"-9999999.99"`, "-9999999.99"},
		{"Decimal(18, 8)", `0.1`, "0.1"},
		{"Decimal(18, 8)", `9999999999.99999999`, "9999999999.99999999"},
		{"Decimal(18, 2)", `1.500000000000000000000000000`, "1.5"},
		{"Decimal(38, 10)", `-64123.45`, "-64123.45"},
		{"Decimal(76, 2)", `-0.01`, "-0.01"},
		{"Decimal(19, 0)", `9999999999999999999`, "9999999999999999999"},
		{"UInt128", `-0`, "0"},
		{"Int128", `-18446744073709551615`, "-18446744073709551615"},
		{"Decimal(38, 10)", `-1234567890123456789012345678.0123456789`, "-1234567890123456789012345678.0123456789"},
		{"Decimal(76, 20)", `1e-20`, "0.00000000000000000001"},
		{"Bool", `true`, "true"},
		{"String", `"a\u00e9\ud83d\ude00\n"`, "aé😀\n"},
		{"String", `{"a": [1, {"b":2}]}`, `{"a": [1, {"b":2}]}`},
		{"String", `[1,2]`, `[1,2]`},
		{"FixedString(4)", `"ab"`, "ab\x00\x00"},
		{"Date", `"2026-11-23"`, "2026-11-23 00:00:00 +0000 UTC"},
		{"Date", `"2149-06-06"`, "2149-06-06 00:00:00 +0000 UTC"},
		{"DateTime('UTC')", `"2026-11-23T10:00:00Z"`, "2026-11-23 10:00:00 +0000 UTC"},
		{"DateTime('UTC')", `"2026-11-23T10:00:00.000+02:00"`, "2026-11-23 08:00:00 +0000 UTC"},
		{"DateTime('UTC')", `"2026-11-23 10:00:00"`, "2026-11-23 10:00:00 +0000 UTC"},
		{"DateTime('UTC')", `"2024-02-29"`, "2024-02-29 00:00:00 +0000 UTC"},
		{"DateTime('UTC')", `1`, "1970-01-01 00:00:01 +0000 UTC"},
		{"DateTime('Europe/Berlin')", `"2026-07-01 12:00:00"`, "2026-07-01 12:00:00 +0200 CEST"},
		{"DateTime64(9, 'UTC')", `"2026-11-23T10:00:00.123456789Z"`, "2026-11-23 10:00:00.123456789 +0000 UTC"},
		{"DateTime64(3, 'UTC')", `"1969-12-31T23:59:59.5Z"`, "1969-12-31 23:59:59.5 +0000 UTC"},
		{"DateTime64(3, 'UTC')", `"2026-11-23 10:00:00.1230000000000"`, "2026-11-23 10:00:00.123 +0000 UTC"},
		{"DateTime64(6, 'Asia/Tokyo')", `"1900-01-02"`, "1900-01-02 00:00:00 +0900 JST"},
		{"Enum8('buy' = 1, 'it\\'s' = -2)", `"it's"`, "it's"},
		{"Enum16('buy' = 1, 'sell' = 1000)", `1000`, "sell"},
		{"UUID", `"61F0C404-5cb3-11e7-907b-a6006ad3dba0"`, "61f0c404-5cb3-11e7-907b-a6006ad3dba0"},
		{"LowCardinality(String)", `"BTCUSDT"`, "BTCUSDT"},
		{"LowCardinality(String)", `""`, ""},
		{"LowCardinality(Nullable(String))", `null`, "<nil>"},
		{"Nullable(Int64)", `null`, "<nil>"},
		{"Nullable(String)", `"x"`, "x"},
		{"Array(Int64)", `[1, 2, 3]`, "[1 2 3]"},
		{"Array(String)", `[ ]`, "[]"},
		{"Array(Array(String))", `[["a"],[],["b","c"]]`, "[[a] [] [b c]]"},
		{"Array(LowCardinality(String))", `["a","b","a"]`, "[a b a]"},
		{"Array(Nullable(Float64))", `[1.5]`, "[1.5]"},
	} {
		t.Run(c.typ+" "+c.text, func(t *testing.T) {
			got, err := decodeOne(t, c.typ, c.text, strictTimes)
			require.NoError(t, err)
			require.Equal(t, c.want, show(got))
		})
	}
}

// show prints a value of the driver, without the pointers that it uses for
// nullable types.
func show(v any) string {
	switch v := v.(type) {
	case *string:
		return *v
	case big.Int:
		return v.String()
	case []*float64:
		return fmt.Sprintf("[%v]", *v[0])
	}
	return fmt.Sprint(v)
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ typ, text, reason string }{
		{"Int8", `128`, "out of range"},
		{"Int8", `-129`, "out of range"},
		{"Int64", `9223372036854775808`, "out of range"},
		{"Int64", `-9223372036854775809`, "out of range"},
		{"Int64", `1e400`, "out of range"},
		{"Int64", `1.9`, "loses precision"},
		{"Int64", `1e-1`, "loses precision"},
		{"Int64", `"12x"`, "not a number"},
		{"Int64", `"007"`, "not a number"},
		{"Int64", `""`, "not a number"},
		{"Int64", `true`, "true where a number is expected"},
		{"Int64", `null`, "not Nullable"},
		{"UInt64", `-1`, "out of range"},
		{"UInt64", `18446744073709551616`, "out of range"},
		{"UInt8", `256`, "out of range"},
		{"Int128", `170141183460469231731687303715884105728`, "out of range"},
		{"UInt128", `-1`, "out of range"},
		{"UInt256", `1e99999999999999999999`, "out of range"},
		{"Float32", `1e39`, "out of range"},
		{"Float64", `1e309`, "out of range"},
		{"Float64", `"infinite"`, "not a number"},
		{"Decimal(9, 2)", `10000000`, "out of range"},
		{"Decimal(9, 2)", `0.001`, "loses precision"},
		{"Decimal(18, 8)", `99999999999999999999999999`, "out of range"},
		{"Decimal(19, 0)", `10000000000000000000`, "out of range"},
		{"Decimal(38, 0)", `1e38`, "out of range"},
		{"Decimal(76, 76)", `1`, "out of range"},
		{"Bool", `1`, "a number where true or false is expected"},
		{"String", `1`, "a number where a string is expected"},
		{"String", `null`, "not Nullable"},
		{"FixedString(2)", `"abc"`, "3 bytes where 2 fit"},
		{"Date", `"1969-12-31"`, "out of range"},
		{"Date", `"2026-02-29"`, "not a date"},
		{"Date", `"2026-11-23T00:00:00Z"`, "loses precision"},
		{"Date", `20000`, "not a date"},
		{"DateTime('UTC')", `"2026-11-23T10:00:00.5Z"`, "loses precision"},
		{"DateTime('UTC')", `"2026-11-23T10:00:60Z"`, "not a time"},
		{"DateTime('UTC')", `"2026-11-23T10:00:00."`, "not a time"},
		{"DateTime('UTC')", `"1969-12-31T23:59:59Z"`, "out of range"},
		{"DateTime('UTC')", `"2106-02-07T06:28:16Z"`, "out of range"},
		{"DateTime('UTC')", `-1`, "out of range"},
		{"DateTime('UTC')", `"1700000000"`, "not a time"},
		{"DateTime64(3)", `1700000000000`, "set epoch_unit"},
		{"DateTime64(3)", `"2026-11-23T10:00:00.1234Z"`, "loses precision"},
		{"DateTime64(9)", `"2026-11-23T10:00:00.1234567891Z"`, "loses precision"},
		{"DateTime64(9)", `"2263-01-01"`, "out of range"},
		{"DateTime64(3)", `"2300-01-01"`, "out of range"},
		{"Enum8('buy' = 1)", `"sell"`, "not a value of the enum"},
		{"Enum8('buy' = 1)", `2`, "not a value of the enum"},
		{"Enum8('buy' = 1)", `70000`, "out of range"},
		{"UUID", `"61f0c404"`, "not a UUID"},
		{"UUID", `"61f0c404-5cb3-11e7-907b-a6006ad3dbag"`, "not a UUID"},
		{"LowCardinality(String)", `null`, "not Nullable"},
		{"Array(Int8)", `[1, 2, 300]`, "element 2: out of range"},
		{"Array(Int8)", `[1, null]`, "element 1: null, but the column is not Nullable"},
		{"Array(Int8)", `1`, "a number where an array is expected"},
		{"Array(Array(Int8))", `[[1],[300]]`, "element 1: element 0: out of range"},
		{"Date32", `"1899-12-31"`, "out of range"},
		{"Date32", `"2300-01-01"`, "out of range"},
		{"IPv4", `"192.0.2.256"`, "not an IP address"},
		{"IPv4", `"2001:db8::1"`, "out of range"},
		{"IPv4", `3221225985`, "a number where an IP address is expected"},
		{"IPv6", `"fe80::1%eth0"`, "not an IP address"},
		{"Tuple(Int8, String)", `[1]`, "1 elements where the tuple has 2"},
		{"Tuple(Int8, String)", `[1,"x",2]`, "more than the 2 elements"},
		{"Tuple(Int8, String)", `{"a":1}`, "an object where an array is expected"},
		{"Tuple(a Int8, b String)", `{"a":300}`, `"a": out of range`},
		{"Tuple(a Int8, b String)", `{"a":null}`, `"a": null, but the column is not Nullable`},
		{"Tuple(a Int8, b String)", `{"a":1,"x":2}`, `"x": the tuple has no element of that name`},
		{"Tuple(a Int8, b String)", `{"a":1,"a":2}`, `"a": the field is given twice`},
		{"Map(String, Int8)", `{"a":1,"b":2,"\u0061":3}`, "the field is given twice"},
		{"Map(String, Int8)", `{"a":300}`, `value of key "a": out of range`},
		{"Map(String, Int8)", `[["a",1]]`, "an array where an object is expected"},
		{"Map(UInt8, Int8)", `{"x":1}`, `key "x": not a number`},
		{"Variant(Int8, String)", `true`, "no type of the Variant takes it"},
		{"Variant(Int8, Date)", `300`, "no type of the Variant takes it"},
		{"JSON", `[1]`, "an array where an object is expected"},
		{"Dynamic", `[1]`, "an array where a text, a number or a boolean is expected"},
		{"Point", `[1]`, "1 elements where the tuple has 2"},
	} {
		t.Run(c.typ+" "+c.text, func(t *testing.T) {
			_, err := decodeOne(t, c.typ, c.text, strictTimes)
			var fault *record.RowError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, "c", fault.Column)
			require.ErrorContains(t, err, c.reason)
			require.ErrorContains(t, err, `column "c" (`+c.typ+`)`)
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestTimeRules(t *testing.T) {
	for _, c := range []struct {
		typ, text string
		rules     column.Rules
		want      string
	}{
		{"DateTime('UTC')", `"2026-11-23T10:00:00.999999999Z"`, column.Rules{Truncate: true, EpochDigits: -1}, "2026-11-23 10:00:00 +0000 UTC"},
		{"Date", `"2026-11-23T23:30:00-01:00"`, column.Rules{Truncate: true, EpochDigits: -1}, "2026-11-24 00:00:00 +0000 UTC"},
		{"DateTime64(3, 'UTC')", `1700000000123`, column.Rules{EpochDigits: 3}, "2023-11-14 22:13:20.123 +0000 UTC"},
		{"DateTime64(9, 'UTC')", `1700000000123456789`, column.Rules{EpochDigits: 9}, "2023-11-14 22:13:20.123456789 +0000 UTC"},
		{"DateTime64(6, 'UTC')", `1700000000.000001`, column.Rules{EpochDigits: 0}, "2023-11-14 22:13:20.000001 +0000 UTC"},
		{"DateTime64(3, 'UTC')", `-1500`, column.Rules{EpochDigits: 3}, "1969-12-31 23:59:58.5 +0000 UTC"},
		{"DateTime('UTC')", `1700000000000`, column.Rules{EpochDigits: 3}, "2023-11-14 22:13:20 +0000 UTC"},
	} {
		got, err := decodeOne(t, c.typ, c.text, c.rules)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, fmt.Sprint(got))
	}
	_, err := decodeOne(t, "DateTime('UTC')", `1700000000001`, column.Rules{EpochDigits: 3})
	require.ErrorContains(t, err, "loses precision")
}

func decoderFor(s *column.Schema, reject bool) *Decoder {
	return NewDecoder(Config{Schema: s, RejectUnknown: reject, NewBlock: func() (*column.Block, error) { return column.NewBlock(s, strictTimes) }})
}

func decoderBy(s *column.Schema, rules column.Rules) *Decoder {
	return NewDecoder(Config{Schema: s, NewBlock: func() (*column.Block, error) { return column.NewBlock(s, rules) }})
}

func TestMalformedRecordsLeaveNoTrace(t *testing.T) {
	d := decoderFor(ticks.Schema(), false)
	for i := range len(ticks.Record) {
		require.ErrorIs(t, d.Add([]byte(ticks.Record[:i]), i), ErrMalformed, ticks.Record[:i])
	}
	require.ErrorIs(t, d.Add([]byte(ticks.Record+"x"), 0), ErrMalformed)
	require.ErrorIs(t, d.Add([]byte(ticks.Record+ticks.Record), 0), ErrMalformed)
	require.ErrorIs(t, d.Add([]byte(`{"symbol":"`+"\xff"+`"}`), 0), ErrMalformed)
	require.ErrorIs(t, d.Add([]byte(`{"symbol":"\ud800"}`), 0), ErrMalformed)
	require.ErrorIs(t, d.Add([]byte(strings.Repeat("[", 100_000)), 0), ErrMalformed)
	require.ErrorIs(t, d.Add([]byte(`{"x":`+strings.Repeat("[", 100_000)+`}`), 0), ErrMalformed)
	for _, b := range d.blocks[0].Columns {
		require.Zero(t, b.Len())
	}
	require.NoError(t, d.Add([]byte(ticks.Record), 7))
	require.Equal(t, []int{7}, d.blocks[0].Rows)
}

func TestDuplicateAndUnknownFields(t *testing.T) {
	d := decoderFor(ticks.Schema(), false)
	require.ErrorIs(t, d.Add([]byte(`{"seq":1,"seq":1}`), 0), column.ErrDuplicate)
	require.ErrorIs(t, d.Add([]byte(`{"seq":1,"s\u0065q":1}`), 0), column.ErrDuplicate)
	require.NoError(t, d.Add([]byte(`{"nothing":{"a":[1,2]},"seq":1}`), 0))
	d = decoderFor(ticks.Schema(), true)
	err := d.Add([]byte(`{"seq":1,"nothing":1}`), 0)
	require.ErrorIs(t, err, record.ErrUnknown)
	require.EqualError(t, err, `field "nothing": no column takes it, and unknown_fields is reject`)
}

func TestFieldOrderMayChange(t *testing.T) {
	d := decoderFor(ticks.Schema(), false)
	for i, record := range []string{
		`{"seq":1,"venue":"a"}`, `{"venue":"b","seq":2}`, `{"x":1,"seq":3,"venue":"c"}`, `{"\u0073eq":4,"venue":"d"}`,
	} {
		require.NoError(t, d.Add([]byte(record), i))
	}
	b := d.blocks[0]
	require.Equal(t, []uint64{1, 2, 3, 4}, b.Columns[2].(*column.Fixed[uint64]).Values())
	require.Equal(t, []string{"a", "b", "c", "d"}, b.Columns[6].(*column.String).Values())
}

func TestMissingFields(t *testing.T) {
	s := column.NewSchema("t", []column.Spec{
		{Name: "id", Type: "UInt64"},
		{Name: "n", Type: "Nullable(Int64)"},
		{Name: "side", Type: "Enum8('buy' = 5, 'sell' = 6)"},
		{Name: "at", Type: "DateTime", HasDefault: true},
		{Name: "src", Type: "String", HasDefault: true},
	})
	d := decoderFor(s, false)
	for i, record := range []string{
		`{"id":0,"at":1,"src":"a"}`, `{"id":1,"src":"b"}`, `{"id":2,"at":1,"src":"a"}`, `{"id":3}`, `{"id":4,"src":"c"}`,
	} {
		require.NoError(t, d.Add([]byte(record), i))
	}
	got := map[string][]int{}
	for _, b := range d.blocks {
		got[fmt.Sprint(b.Absent)] = b.Rows
		for i, c := range b.Columns {
			require.Equal(t, len(b.Rows), c.Len(), "column %d", i)
		}
	}
	require.Equal(t, map[string][]int{
		"[false false false false false]": {0, 2},
		"[false false false true false]":  {1, 4},
		"[false false false true true]":   {3},
	}, got)
	require.True(t, d.blocks[0].Columns[1].(*column.Nullable).IsNull(0))
	require.True(t, d.blocks[0].Columns[1].(*column.Nullable).IsNull(1))
	require.Equal(t, []int8{5, 5}, d.blocks[0].Columns[2].(*column.Fixed[int8]).Values())
}

// In a mixed block each row has its columns, and what it lacks is told; so it is with a
// record that does not fit, and leaves no trace. The block after it is none.
func TestMissingFieldsOfAMixedBlock(t *testing.T) {
	s := column.NewSchema("t", []column.Spec{
		{Name: "id", Type: "UInt64"},
		{Name: "at", Type: "DateTime", HasDefault: true},
		{Name: "src", Type: "String", HasDefault: true},
		{Name: "n", Type: "UInt8", HasDefault: true, Default: "7"},
	})
	d := decoderFor(s, false)
	require.NoError(t, d.Add([]byte(`{"id":9}`), 0))
	for range 2 {
		d.Release()
		d.Mix()
		for i, record := range []string{`{"id":0,"at":1,"src":"a"}`, `{"id":1,"src":"b","n":8}`, `{"id":"x","src":"y"}`, `{"id":2,"at":2,"n":9}`, `{"id":3}`} {
			require.Equal(t, i != 2, d.Add([]byte(record), i) == nil)
		}
		require.Len(t, d.Blocks(), 1)
		b := d.Blocks()[0]
		require.True(t, b.Mixed())
		require.Equal(t, []int{0, 1, 3, 4}, b.Rows)
		require.Equal(t, []bool{false, false, false, false}, b.Absent)
		require.Nil(t, b.Given[0])
		require.Equal(t, []uint8{1, 0, 1, 0}, b.Given[1].Values())
		require.Equal(t, []uint8{1, 1, 0, 0}, b.Given[2].Values())
		require.Equal(t, []uint8{1, 1, 1, 1}, b.Given[3].Values(), "its default is known")
		require.Equal(t, []uint8{7, 8, 9, 7}, b.Columns[3].(*column.Fixed[uint8]).Values())
		for i, c := range b.Columns {
			require.Equal(t, len(b.Rows), c.Len(), "column %d", i)
		}
	}
	d.Release()
	require.NoError(t, d.Add([]byte(`{"id":9}`), 0))
	require.False(t, d.Blocks()[0].Mixed())
	require.Equal(t, []bool{false, true, true, false}, d.Blocks()[0].Absent)
}

// An INSERT has to name some column, in a mixed block too.
func TestARowOfDefaultsAloneIsRefusedInAMixedBlock(t *testing.T) {
	d := decoderFor(column.NewSchema("t", []column.Spec{{Name: "a", Type: "Int8", HasDefault: true}, {Name: "b", Type: "Int8", HasDefault: true}}), false)
	d.Mix()
	require.NoError(t, d.Add([]byte(`{"a":1}`), 0))
	require.ErrorIs(t, d.Add([]byte(`{}`), 1), record.ErrDefaultsAlone)
	require.NoError(t, d.Add([]byte(`{"b":1}`), 2))
	b := d.Blocks()[0]
	require.Equal(t, []int{0, 2}, b.Rows)
	require.Equal(t, 2, b.Columns[0].Len())
	require.Equal(t, []uint8{1, 0}, b.Given[0].Values())
}

func TestARowOfDefaultsAloneIsRefused(t *testing.T) {
	d := decoderFor(column.NewSchema("t", []column.Spec{{Name: "a", Type: "Int8", HasDefault: true}}), false)
	require.ErrorIs(t, d.Add([]byte(`{"b":1}`), 0), record.ErrNoColumn)
	require.NoError(t, d.Add([]byte(`{"a":1}`), 1))
	require.Equal(t, []int{1}, d.blocks[0].Rows)
}

func TestSegmentsOfABlock(t *testing.T) {
	for _, typ := range []string{"LowCardinality(String)", "Array(Array(String))", "Nullable(String)", "FixedString(3)", "String", "Array(LowCardinality(Nullable(String)))"} {
		t.Run(typ, func(t *testing.T) {
			s := column.NewSchema("t", []column.Spec{{Name: "c", Type: typ}})
			d := decoderFor(s, false)
			for i := range 700 {
				text := fmt.Sprintf(`"%d"`, i)
				switch {
				case strings.HasPrefix(typ, "Array(Array"):
					text = fmt.Sprintf(`[["%d"],["x","%d"]]`, i, i)
				case strings.HasPrefix(typ, "Array"):
					text = fmt.Sprintf(`["%d",null]`, i)
				}
				require.NoError(t, d.Add([]byte(`{"c":`+text+`}`), i))
			}
			whole := readBack(t, d.blocks[0], typ)
			target := readPart(t, column.Part{Block: d.blocks[0], From: 300, To: 310}, typ)
			for i := range 10 {
				require.Equal(t, whole.Row(300+i, false), target.Row(i, false))
			}
		})
	}
}

// wide has a column of every kind, each named by one letter.
func wideSchema() *column.Schema {
	var columns []column.Spec
	for i, typ := range []string{
		"Int8", "UInt64", "Int256", "Float32", "Float64", "Decimal(18, 4)", "Decimal(76, 10)", "Bool", "String", "FixedString(4)",
		"Date", "DateTime", "DateTime64(3, 'Europe/Berlin')", "Enum8('a' = 1)", "UUID", "LowCardinality(String)", "Nullable(Int64)", "Array(Nullable(String))",
		"Tuple(a Int8, b String)", "Map(String, Int8)", "Array(Tuple(Int8, Map(String, Array(Int8))))", "Variant(Array(Int8), Int64, String)", "IPv6", "JSON", "Dynamic", "Point",
	} {
		columns = append(columns, column.Spec{Name: string(rune('a' + i)), Type: typ, HasDefault: i%5 == 4})
	}
	return column.NewSchema("w", columns)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(ticks.Record))
	f.Add([]byte(`{"a":1,"b":2,"c":"3e2","d":1.5,"e":"nan","f":1.0001,"g":1e-10,"h":true,"i":"\ud83d\ude00","j":"x","k":"2026-01-01"}`))
	f.Add([]byte(`{"l":"2026-01-01T00:00:00+01:00","m":"2026-03-29 02:30:00","n":"a","o":"61f0c404-5cb3-11e7-907b-a6006ad3dba0","p":"","q":null,"r":["a",null]}`))
	f.Add([]byte(`{"s":{"b":"x"},"t":{"k":1,"l":2},"u":[[1,{"k":[1]}]],"v":[1],"w":"::1","x":{"a":[{}]},"y":1e30,"z":[1,2]}`))
	f.Add([]byte(`{"zz":[{},[],{"a":{"b":"\u0000"}}], "y":-0.0e+1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		none := decoderFor(column.NewSchema("n", []column.Spec{{Name: "\x00", Type: "Int8"}}), false)
		var fault *record.RowError
		err := none.Add(text, 0)
		if err != nil {
			require.ErrorAs(t, err, &fault)
		}
		valid := stdjson.Valid(text) && isObject(text)
		if err == nil {
			require.True(t, valid, "accepted: %q", text)
		} else if valid && plain(text) && none.seen[0] == 0 && (!errors.Is(err, column.ErrDuplicate) || !repeats(t, text)) {
			t.Fatalf("refused: %q: %v", text, err)
		}
		d := decoderFor(wideSchema(), false)
		if err := d.Add(text, 0); err != nil {
			require.ErrorAs(t, err, &fault)
		} else {
			require.True(t, valid, "accepted: %q", text)
		}
		for _, b := range d.blocks {
			for _, c := range b.Columns {
				require.Equal(t, len(b.Rows), c.Len())
			}
		}
	})
}

// repeats reports whether the record has a field twice.
func repeats(t *testing.T, record []byte) bool {
	var distinct map[string]stdjson.RawMessage
	require.NoError(t, stdjson.Unmarshal(record, &distinct))
	fields, dec := 0, stdjson.NewDecoder(bytes.NewReader(record))
	_, err := dec.Token()
	require.NoError(t, err)
	for ; dec.More(); fields++ {
		_, err := dec.Token()
		require.NoError(t, err)
		require.NoError(t, dec.Decode(new(stdjson.RawMessage)))
	}
	return fields > len(distinct)
}

func isObject(record []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(record), " \t\r\n"), "{")
}

// plain: nothing in the record that encoding/json repairs and we refuse.
func plain(record []byte) bool {
	return utf8.Valid(record) && !strings.Contains(strings.ToLower(string(record)), `\ud`) && strings.Count(string(record), "[")+strings.Count(string(record), "{") < maxDepth
}

func TestDecodingATickAllocatesNothing(t *testing.T) {
	d := decoderFor(ticks.Schema(), false)
	record := []byte(ticks.Record)
	for i := range 1000 {
		require.NoError(t, d.Add(record, i))
	}
	got := testing.AllocsPerRun(500, func() {
		d.blocks[0].Reset()
		if err := d.Add(record, 0); err != nil {
			t.Fatal(err)
		}
	})
	// The dictionary's zero value is keyed anew after a reset.
	require.LessOrEqual(t, got, 1.0)
}

func TestNestedFromAnArrayOfObjects(t *testing.T) {
	s := column.NewSchema("t", []column.Spec{{Name: "id", Type: "UInt8"}, {Name: "l.price", Type: "Array(Float64)"}, {Name: "l.qty", Type: "Array(UInt8)"}})
	d := decoderFor(s, false)
	for i, record := range []string{
		`{"id":1,"l":[{"price":1.5,"qty":1},{"qty":2,"price":2.5,"x":0}]}`, `{"l":[],"id":2}`, `{"id":3,"l.price":[9],"l.qty":[9]}`,
	} {
		require.NoError(t, d.Add([]byte(record), i))
	}
	b := d.blocks[0]
	for i, want := range []int{2, 0, 1} {
		require.Equal(t, want, b.Columns[1].(*column.Array).LenAt(i))
		require.Equal(t, want, b.Columns[2].(*column.Array).LenAt(i))
	}
	require.Equal(t, []float64{1.5, 2.5, 9}, b.Columns[1].(*column.Array).Elem.(*column.Fixed[float64]).Values())
	for record, want := range map[string]string{
		`{"l":[{"price":1,"qty":1},{"price":2}]}`:                 "element 1 lacks it",
		`{"l":[{"price":1,"qty":300}]}`:                           "out of range",
		`{"l":[{"price":1,"qty":1,"qty":1}]}`:                     "the field is given twice",
		`{"l":[1]}`:                                               "element 0: a number where an object is expected",
		`{"l":{"price":[1],"qty":[1]}}`:                           "an object where an array of objects is expected",
		`{"l":[{"price":1,"qty":1}],"l.qty":[1],"l.price":[1]}`:   "the field is given twice",
		`{"l":[{"price":1,"qty":1},{"price":1,"qty":1}],"id":-1}`: "out of range",
	} {
		require.ErrorContains(t, d.Add([]byte(record), 0), want, record)
		require.Equal(t, 3, b.Columns[1].Len())
		require.Equal(t, 3, b.Columns[1].(*column.Array).Elem.Len(), record)
		require.Equal(t, 3, b.Columns[2].(*column.Array).Elem.Len(), record)
	}
}

// What stands for nothing is told, and refused where that is wished.
func TestRecordsThatMatchNothing(t *testing.T) {
	s := column.NewSchema("t", []column.Spec{
		{Name: "id", Type: "UInt8"},
		{Name: "n", Type: "Nullable(Int8)"},
		{Name: "l", Type: "LowCardinality(Nullable(String))"},
		{Name: "d", Type: "UInt8", HasDefault: true},
		{Name: "t", Type: "Tuple(a UInt8, b Nullable(UInt8))", HasDefault: true},
	})
	d := decoderFor(s, false)
	for i, text := range []string{`{}`, `{"ID":1}`, `{"id":1}`, `{"n":null}`} {
		require.NoError(t, d.Add([]byte(text), i))
	}
	require.Equal(t, 2, d.Hollow())
	require.Positive(t, d.Size())
	d.Release()
	require.Zero(t, d.Hollow())

	d = NewDecoder(Config{Schema: s, RejectMissing: true, NewBlock: func() (*column.Block, error) { return column.NewBlock(s, strictTimes) }})
	for text, want := range map[string]string{
		`{}`:                     "no field that is a column of the table",
		`{"ID":1}`:               "no field that is a column of the table",
		`{"n":1}`:                `column "id": the record lacks it, and the column has neither a default nor null`,
		`{"id":1,"t":{"b":1}}`:   `"a": the object lacks it`,
		`{"id":1,"t":{"a":1}}`:   "",
		`{"id":1}`:               "",
		`{"id":1,"d":2,"l":"x"}`: "",
	} {
		if err := d.Add([]byte(text), 0); want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want, text)
		}
	}
	require.Zero(t, d.Hollow())
}

// A column that takes an object as it stands takes all of its fields, however deep
// other columns look into it.
func TestNoFieldOfAWholeObjectIsUnknown(t *testing.T) {
	s := column.NewSchema("t", []column.Spec{{Name: "a", Type: "UInt8"}, {Name: "all", Type: "String"}, {Name: "z", Type: "UInt8"}})
	sources := map[string]record.Source{"a": {Path: []string{"q", "p", "a"}}, "all": {Path: []string{}}, "z": {Path: []string{"q", "z"}}}
	d := NewDecoder(Config{Schema: s, Sources: sources, RejectUnknown: true, NewBlock: func() (*column.Block, error) { return column.NewBlock(s, strictTimes) }})
	require.NoError(t, d.Add([]byte(`{"x":1,"q":{"y":1,"p":{"a":2,"b":3},"z":4}}`), 0))
	sources["all"] = record.Source{Path: []string{"q"}}
	d = NewDecoder(Config{Schema: s, Sources: sources, RejectUnknown: true, NewBlock: func() (*column.Block, error) { return column.NewBlock(s, strictTimes) }})
	require.NoError(t, d.Add([]byte(`{"q":{"y":1,"p":{"a":2,"b":3},"z":4}}`), 0))
	require.ErrorIs(t, d.Add([]byte(`{"x":1,"q":{"y":1,"p":{"a":2,"b":3},"z":4}}`), 1), record.ErrUnknown)
}
