package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// manyTypes are types and expressions of them over a number. The driver does
// not know all of them.
var manyTypes = []struct{ typ, expr string }{
	{"Int8", "number - 3"},
	{"Int16", "number - 300"},
	{"Int32", "-number"},
	{"Int64", "-number"},
	{"Int128", "-number"},
	{"Int256", "-number"},
	{"UInt8", "number"},
	{"UInt16", "number"},
	{"UInt32", "number"},
	{"UInt64", "number"},
	{"UInt128", "number"},
	{"UInt256", "number"},
	{"Float32", "number / 2"},
	{"Float64", "number / 2"},
	{"BFloat16", "number / 2"},
	{"Decimal(9, 2)", "number"},
	{"Decimal(18, 8)", "number"},
	{"Decimal(38, 10)", "number"},
	{"Decimal(76, 20)", "number"},
	{"Bool", "number % 2"},
	{"String", "repeat('x', number * 50)"},
	{"FixedString(5)", "toString(number)"},
	{"Date", "number"},
	{"Date32", "toDate32('1925-01-01') + number"},
	{"DateTime", "number"},
	{"DateTime('Europe/Berlin')", "number"},
	{"DateTime64(9, 'UTC')", "number"},
	{"Time", "toTime('10:00:00')"},
	{"Time64(6)", "toTime64('10:00:00.5', 6)"},
	{"IntervalSecond", "toIntervalSecond(number)"},
	{"Enum8('buy' = 1, 'it''s) (' = 2)", "1 + number % 2"},
	{"Enum16('a' = 1, 'b' = 1000)", "if(number % 2, 'a', 'b')"},
	{"UUID", "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')"},
	{"IPv4", "'127.0.0.1'"},
	{"IPv6", "'::1'"},
	{"Nullable(Int64)", "if(number % 2, NULL, number)"},
	{"Nullable(String)", "if(number % 2, NULL, 'x')"},
	{"Nullable(Nothing)", "NULL"},
	{"LowCardinality(String)", "toString(number % 3)"},
	{"LowCardinality(Nullable(String))", "if(number % 2, NULL, toString(number % 3))"},
	{"LowCardinality(FixedString(2))", "'ab'"},
	{"Array(Int64)", "range(number)"},
	{"Array(Array(String))", "arrayMap(x -> arrayMap(y -> toString(y), range(x)), range(number % 5))"},
	{"Array(Nullable(Float64))", "[1.5, NULL]"},
	{"Array(LowCardinality(String))", "arrayMap(x -> toString(x % 2), range(number))"},
	{"Array(LowCardinality(Nullable(String)))", "[NULL, 'x']"},
	{"Array(Nothing)", "[]"},
	{"Tuple()", "tuple()"},
	{"Tuple(Int8, String)", "(number, 'x')"},
	{"Tuple(a Int8, `b c)` Tuple(Nullable(String), LowCardinality(String)))", "(number, (NULL, 'x'))"},
	{"Nested(a Int8, b Array(String))", "[(1, ['x']), (2, [])]"},
	{"Map(String, UInt64)", "map('a', number)"},
	{"Map(LowCardinality(String), Array(Nullable(Int8)))", "map('a', [1, NULL])"},
	{"Map(String, Map(String, LowCardinality(String)))", "map('a', map('b', 'c'))"},
	{"SimpleAggregateFunction(sum, UInt64)", "number"},
	{"SimpleAggregateFunction(groupArrayArray, Array(String))", "['x']"},
	{"Point", "(1.5, number)"},
	{"Ring", "[(0, 0), (1, number)]"},
	{"LineString", "[(0, 0), (1, number)]"},
	{"Polygon", "[[(0, 0), (1, number)]]"},
	{"MultiLineString", "[[(0, 0), (1, number)]]"},
	{"MultiPolygon", "[[[(0, 0), (1, number)]]]"},
	{"Geometry", "(1.5, number)::Point::Geometry"},
	{"Variant(Bool, Float64, Int64, String)", "multiIf(number % 3 = 0, 'x'::Variant(Bool, Float64, Int64, String), number % 3 = 1, 1.5, NULL)"},
	{"Array(Variant(Array(String), LowCardinality(String), UInt8))", "[NULL, ['a', 'b'], 7]"},
	{"QBit(Float32, 9)", "[1, 2, 3, 4, 5, 6, 7, 8, number]"},
	{"QBit(BFloat16, 3)", "[1, 2, number]"},
	{"Dynamic", "multiIf(number % 4 = 0, 'x'::Dynamic, number % 4 = 1, number::Dynamic, number % 4 = 2, ['a', NULL]::Array(LowCardinality(Nullable(String)))::Dynamic, NULL)"},
	{"Dynamic(max_types=1)", "multiIf(number % 3 = 0, 'x'::Dynamic(max_types=1), number % 3 = 1, number::Dynamic(max_types=1), [number]::Dynamic(max_types=1))"},
	{"Array(Dynamic)", "arrayMap(x -> if(x % 2, NULL, x)::Dynamic, range(number % 3))"},
	{"JSON", `format('{{"a":{0},"b":{{"c":["x",{0}]}},"z{1}":1.5}}', toString(number), toString(number % 3))`},
	{"JSON(max_dynamic_paths=1, t.`u v` Array(UInt8), a LowCardinality(String), SKIP q, SKIP REGEXP 'b.*')",
		`format('{{"a":"{0}","t":{{"u v":[1,2]}},"z{1}":1.5,"y":"{0}"}}', toString(number), toString(number % 3))`},
	{"Nullable(JSON)", `if(number % 2, NULL, '{"a":1}')`},
	{"Array(JSON)", `arrayMap(x -> '{"a":1,"b":[{"c":1},{"d":null}]}'::JSON, range(number % 3))`},
	{"Tuple(j JSON, d Dynamic, v Variant(UInt8, String))", `('{"a":1}', number, 'x')`},
	{"Map(String, JSON)", `map('x', '{"a":1}'::JSON)`},
}

// columnList are manyTypes as expressions with names.
func columnList() []string {
	var list []string
	for i, c := range manyTypes {
		list = append(list, fmt.Sprintf("CAST(%s, %s) AS c%d", c.expr, quote(c.typ), i))
	}
	return list
}

// selectTypes asks for many types.
func selectTypes(list, settings string, rows int) string {
	return fmt.Sprintf("SELECT %s FROM numbers(%d) SETTINGS allow_suspicious_low_cardinality_types = 1, %s FORMAT Native", list, rows, settings)
}

// post asks the engine over HTTP.
func post(t *testing.T, ch stack.ClickHouse, params url.Values, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ch.HTTPAddr()+"/?"+params.Encode(), strings.NewReader(body))
	require.NoError(t, err)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s\n%s", body, data)
	return data
}

// nativeSettings are the ways in which the engine writes what has several.
var nativeSettings = []string{
	"max_block_size = 7",
	"output_format_native_write_json_as_string = 1",
	"output_format_native_use_flattened_dynamic_and_json_serialization = 1",
}

// What the engine writes is walked to its very end, and the wire's form of it
// becomes the engine's own again.
func TestEveryTypeIsWalked(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindChDB)
	for _, settings := range nativeSettings {
		roundTrip(t, post(t, ch, nil, selectTypes(strings.Join(columnList(), ", "), settings, 20)), "all types")
		for _, c := range columnList() { // each alone, for one that is wrong is hard to find among all
			roundTrip(t, post(t, ch, nil, selectTypes(c, settings, 20)), c)
		}
	}
}

// roundTrip takes the engine's blocks to the wire and back.
func roundTrip(t *testing.T, data []byte, what string) {
	t.Helper()
	var wire bytes.Buffer
	var blocks int
	require.NoError(t, toWire(data, func(b wireBlock) error {
		blocks++
		wire.Write(b.data)
		return nil
	}), what)
	require.NotZero(t, blocks, what)
	var back bytes.Buffer
	in := bufio.NewReader(&wire)
	for range blocks {
		_, _, err := fromWire(in, &back)
		require.NoError(t, err, what)
	}
	_, err := in.Peek(1)
	require.ErrorIs(t, err, io.EOF, what)
	require.True(t, bytes.Equal(data, back.Bytes()), what)
}

// The engine's own random data of many types, nested in one another.
func TestRandomBlocksAreWalked(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindChDB)
	for seed := range 20 {
		structure := "a Array(Tuple(x LowCardinality(Nullable(String)), y Map(String, Array(Nullable(Decimal(38, 5)))))), b Nullable(FixedString(3)), " +
			"c Array(Array(LowCardinality(String))), d Tuple(p Enum8('a' = 1, 'b' = 2), q DateTime64(3)), e Map(LowCardinality(String), Tuple(UUID, IPv6)), " +
			"f Array(Float32), g Tuple(IPv4, DateTime64(3), Nullable(Bool)), h Map(String, Map(UInt8, Array(Date32)))"
		data := post(t, ch, nil, fmt.Sprintf("SELECT * FROM generateRandom('%s', %d, 12, 4) LIMIT 300 SETTINGS max_block_size = 100 FORMAT Native",
			strings.ReplaceAll(structure, "'", "\\'"), seed))
		roundTrip(t, data, fmt.Sprint("seed ", seed))
	}
}

// A stream that ends anywhere but behind a block is an error.
func TestABlockThatIsCutIsAnError(t *testing.T) {
	ch := stack.Shared.ClickHouse(t, stack.KindChDB)
	data := post(t, ch, nil, selectTypes(strings.Join(columnList(), ", "), "max_threads = 1", 3))
	var wire []byte
	require.NoError(t, toWire(data, func(b wireBlock) error {
		wire = append(wire, b.data...)
		return nil
	}))
	for size := range wire {
		_, _, err := fromWire(bytes.NewReader(wire[:size]), io.Discard)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut at %d of %d", size, len(wire))
	}
}

func TestWhatIsNotWalked(t *testing.T) {
	for typ, want := range map[string]string{
		"AggregateFunction(uniq, UInt8)": "no known extent",
		"Tuple(a NoSuchType)":            "no known extent",
		"FixedString":                    "needs 1 arguments",
		"Map(String)":                    "",
	} {
		_, err := columnOf(typ)
		if want == "" {
			assert.NoError(t, err, typ)
			continue
		}
		assert.ErrorContains(t, err, want, typ)
	}
	block := append(emptyBlock(nil).data[:len(blockInfo())], 1, 1)
	block = appendText(appendText(block, "c"), "UInt8")
	_, _, err := fromWire(bytes.NewReader(append(block, 1, 0, 7)), io.Discard)
	assert.ErrorContains(t, err, `column "c" of type UInt8`)
	assert.ErrorIs(t, err, errCustom)
}
