package json

import (
	"bytes"
	"cmp"
	"encoding/binary"
	stdjson "encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Main(m)) }

// current is a current ClickHouse.
func current(t *testing.T) stack.ClickHouse {
	t.Helper()
	return stack.Shared.ClickHouse(t, stack.KindChDB)
}

var tables atomic.Int64

// createTable creates a table of the given columns and returns what it has, as the
// server describes it.
func createTable(t *testing.T, columns string) *column.Schema {
	t.Helper()
	name := fmt.Sprintf("default.j%d", tables.Add(1))
	require.NoError(t, current(t).Exec(t.Context(), "CREATE TABLE "+name+" ("+columns+") ENGINE = MergeTree ORDER BY tuple()"))
	return describe(t, name)
}

func describe(t *testing.T, table string) *column.Schema {
	t.Helper()
	var specs []column.Spec
	for _, row := range ask(t, "DESCRIBE TABLE "+table) {
		if row[2] != "MATERIALIZED" && row[2] != "ALIAS" {
			specs = append(specs, column.Spec{Name: row[0], Type: row[1], HasDefault: row[2] != ""})
		}
	}
	return column.NewSchema(table, specs)
}

func ask(t *testing.T, sql string) [][]string {
	t.Helper()
	rows, err := current(t).Query(t.Context(), sql)
	require.NoError(t, err)
	return rows
}

// nativeBlock is a part as the format Native has it in a file.
func nativeBlock(p column.Part) []byte {
	var n column.Native
	sent := 0
	for i, c := range p.Block.Schema.Columns {
		if p.Block.Absent[i] {
			continue
		}
		sent++
		for _, text := range []string{c.Name, c.Type} {
			n.Uvarint(uint64(len(text)))
			n.Add([]byte(text))
		}
		p.Block.Columns[i].State(&n)
		p.Block.Columns[i].Encode(&n, p.From, p.To)
	}
	head := binary.AppendUvarint(nil, uint64(sent))
	head = binary.AppendUvarint(head, uint64(p.To-p.From))
	return append(head, n.Bytes()...)
}

// insert stores a part by the bytes of its columns alone.
func insert(t *testing.T, p column.Part) error {
	t.Helper()
	var names []string
	for i, c := range p.Block.Schema.Columns {
		if !p.Block.Absent[i] {
			names = append(names, "`"+strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(c.Name)+"`")
		}
	}
	return post(t, "INSERT INTO "+p.Block.Schema.Table+" ("+strings.Join(names, ",")+") FORMAT Native", nativeBlock(p))
}

func post(t *testing.T, statement string, body []byte) error {
	t.Helper()
	server := current(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+server.HTTPAddr()+"/?query="+url.QueryEscape(statement), bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("X-ClickHouse-User", server.User())
	request.Header.Set("X-ClickHouse-Key", server.Password())
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("X-ClickHouse-Exception-Code") != "" {
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return nil
}

// store decodes records and stores all of their blocks.
func store(t *testing.T, s *column.Schema, texts ...string) {
	t.Helper()
	d := decoderFor(s, false)
	for i, text := range texts {
		require.NoError(t, d.Add([]byte(text), i), text)
	}
	for _, b := range d.Blocks() {
		require.NoError(t, insert(t, column.Part{Block: b, To: b.Len()}))
	}
}

// What one row has in a dictionary is no matter of another: a server works some
// expressions out for all of a dictionary.
func TestAPartHasTheTextsOfItsRowsAlone(t *testing.T) {
	s := createTable(t, "id UInt8, k LowCardinality(String), n LowCardinality(Nullable(String)), a Array(LowCardinality(String)), m FixedString(3) MATERIALIZED toFixedString(k, 3)")
	d := decoderFor(s, false)
	for i, text := range []string{"a", "b", "long", "c", "d", "a", "e"} {
		require.NoError(t, d.Add(fmt.Appendf(nil, `{"id":%d,"k":%q,"n":%q,"a":["x",%q]}`, i, text, text, text), i))
	}
	b := d.Blocks()[0]
	require.Error(t, insert(t, column.Part{Block: b, To: b.Len()}))
	require.Error(t, insert(t, column.Part{Block: b, From: 2, To: 3}))
	require.NoError(t, insert(t, column.Part{Block: b, From: 0, To: 2}))
	require.NoError(t, insert(t, column.Part{Block: b, From: 3, To: 7}))
	require.Equal(t, [][]string{
		{"0", "a", "a", "['x','a']"},
		{"1", "b", "b", "['x','b']"},
		{"3", "c", "c", "['x','c']"},
		{"4", "d", "d", "['x','d']"},
		{"5", "a", "a", "['x','a']"},
		{"6", "e", "e", "['x','e']"},
	}, ask(t, "SELECT * FROM "+s.Table+" ORDER BY id"))
}

// A record that was refused leaves nothing in a dictionary either.
func TestARefusedRecordLeavesNoTextBehind(t *testing.T) {
	s := createTable(t, "k LowCardinality(String), id UInt8, m FixedString(3) MATERIALIZED toFixedString(k, 3)")
	d := decoderFor(s, false)
	require.NoError(t, d.Add([]byte(`{"k":"a","id":1}`), 0))
	require.Error(t, d.Add([]byte(`{"k":"long","id":300}`), 1))
	b := d.Blocks()[0]
	require.NoError(t, insert(t, column.Part{Block: b, To: b.Len()}))
	require.Equal(t, [][]string{{"1"}}, ask(t, "SELECT id FROM "+s.Table))
}

// The names of a table's types and values may be anything that ClickHouse takes.
func TestOddNames(t *testing.T) {
	s := createTable(t, "e Enum8('it\\'s' = 1, 'a\\\\b' = 2, 'x, y' = 3, '(' = 4, ')' = -5, '' = 6, 'tab\\t' = 7, 'é' = 8, '`' = 9, 'a = 1' = 10), "+
		"t Tuple(`odd name` UInt8, `q\\`uote` String, `new\\nline` Nullable(Enum16(')' = 300)), `select` Tuple(`a.b` Int8)), "+
		"`price (usd)` Float64, `x)` String, n Nested(`a b` UInt8, c Array(String))")
	values := []string{"it's", "a\\\\b", "x, y", "(", ")", "", "tab\\t", "é", "`", "a = 1"}
	var texts []string
	for i, v := range values {
		texts = append(texts, fmt.Sprintf(`{"e":"%s","t":{"odd name":%d,"q`+"`"+`uote":"x","new\nline":")","select":{"a.b":-1}},"price (usd)":%d.5,"x)":"y","n":[{"a b":1,"c":["z"]}]}`, v, i, i))
	}
	store(t, s, texts...)
	rows := ask(t, "SELECT toString(e), t.1, t.2, t.3, t.4.1, `price (usd)`, `x)`, `n.a b`, n.c FROM "+s.Table+" ORDER BY t.1")
	require.Len(t, rows, len(values))
	for i, row := range rows {
		var want string
		require.NoError(t, stdjson.Unmarshal([]byte(`"`+values[i]+`"`), &want))
		require.Equal(t, []string{want, fmt.Sprint(i), "x", ")", "-1", fmt.Sprintf("%d.5", i), "y", "[1]", "[['z']]"}, row)
	}
}

// Arrays that ClickHouse takes for those of one Nested are of one length, or the
// record is at fault, and no other.
func TestArraysOfOneNestedAreOfOneLength(t *testing.T) {
	for _, c := range []struct{ columns, record, want string }{
		{"n Nested(a UInt8, b String)", `{"n.a":[1,2],"n.b":["x","y"]}`, ""},
		{"n Nested(a UInt8, b String)", `{}`, ""},
		{"n Nested(a UInt8, b String)", `{"n.a":[],"n.b":[]}`, ""},
		{"n Nested(a UInt8, b String)", `{"n.a":[1,2],"n.b":["x"]}`, `column "n.b": 1 elements, but 2 are in "n.a": the arrays of one Nested have different lengths`},
		{"n Nested(a UInt8, b String)", `{"n.a":[1],"n.b":["x","y"]}`, `column "n.b": 2 elements, but 1 are in "n.a"`},
		{"n Nested(a UInt8, b String)", `{"n.a":[1,2]}`, `column "n.b": the record lacks it, but 2 are in "n.a"`},
		{"n Nested(a UInt8, b String)", `{"n.b":["x"]}`, `column "n.a": the record lacks it, but 1 are in "n.b"`},
		{"`n.a` Array(UInt8), `n.b` Array(Array(UInt8))", `{"n.a":[1,2],"n.b":[[1,2]]}`, `column "n.b": 1 elements`},
		{"`n.a` Array(UInt8), `n.b` Ring", `{"n.a":[1,2],"n.b":[[1,2]]}`, `column "n.b": 1 elements`},
		{"`n.a` Array(UInt8), `n.b` SimpleAggregateFunction(groupArrayArray, Array(UInt8))", `{"n.a":[1,2],"n.b":[1]}`, `column "n.b": 1 elements`},
		{"`n.x.a` Array(UInt8), `n.y.b` Array(UInt8)", `{"n.x.a":[1,2],"n.y.b":[1]}`, `column "n.y.b": 1 elements`},
		{"`.a` Array(UInt8), `.b` Array(UInt8)", `{".a":[1,2],".b":[1]}`, ""},
		{"`na` Array(UInt8), `nb` Array(UInt8)", `{"na":[1,2],"nb":[1]}`, ""},
		{"`n.a` Array(UInt8), `n.b` Array(UInt8) DEFAULT arrayMap(v -> v + 1, `n.a`)", `{"n.a":[1,2]}`, ""},
		{"`n.a` Array(UInt8), `n.b` Array(UInt8) DEFAULT emptyArrayUInt8()", `{"n.a":[1,2],"n.b":[1]}`, `column "n.b": 1 elements`},
	} {
		s := createTable(t, "id UInt8 DEFAULT 1, "+c.columns)
		d := decoderFor(s, false)
		record := []byte(strings.Replace(strings.Replace(c.record, "{", `{"id":1,`, 1), ",}", "}", 1))
		require.NoError(t, d.Add([]byte(`{"id":0}`), 0))
		if err := d.Add(record, 1); c.want != "" {
			require.ErrorContains(t, err, c.want, c.record)
			// The engine itself refuses it too.
			require.ErrorContains(t, post(t, "INSERT INTO "+s.Table+" FORMAT JSONEachRow", record), "SIZES_OF_ARRAYS_DONT_MATCH", c.record)
		} else {
			require.NoError(t, err, c.record)
		}
		for _, b := range d.Blocks() {
			require.NoError(t, insert(t, column.Part{Block: b, To: b.Len()}), c.record)
		}
	}
}

// Local times that a change of the clocks skips, or that happen twice, are stored
// as the engine stores them: every quarter of an hour around every change, and of
// days without one.
func TestLocalTimes(t *testing.T) {
	years := []int{1965, 1974, 1991, 1996, 2005, 2011, 2016, 2024, 2026}
	for _, name := range []string{
		"Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "America/New_York", "America/Sao_Paulo", "America/Santiago", "America/Havana", "America/St_Johns",
		"America/Asuncion", "Asia/Tehran", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Gaza", "Asia/Beirut", "Asia/Amman", "Asia/Pyongyang", "Africa/Cairo", "Africa/Casablanca",
		"Africa/Monrovia", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Chatham", "Antarctica/Troll", "Atlantic/Azores", "Etc/GMT+5",
	} {
		loc, err := time.LoadLocation(name)
		require.NoError(t, err)
		var texts []string
		for _, year := range years {
			at := time.Date(year, 1, 1, 12, 0, 0, 0, loc)
			texts = append(texts, quartersOf(at)...)
			for end := time.Date(year+1, 1, 1, 0, 0, 0, 0, loc); ; {
				_, next := at.ZoneBounds()
				if next.IsZero() || next.After(end) {
					break
				}
				for _, apart := range []time.Duration{-24 * time.Hour, -time.Hour, 0, 24 * time.Hour} {
					texts = append(texts, quartersOf(next.Add(apart))...)
				}
				at = next
			}
		}
		slices.Sort(texts)
		texts = slices.Compact(texts)
		var want [][]string
		for some := range slices.Chunk(texts, 10_000) {
			want = append(want, ask(t, "SELECT x, toUnixTimestamp64Second(toDateTime64(x, 0, '"+name+"')) FROM (SELECT arrayJoin(['"+strings.Join(some, "','")+"']) AS x)")...)
		}
		require.Len(t, want, len(texts))
		d := decoderFor(column.NewSchema("t", []column.Spec{{Name: "c", Type: "DateTime64(0, '" + name + "')"}}), false)
		for i, row := range want {
			require.NoError(t, d.Add([]byte(`{"c":"`+row[0]+`"}`), i))
		}
		for i, got := range d.Blocks()[0].Columns[0].(*column.Fixed[int64]).Values() {
			assert.Equal(t, want[i][1], fmt.Sprint(got), "%s in %s", want[i][0], name)
		}
	}
}

// quartersOf are the texts of a local day's times, each quarter of an hour and a
// second before it.
func quartersOf(at time.Time) (texts []string) {
	day := at.Format(time.DateOnly)
	for minutes := range 24 * 4 {
		texts = append(texts, fmt.Sprintf("%s %02d:%02d:00", day, minutes/4, minutes%4*15), fmt.Sprintf("%s %02d:%02d:59", day, minutes/4, minutes%4*15+14))
	}
	return texts
}

// withDefaults asks the server for the value of every default that is a constant.
func withDefaults(t *testing.T, s *column.Schema) *column.Schema {
	t.Helper()
	specs := slices.Clone(s.Columns)
	for i, row := range ask(t, "SELECT name, type, default_expression FROM system.columns WHERE database || '.' || table = '"+s.Table+"' AND default_kind IN ('', 'DEFAULT', 'EPHEMERAL') ORDER BY position") {
		require.Equal(t, specs[i].Name, row[0])
		if column.IsConstant(row[2]) {
			specs[i].Default = ask(t, "SELECT toJSONString(CAST("+row[2]+", '"+strings.ReplaceAll(row[1], "'", "\\'")+"')) SETTINGS date_time_output_format = 'iso', output_format_json_quote_denormals = 1")[0][0]
		}
	}
	return column.NewSchema(s.Table, specs)
}

// Records that lack fields in many ways go into one INSERT if the defaults are
// constants, and get what the server gives.
func TestConstantDefaults(t *testing.T) {
	columns := "id UInt32, a UInt8 DEFAULT 7, b String DEFAULT 'it\\'s', c DateTime DEFAULT '2026-11-23 10:00:00', d DateTime64(3, 'Asia/Tokyo') DEFAULT toDateTime64('2026-11-23 10:00:00.5', 3, 'Asia/Tokyo'), " +
		"e Array(String) DEFAULT ['x', 'y'], f Enum8('p' = 1, 'q' = 2) DEFAULT 'q', g Decimal(18, 4) DEFAULT -1.5, h Nullable(Int64) DEFAULT 9007199254740993, i Bool DEFAULT true, " +
		"j Float64 DEFAULT nan, k LowCardinality(String) DEFAULT 'k', l Map(String, UInt8) DEFAULT map('a', 1), m UUID DEFAULT '61f0c404-5cb3-11e7-907b-a6006ad3dba0', n UInt32 DEFAULT id * 2"
	ours, theirs := createTable(t, columns), createTable(t, columns)
	d := decoderFor(withDefaults(t, ours), false)
	given := map[string]string{
		"a": "1", "b": `"b"`, "c": `"2020-01-01 00:00:00"`, "d": `"2020-01-01 00:00:00"`, "e": "[]", "f": `"p"`, "g": "2", "h": "null", "i": "false", "j": "0.5", "k": `""`, "l": "{}",
		"m": `"00000000-0000-0000-0000-000000000001"`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []byte
	for id := range 2000 {
		record := fmt.Appendf(nil, `{"id":%d`, id)
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if random.IntN(2) == 0 {
				record = fmt.Appendf(record, ",%q:%s", name, given[name])
			}
		}
		record = append(record, '}')
		require.NoError(t, d.Add(record, id))
		all = append(append(all, record...), '\n')
	}
	require.Len(t, d.Blocks(), 1, "n alone is left to the server")
	b := d.Blocks()[0]
	require.NoError(t, insert(t, column.Part{Block: b, To: b.Len()}))
	require.NoError(t, post(t, "INSERT INTO "+theirs.Table+" FORMAT JSONEachRow", all))
	require.Equal(t, ask(t, "SELECT * FROM "+theirs.Table+" ORDER BY id"), ask(t, "SELECT * FROM "+ours.Table+" ORDER BY id"))
}

// Every type that has come late is stored as the engine reads the same record.
func TestLateTypes(t *testing.T) {
	for _, c := range []struct{ typ, json string }{
		{"Time", `"15:04:05"`},
		{"Time", `"-999:59:59"`},
		{"Time", `"000:00:00"`},
		{"Time", `3723`},
		{"Time64(3)", `"15:04:05.125"`},
		{"Time64(9)", `"-100:00:00.000000001"`},
		{"Time64(0)", `"1:02:03"`},
		{"Nullable(Time64(6))", `null`},
		{"Array(Time)", `["00:00:01"]`},
		{"BFloat16", `1.5`},
		{"BFloat16", `-64123.45`},
		{"BFloat16", `0.1`},
		{"BFloat16", `3.3895314e38`},
		{"Array(BFloat16)", `[1,2.71828]`},
		{"Nullable(JSON)", `null`},
		{"Nullable(JSON)", `{"a":{"b":[1,"x"]},"c":1.5}`},
		{"JSON(a.b UInt32, SKIP c)", `{"a":{"b":7},"c":1,"d":"x"}`},
		{"Array(JSON)", `[{"a":1},{"b":[{}]},{}]`},
		{"Array(JSON)", `[]`},
		{"Tuple(a JSON, b UInt8)", `{"a":{"x":1},"b":2}`},
		{"Map(String, JSON)", `{"k":{"x":1},"l":{}}`},
		{"Array(Array(JSON))", `[[{"a":1}],[]]`},
		{"Dynamic", `"x"`},
		{"Dynamic(max_types=3)", `7`},
		{"Array(Dynamic)", `[1,"x",true,null,1.5]`},
		{"Array(Dynamic)", `[]`},
		{"Tuple(Dynamic, Array(Dynamic))", `["x",[1,2]]`},
		{"Map(String, Dynamic)", `{"k":1,"l":"x"}`},
		{"Array(Variant(Array(String), String, UInt8))", `[["x"],"y",1,null]`},
		{"Tuple(a Nullable(String), b LowCardinality(Nullable(String)), c Map(LowCardinality(String), Array(JSON)))", `{"a":"x","b":null,"c":{"k":[{"z":1}]}}`},
	} {
		settings := " SETTINGS enable_time_time64_type = 1"
		require.NoError(t, current(t).Exec(t.Context(), "SELECT 1"+settings))
		name := fmt.Sprintf("default.j%d", tables.Add(2))
		for _, table := range []string{name, name + "_theirs"} {
			require.NoError(t, post(t, "CREATE TABLE "+table+" (id UInt8, c "+c.typ+") ENGINE = MergeTree ORDER BY id"+settings, nil), c.typ)
		}
		record := `{"id":1,"c":` + c.json + `}`
		s := describe(t, name)
		d := decoderFor(s, false)
		require.NoError(t, d.Add([]byte(record), 0), c.typ)
		require.NoError(t, d.Add([]byte(`{"id":2,"c":`+c.json+`}`), 0), c.typ)
		require.NoError(t, insert(t, column.Part{Block: d.Blocks()[0], To: 1}), "%s %s", c.typ, c.json)
		require.NoError(t, insert(t, column.Part{Block: d.Blocks()[0], From: 1, To: 2}), "%s %s", c.typ, c.json)
		require.NoError(t, post(t, "INSERT INTO "+name+"_theirs FORMAT JSONEachRow", []byte(record+`{"id":2,"c":`+c.json+`}`)))
		require.Equal(t, ask(t, "SELECT * FROM "+name+"_theirs ORDER BY id"), ask(t, "SELECT * FROM "+name+" ORDER BY id"), "%s %s", c.typ, c.json)
	}
}

func TestLateTypesAreStrict(t *testing.T) {
	for _, c := range []struct{ typ, json, want string }{
		{"Time", `"15:04"`, "not a time of the day"},
		{"Time", `"1000:00:00"`, "not a time of the day"},
		{"Time", `"15:60:00"`, "not a time of the day"},
		{"Time", `"15:04:05.5"`, "loses precision"},
		{"Time", `3600000`, "out of range"},
		{"Time", `1.5`, "loses precision"},
		{"Time", `null`, "not Nullable"},
		{"Time64(3)", `"15:04:05.1234"`, "loses precision"},
		{"Time64(3)", `5`, "a number where"},
		{"BFloat16", `1e39`, "out of range"},
		{"BFloat16", `"x"`, "not a number"},
	} {
		_, err := decoded(c.typ, c.json)
		require.ErrorContains(t, err, c.want, "%s %s", c.typ, c.json)
	}
	_, err := column.New("AggregateFunction(sum, UInt64)", strictTimes)
	require.ErrorContains(t, err, "type AggregateFunction(sum, UInt64) is not supported: the state of an aggregate function has no form in a record")
}

// decoded is the column of one value.
func decoded(typ, text string) (column.Column, error) {
	d := decoderBy(column.NewSchema("t", []column.Spec{{Name: "c", Type: typ}}), strictTimes)
	err := d.Add([]byte(`{"c":`+text+`}`), 0)
	return d.Blocks()[0].Columns[0], err
}

// Forms that are refused are taken on request, and become what the engine makes of
// them where it takes them by itself.
func TestCoercions(t *testing.T) {
	all := column.Rules{EpochDigits: 3, NumberToString: true, BoolToString: true, NumberToBool: true, StringToEpoch: true, BasicOffset: true, EmptyToNull: true}
	for _, c := range []struct{ typ, given, alike string }{
		{"String", `1.50`, ""},
		{"String", `12345678901234567890123`, ""},
		{"String", `true`, ""},
		{"LowCardinality(String)", `7`, ""},
		{"Nullable(String)", `false`, ""},
		{"FixedString(4)", `12`, `"12"`},
		{"Array(String)", `[1,"x",true]`, ""},
		{"Map(String, String)", `{"a":1}`, ""},
		{"Bool", `0`, ""},
		{"Bool", `1`, ""},
		{"Nullable(Bool)", `1`, ""},
		{"DateTime('UTC')", `"1700000000000"`, `"1700000000"`},
		{"DateTime64(3, 'UTC')", `"1700000000123"`, `"2023-11-14 22:13:20.123"`},
		{"DateTime('UTC')", `"2026-11-23T10:00:00+0200"`, `"2026-11-23 08:00:00"`},
		{"DateTime64(3, 'Asia/Tokyo')", `"2026-11-23T10:00:00.5-05"`, `"2026-11-24 00:00:00.5"`},
		{"Nullable(Int64)", `""`, `null`},
		{"Nullable(DateTime)", `""`, `null`},
		{"Nullable(UUID)", `""`, `null`},
		{"Nullable(String)", `""`, `""`},
		{"Array(Nullable(Float64))", `["",1]`, `[null,1]`},
		{"LowCardinality(Nullable(FixedString(3)))", `""`, `""`},
	} {
		s := createTable(t, "id UInt8, c "+c.typ)
		theirs := createTable(t, "id UInt8, c "+c.typ)
		record := func(text string) []byte { return []byte(`{"id":1,"c":` + text + `}`) }
		strict := decoderFor(s, false).Add(record(c.given), 0)
		require.Equal(t, c.given == c.alike, strict == nil, "%s %s: %v", c.typ, c.given, strict)
		d := decoderBy(s, all)
		require.NoError(t, d.Add(record(c.given), 0), "%s %s", c.typ, c.given)
		require.NoError(t, insert(t, column.Part{Block: d.Blocks()[0], To: 1}))
		require.NoError(t, post(t, "INSERT INTO "+theirs.Table+" FORMAT JSONEachRow", record(cmp.Or(c.alike, c.given))))
		require.Equal(t, ask(t, "SELECT * FROM "+theirs.Table), ask(t, "SELECT * FROM "+s.Table), "%s %s", c.typ, c.given)
	}
	for _, c := range []struct{ typ, given string }{
		{"Bool", `2`},
		{"Bool", `"true"`},
		{"Bool", `-1`},
		{"Int64", `""`},
		{"Int64", `true`},
		{"DateTime('UTC')", `"2026-11-23T10:00:00+02000"`},
		{"DateTime('UTC')", `"2026-11-23T10:00:00+2"`},
		{"DateTime('UTC')", `"x1"`},
		{"String", `null`},
		{"Nullable(Int64)", `" "`},
		{"UUID", `""`},
	} {
		require.Error(t, decoderBy(column.NewSchema("t", []column.Spec{{Name: "c", Type: c.typ}}), all).Add([]byte(`{"c":`+c.given+`}`), 0), "%s %s", c.typ, c.given)
	}
}

// Null in a column that does not take it is what it is to the engine.
func TestNullAsDefault(t *testing.T) {
	columns := "id UInt8, a UInt8 DEFAULT 7, b String, c Nullable(UInt8) DEFAULT 5, d UInt16 DEFAULT id * 10, e Array(UInt8), f LowCardinality(String) DEFAULT 'x', g LowCardinality(Nullable(String)) DEFAULT 'y'"
	ours, theirs := createTable(t, columns), createTable(t, columns)
	d := NewDecoder(Config{Schema: ours, NullAsDefault: true, NewBlock: func() (*column.Block, error) { return column.NewBlock(ours, strictTimes) }})
	for i, text := range []string{
		`{"id":1,"a":null,"b":null,"c":null,"d":null,"e":null,"f":null,"g":null}`, `{"id":2,"a":1,"b":"x","c":1,"d":1,"e":[1],"f":"z","g":"z"}`, `{"id":3,"a":null,"d":3,"g":"q"}`, `{"id":4}`,
	} {
		require.NoError(t, d.Add([]byte(text), i), text)
		require.NoError(t, post(t, "INSERT INTO "+theirs.Table+" FORMAT JSONEachRow", []byte(text)))
	}
	for _, b := range d.Blocks() {
		require.NoError(t, insert(t, column.Part{Block: b, To: b.Len()}))
	}
	require.Equal(t, ask(t, "SELECT * FROM "+theirs.Table+" ORDER BY id"), ask(t, "SELECT * FROM "+ours.Table+" ORDER BY id"))
	require.ErrorIs(t, d.Add([]byte(`{"id":5,"a":null,"a":1}`), 9), column.ErrDuplicate)
	require.ErrorIs(t, d.Add([]byte(`{"id":6,"e":[null]}`), 9), column.ErrNull)
}
