package clickhouse

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	chproto "github.com/ClickHouse/ch-go/proto"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/stretchr/testify/require"
)

var strictTimes = timeRules{epochDigits: -1}

// decodeOne decodes {"c": text} for one column type and returns what the
// driver's own column then holds.
func decodeOne(t *testing.T, typ, text string, rules timeRules) (any, error) {
	t.Helper()
	s := newSchema("t", []column{{name: "c", typ: typ}})
	d := newDecoder(s, false, func() (*block, error) { return newBlock(s, rules) })
	if err := d.add([]byte(`{"c": `+text+`}`), 0); err != nil {
		require.Zero(t, d.blocks[0].builders[0].len(), "a rejected row leaves no trace")
		return nil, err
	}
	return readBack(t, d.blocks[0], typ).Row(0, false), nil
}

// readBack moves a one-column block into the driver's column.
func readBack(t *testing.T, b *block, typ string) chcolumn.Interface {
	t.Helper()
	target, err := chcolumn.Type(typ).Column("c", &chcolumn.ServerContext{})
	require.NoError(t, err)
	require.NoError(t, segment{block: b, from: 0, to: len(b.rows)}.fill([]chcolumn.Interface{target}))
	require.Equal(t, len(b.rows), target.Rows())
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
		{"DateTime('Europe/Berlin')", `"2026-03-29 02:30:00"`, "no such local time"},
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
	} {
		t.Run(c.typ+" "+c.text, func(t *testing.T) {
			_, err := decodeOne(t, c.typ, c.text, strictTimes)
			var fault *rowError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, "c", fault.column)
			require.ErrorContains(t, err, c.reason)
			require.ErrorContains(t, err, `column "c" (`+c.typ+`)`)
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestTimeRules(t *testing.T) {
	for _, c := range []struct {
		typ, text string
		rules     timeRules
		want      string
	}{
		{"DateTime('UTC')", `"2026-11-23T10:00:00.999999999Z"`, timeRules{truncate: true, epochDigits: -1}, "2026-11-23 10:00:00 +0000 UTC"},
		{"Date", `"2026-11-23T23:30:00-01:00"`, timeRules{truncate: true, epochDigits: -1}, "2026-11-24 00:00:00 +0000 UTC"},
		{"DateTime64(3, 'UTC')", `1700000000123`, timeRules{epochDigits: 3}, "2023-11-14 22:13:20.123 +0000 UTC"},
		{"DateTime64(9, 'UTC')", `1700000000123456789`, timeRules{epochDigits: 9}, "2023-11-14 22:13:20.123456789 +0000 UTC"},
		{"DateTime64(6, 'UTC')", `1700000000.000001`, timeRules{epochDigits: 0}, "2023-11-14 22:13:20.000001 +0000 UTC"},
		{"DateTime64(3, 'UTC')", `-1500`, timeRules{epochDigits: 3}, "1969-12-31 23:59:58.5 +0000 UTC"},
		{"DateTime('UTC')", `1700000000000`, timeRules{epochDigits: 3}, "2023-11-14 22:13:20 +0000 UTC"},
	} {
		got, err := decodeOne(t, c.typ, c.text, c.rules)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, fmt.Sprint(got))
	}
	_, err := decodeOne(t, "DateTime('UTC')", `1700000000001`, timeRules{epochDigits: 3})
	require.ErrorContains(t, err, "loses precision")
}

func tickSchema() *schema {
	return newSchema("ticks", []column{
		{name: "symbol", typ: "LowCardinality(String)"},
		{name: "ts", typ: "DateTime64(9, 'UTC')"},
		{name: "seq", typ: "UInt64"},
		{name: "side", typ: "Enum8('buy' = 1, 'sell' = 2)"},
		{name: "price", typ: "Decimal(18, 8)"},
		{name: "qty", typ: "Float64"},
		{name: "venue", typ: "String"},
	})
}

func decoderFor(s *schema, reject bool) *decoder {
	return newDecoder(s, reject, func() (*block, error) { return newBlock(s, strictTimes) })
}

const tick = `{"symbol":"BTCUSDT","ts":"2026-11-23T10:00:00.123456789Z","seq":9007199254740993,"side":"buy","price":64123.45,"qty":0.25,"venue":"X"}`

func TestMalformedRecordsLeaveNoTrace(t *testing.T) {
	d := decoderFor(tickSchema(), false)
	for i := range len(tick) {
		require.ErrorIs(t, d.add([]byte(tick[:i]), i), errMalformed, tick[:i])
	}
	require.ErrorIs(t, d.add([]byte(tick+"x"), 0), errMalformed)
	require.ErrorIs(t, d.add([]byte(tick+tick), 0), errMalformed)
	require.ErrorIs(t, d.add([]byte(`{"symbol":"`+"\xff"+`"}`), 0), errMalformed)
	require.ErrorIs(t, d.add([]byte(`{"symbol":"\ud800"}`), 0), errMalformed)
	require.ErrorIs(t, d.add([]byte(strings.Repeat("[", 100_000)), 0), errMalformed)
	require.ErrorIs(t, d.add([]byte(`{"x":`+strings.Repeat("[", 100_000)+`}`), 0), errMalformed)
	for _, b := range d.blocks[0].builders {
		require.Zero(t, b.len())
	}
	require.NoError(t, d.add([]byte(tick), 7))
	require.Equal(t, []int{7}, d.blocks[0].rows)
}

func TestDuplicateAndUnknownFields(t *testing.T) {
	d := decoderFor(tickSchema(), false)
	require.ErrorIs(t, d.add([]byte(`{"seq":1,"seq":1}`), 0), errDuplicate)
	require.ErrorIs(t, d.add([]byte(`{"seq":1,"s\u0065q":1}`), 0), errDuplicate)
	require.NoError(t, d.add([]byte(`{"nothing":{"a":[1,2]},"seq":1}`), 0))
	d = decoderFor(tickSchema(), true)
	err := d.add([]byte(`{"seq":1,"nothing":1}`), 0)
	require.ErrorIs(t, err, errUnknown)
	require.EqualError(t, err, `column "nothing": no column of that name`)
}

func TestFieldOrderMayChange(t *testing.T) {
	d := decoderFor(tickSchema(), false)
	for i, record := range []string{
		`{"seq":1,"venue":"a"}`, `{"venue":"b","seq":2}`, `{"x":1,"seq":3,"venue":"c"}`, `{"\u0073eq":4,"venue":"d"}`,
	} {
		require.NoError(t, d.add([]byte(record), i))
	}
	b := d.blocks[0]
	require.Equal(t, []uint64{1, 2, 3, 4}, b.builders[2].(*fixed[uint64]).values)
	require.Equal(t, []string{"a", "b", "c", "d"}, b.builders[6].(*stringColumn).values)
}

func TestMissingFields(t *testing.T) {
	s := newSchema("t", []column{
		{name: "id", typ: "UInt64"},
		{name: "n", typ: "Nullable(Int64)"},
		{name: "side", typ: "Enum8('buy' = 5, 'sell' = 6)"},
		{name: "at", typ: "DateTime", hasDefault: true},
		{name: "src", typ: "String", hasDefault: true},
	})
	d := decoderFor(s, false)
	for i, record := range []string{
		`{"id":0,"at":1,"src":"a"}`, `{"id":1,"src":"b"}`, `{"id":2,"at":1,"src":"a"}`, `{"id":3}`, `{"id":4,"src":"c"}`,
	} {
		require.NoError(t, d.add([]byte(record), i))
	}
	got := map[string][]int{}
	for _, b := range d.blocks {
		got[b.statement()] = b.rows
		for i, c := range b.builders {
			require.Equal(t, len(b.rows), c.len(), "column %d", i)
		}
	}
	require.Equal(t, map[string][]int{
		"INSERT INTO `t`(`id`,`n`,`side`,`at`,`src`)": {0, 2},
		"INSERT INTO `t`(`id`,`n`,`side`,`src`)":      {1, 4},
		"INSERT INTO `t`(`id`,`n`,`side`)":            {3},
	}, got)
	require.Equal(t, []byte{1, 1}, d.blocks[0].builders[1].(*nullableColumn).nulls)
	require.Equal(t, []int8{5, 5}, d.blocks[0].builders[2].(*fixed[int8]).values)
}

func TestARowOfDefaultsAloneIsRefused(t *testing.T) {
	d := decoderFor(newSchema("t", []column{{name: "a", typ: "Int8", hasDefault: true}}), false)
	require.ErrorIs(t, d.add([]byte(`{"b":1}`), 0), errNoColumn)
	require.NoError(t, d.add([]byte(`{"a":1}`), 1))
	require.Equal(t, []int{1}, d.blocks[0].rows)
}

func TestSegmentsOfABlock(t *testing.T) {
	for _, typ := range []string{"LowCardinality(String)", "Array(Array(String))", "Nullable(String)", "FixedString(3)", "String", "Array(LowCardinality(Nullable(String)))"} {
		t.Run(typ, func(t *testing.T) {
			s := newSchema("t", []column{{name: "c", typ: typ}})
			d := decoderFor(s, false)
			for i := range 700 {
				text := fmt.Sprintf(`"%d"`, i)
				switch {
				case strings.HasPrefix(typ, "Array(Array"):
					text = fmt.Sprintf(`[["%d"],["x","%d"]]`, i, i)
				case strings.HasPrefix(typ, "Array"):
					text = fmt.Sprintf(`["%d",null]`, i)
				}
				require.NoError(t, d.add([]byte(`{"c":`+text+`}`), i))
			}
			whole := readBack(t, d.blocks[0], typ)
			target, err := chcolumn.Type(typ).Column("c", &chcolumn.ServerContext{})
			require.NoError(t, err)
			require.NoError(t, segment{block: d.blocks[0], from: 300, to: 310}.fill([]chcolumn.Interface{target}))
			require.Equal(t, 10, target.Rows())
			for i := range 10 {
				require.Equal(t, whole.Row(300+i, false), target.Row(i, false))
			}
			// What the driver sends is what it was given.
			var buf chproto.Buffer
			target.Encode(&buf)
			require.NotEmpty(t, buf.Buf)
		})
	}
}

func TestSchemaChangeIsNoticed(t *testing.T) {
	s := newSchema("t", []column{{name: "c", typ: "Int8"}})
	d := decoderFor(s, false)
	require.NoError(t, d.add([]byte(`{"c":1}`), 0))
	for _, c := range []struct{ name, typ string }{{"c", "Int16"}, {"d", "Int8"}} {
		target, err := chcolumn.Type(c.typ).Column(c.name, &chcolumn.ServerContext{})
		require.NoError(t, err)
		err = segment{block: d.blocks[0], from: 0, to: 1}.fill([]chcolumn.Interface{target})
		require.ErrorIs(t, err, errSchemaChanged)
		require.Equal(t, schemaFault, classify(err))
	}
}

func TestUnsupportedType(t *testing.T) {
	_, err := newBlock(newSchema("t", []column{{name: "m", typ: "Map(String, String)"}}), strictTimes)
	require.EqualError(t, err, `column "m" of table "t": type Map(String, String) is not supported; leave it out with clickhouse.columns, or change the table`)
}

func TestFloatsRoundAsTheStandardLibraryDoes(t *testing.T) {
	for _, text := range []string{"0.1", "9007199254740993", "9007199254740991e22", "1e23", "123456.789e-22", "4.35", "-0", "5e-324", "1.7976931348623157e308"} {
		var want float64
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		got, err := parseFloat64([]byte(text))
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(want), math.Float64bits(got), text)
	}
}

// wide has a column of every kind, each named by one letter.
func wideSchema() *schema {
	var columns []column
	for i, typ := range []string{
		"Int8", "UInt64", "Int256", "Float32", "Float64", "Decimal(18, 4)", "Decimal(76, 10)", "Bool", "String", "FixedString(4)",
		"Date", "DateTime", "DateTime64(3, 'Europe/Berlin')", "Enum8('a' = 1)", "UUID", "LowCardinality(String)", "Nullable(Int64)", "Array(Nullable(String))",
	} {
		columns = append(columns, column{name: string(rune('a' + i)), typ: typ, hasDefault: i%5 == 4})
	}
	return newSchema("w", columns)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(tick))
	f.Add([]byte(`{"a":1,"b":2,"c":"3e2","d":1.5,"e":"nan","f":1.0001,"g":1e-10,"h":true,"i":"\ud83d\ude00","j":"x","k":"2026-01-01"}`))
	f.Add([]byte(`{"l":"2026-01-01T00:00:00+01:00","m":"2026-03-29 02:30:00","n":"a","o":"61f0c404-5cb3-11e7-907b-a6006ad3dba0","p":"","q":null,"r":["a",null]}`))
	f.Add([]byte(`{"z":[{},[],{"a":{"b":"\u0000"}}], "y":-0.0e+1}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		none := decoderFor(newSchema("n", []column{{name: "\x00", typ: "Int8"}}), false)
		var fault *rowError
		err := none.add(record, 0)
		if err != nil {
			require.ErrorAs(t, err, &fault)
		}
		valid := json.Valid(record) && isObject(record)
		if err == nil {
			require.True(t, valid, "accepted: %q", record)
		} else if valid && plain(record) && none.seen[0] == 0 {
			t.Fatalf("refused: %q: %v", record, err)
		}
		d := decoderFor(wideSchema(), false)
		if err := d.add(record, 0); err != nil {
			require.ErrorAs(t, err, &fault)
		} else {
			require.True(t, valid, "accepted: %q", record)
		}
		for _, b := range d.blocks {
			for _, c := range b.builders {
				require.Equal(t, len(b.rows), c.len())
			}
		}
	})
}

func isObject(record []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(record), " \t\r\n"), "{")
}

// plain: nothing in the record that encoding/json repairs and we refuse.
func plain(record []byte) bool {
	return utf8.Valid(record) && !strings.Contains(strings.ToLower(string(record)), `\ud`) && strings.Count(string(record), "[")+strings.Count(string(record), "{") < maxDepth
}

func BenchmarkDecodeTick(b *testing.B) {
	const rows = 10_000
	records := make([][]byte, rows)
	size := 0
	for i := range records {
		records[i] = fmt.Appendf(nil, `{"symbol":"SYM%d","ts":"2026-11-23T10:00:00.%09dZ","seq":%d,"side":"buy","price":64123.%02d,"qty":0.%04d,"venue":"X"}`,
			i%100, i*1000, i+9007199254740993, i%100, i)
		size += len(records[i])
	}
	d := decoderFor(tickSchema(), false)
	b.SetBytes(int64(size / rows))
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		if n%rows == 0 && len(d.blocks) > 0 {
			d.blocks[0].reset()
		}
		if err := d.add(records[n%rows], n); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDecodingATickAllocatesNothing(t *testing.T) {
	d := decoderFor(tickSchema(), false)
	record := []byte(tick)
	for i := range 1000 {
		require.NoError(t, d.add(record, i))
	}
	got := testing.AllocsPerRun(500, func() {
		d.blocks[0].reset()
		if err := d.add(record, 0); err != nil {
			t.Fatal(err)
		}
	})
	// The dictionary's zero value is keyed anew after a reset.
	require.LessOrEqual(t, got, 1.0)
}
