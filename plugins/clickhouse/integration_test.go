package clickhouse

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// roundTrips are values and how the server prints them. Those that old servers
// do not know are modern.
var roundTrips = []struct {
	typ, json, want string
	modern          bool
}{
	{"Int8", `-128`, "-128", false},
	{"Int16", `-32768`, "-32768", false},
	{"Int32", `"2147483647"`, "2147483647", false},
	{"Int64", `-9223372036854775808`, "-9223372036854775808", false},
	{"Int128", `-170141183460469231731687303715884105728`, "-170141183460469231731687303715884105728", true},
	{"Int256", `-5`, "-5", true},
	{"UInt8", `true`, "1", false},
	{"UInt16", `65535`, "65535", false},
	{"UInt32", `4294967295`, "4294967295", false},
	{"UInt64", `18446744073709551615`, "18446744073709551615", false},
	{"UInt128", `340282366920938463463374607431768211455`, "340282366920938463463374607431768211455", true},
	{"UInt256", `1e20`, "100000000000000000000", true},
	{"Float32", `1.5`, "1.5", false},
	{"Float64", `64123.45`, "64123.45", false},
	{"Float64", `"nan"`, "nan", false},
	{"Decimal(9, 2)", `-9999999.99`, "-9999999.99", false},
	{"Decimal(18, 8)", `"0.00000001"`, "0.00000001", false},
	{"Decimal(38, 10)", `-1234567890123456789012345678.0123456789`, "-1234567890123456789012345678.0123456789", false},
	{"Decimal(76, 20)", `1e-20`, "0.00000000000000000001", true},
	{"Bool", `true`, "true", true},
	{"String", `"a\u00e9😀"`, "aé😀", false},
	{"String", `{"a":[1]}`, `{"a":[1]}`, false},
	{"FixedString(4)", `"abcd"`, "abcd", false},
	{"Date", `"2026-11-23"`, "2026-11-23", false},
	{"DateTime('UTC')", `"2026-11-23T10:00:00+02:00"`, "2026-11-23 08:00:00", false},
	{"DateTime('Europe/Berlin')", `"2026-07-01 12:00:00"`, "2026-07-01 12:00:00", false},
	{"DateTime64(9, 'UTC')", `"2026-11-23T10:00:00.123456789Z"`, "2026-11-23 10:00:00.123456789", true},
	{"DateTime64(3, 'Asia/Tokyo')", `"1969-12-31T23:59:59.5Z"`, "1970-01-01 08:59:59.500", true},
	{"Enum8('buy' = 1, 'sell' = -2)", `"sell"`, "sell", false},
	{"Enum16('buy' = 1, 'sell' = 1000)", `1000`, "sell", false},
	{"UUID", `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`, "61f0c404-5cb3-11e7-907b-a6006ad3dba0", false},
	{"Nullable(Int64)", `null`, `\N`, false},
	{"Nullable(Int64)", `7`, "7", false},
	{"Nullable(String)", `"x"`, "x", false},
	{"LowCardinality(String)", `"BTCUSDT"`, "BTCUSDT", false},
	{"LowCardinality(String)", `""`, "", false},
	{"LowCardinality(Nullable(String))", `null`, `\N`, false},
	{"LowCardinality(Nullable(String))", `"x"`, "x", false},
	{"LowCardinality(FixedString(2))", `"ab"`, "ab", false},
	{"Array(Int64)", `[1,2,3]`, "[1,2,3]", false},
	{"Array(Array(String))", `[["a"],[],["b","c"]]`, "[['a'],[],['b','c']]", false},
	{"Array(Nullable(Float64))", `[1.5,null]`, "[1.5,NULL]", false},
	{"Array(LowCardinality(String))", `["a","b","a"]`, "['a','b','a']", false},
	{"Array(Enum8('a' = 1))", `["a"]`, "['a']", false},
	{"Date32", `"1900-01-01"`, "1900-01-01", true},
	{"Date32", `"2299-12-31"`, "2299-12-31", true},
	{"IPv4", `"192.0.2.1"`, "192.0.2.1", true},
	{"IPv6", `"2001:DB8::1"`, "2001:db8::1", true},
	{"IPv6", `"192.0.2.1"`, "::ffff:192.0.2.1", true},
	{"Tuple(Int8, String)", `[1, "x"]`, "(1,'x')", false},
	{"Tuple(a Int8, b_c Tuple(Nullable(String), Array(Date)))", `{"b_c":[null,["2026-11-23"]],"a":1}`, "(1,(NULL,['2026-11-23']))", true},
	{"Tuple(a Int8, s LowCardinality(String))", `{"s":"x"}`, "(0,'x')", false},
	{"Array(Tuple(p Decimal(9, 2), q UInt64))", `[{"p":1.5,"q":2},[2,"3"]]`, "[(1.5,2),(2,3)]", true},
	{"Map(String, UInt64)", `{"a":1,"b":"2"}`, "{'a':1,'b':2}", true},
	{"Map(LowCardinality(String), Array(Nullable(Int8)))", `{"a":[1,null],"\u0062":[]}`, "{'a':[1,NULL],'b':[]}", true},
	{"Map(UInt16, String)", `{}`, "{}", true},
	{"SimpleAggregateFunction(sum, UInt64)", `7`, "7", true},
	{"SimpleAggregateFunction(groupArrayArray, Array(String))", `["x"]`, "['x']", true},
	{"Point", `[1.5, -2]`, "(1.5,-2)", true},
	{"Ring", `[[0,0],[1,0],[1,1]]`, "[(0,0),(1,0),(1,1)]", true},
	{"Polygon", `[[[0,0],[1,0],[1,1]]]`, "[[(0,0),(1,0),(1,1)]]", true},
	{"MultiPolygon", `[[[[0,0],[1,0],[1,1]]]]`, "[[[(0,0),(1,0),(1,1)]]]", true},
	{"LineString", `[[0,0],[1,0]]`, "[(0,0),(1,0)]", true},
	{"MultiLineString", `[[[0,0],[1,0]]]`, "[[(0,0),(1,0)]]", true},
	{"JSON", `{"a":{"b":[1,"x"]},"c":1.5}`, `{"a":{"b":[1,"x"]},"c":1.5}`, true},
	{"Variant(Bool, Float64, Int64, String)", `9007199254740993`, "9007199254740993", true},
	{"Variant(Bool, Float64, Int64, String)", `1.5`, "1.5", true},
	{"Variant(Bool, Float64, Int64, String)", `null`, `\N`, true},
	{"Variant(Array(String), Date, String)", `"2026-11-23"`, "2026-11-23", true},
	{"Variant(Array(String), Date, String)", `["x"]`, "['x']", true},
	{"Dynamic", `9007199254740993`, "9007199254740993", true},
	{"Dynamic", `"x"`, "x", true},
	{"Dynamic", `null`, `\N`, true},
}

func TestEveryTypeRoundTrips(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		var columns, fields, want []string
		for i, c := range roundTrips {
			if c.modern && server.Legacy() {
				continue
			}
			columns = append(columns, fmt.Sprintf("c%d %s", i, c.typ))
			fields = append(fields, fmt.Sprintf(`"c%d":%s`, i, c.json))
			want = append(want, c.want)
		}
		table := newTable(t, server, strings.Join(columns, ", "))
		yaml := strings.Replace(yamlFor(t, server, table, ""), "max_interval: 200ms", "max_interval: 200ms, max_retries: 2", 1)
		out := open(t, yaml)
		record := "{" + strings.Join(fields, ",") + "}"
		require.NoError(t, out.WriteBatch(t.Context(), records(record, record, record)))
		require.Empty(t, boxOf(t).all())
		got := query(t, server, "SELECT * FROM default."+table)
		require.Len(t, got, 3)
		for _, row := range got {
			require.Equal(t, want, row)
		}
	})
}

func TestCompressions(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, s String")
		for i, method := range []string{"lz4", "zstd", "none"} {
			out := open(t, yamlFor(t, server, table, "compression: "+method+"\nsettings: {max_threads: 1}"))
			require.NoError(t, out.WriteBatch(t.Context(), records(fmt.Sprintf(`{"id":%d,"s":%q}`, i, strings.Repeat("x", 1000)))))
		}
		require.Equal(t, [][]string{{"3", "3000"}}, query(t, server, "SELECT count(), sum(length(s)) FROM default."+table))
	})
}

func TestMissingFieldsOnTheServer(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, n Nullable(Int8), s String, d UInt16 DEFAULT id * 10, m UInt16 MATERIALIZED id * 100, a UInt8 ALIAS id")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`, `{"id":2,"d":7}`, `{"id":3,"n":1,"s":"x","x":{}}`, `{"id":4,"d":8}`)))
		require.Equal(t, [][]string{
			{"1", `\N`, "", "10", "100"}, {"2", `\N`, "", "7", "200"}, {"3", "1", "x", "30", "300"}, {"4", `\N`, "", "8", "400"},
		}, query(t, server, "SELECT id, n, s, d, m FROM default."+table+" ORDER BY id"))
	})
}

// A record that lacks what a column needs is a dead letter, where that is asked for;
// what the server has a default for, or null, it may lack.
func TestMissingFieldsMayBeErrors(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, n Nullable(Int8), s String, d UInt16 DEFAULT id * 10")
		out := open(t, yamlFor(t, server, table, "missing_fields: error"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`, `{"id":2,"s":""}`, `{"s":"y","n":1,"d":1}`, `{"id":3,"n":4,"s":"x","d":5}`)))
		require.Equal(t, [][]string{{"2", `\N`, "", "20"}, {"3", "4", "x", "5"}}, query(t, server, "SELECT id, n, s, d FROM default."+table+" ORDER BY id"))
		letters := boxOf(t).all()
		require.Len(t, letters, 2)
		for i, column := range []string{"s", "id"} {
			require.Equal(t, column, letters[i].meta[metaColumn])
			require.Contains(t, letters[i].meta[metaError], rec.ErrMissing.Error())
		}
		require.EqualValues(t, 2, out.board.Table(table).DeadLetters.Load())
	})
}

func TestABadRowIsIsolated(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, price Decimal(9, 2)")
		out := open(t, yamlFor(t, server, table, "columns: [id, price]\nunknown_fields: reject"))
		batch := records(`{"id":1,"price":1.5}`, `{"id":300,"price":1}`, `not json`, `{"id":2,"price":2.50}`, `{"id":3,"prize":1}`)
		batch[1].MetaSetMut("own", "kept")
		boxOf(t).refuse.Store(2) // it must be tried again
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"1"}, {"2"}}, query(t, server, "SELECT id FROM default."+table+" ORDER BY id"))
		letters := boxOf(t).all()
		require.Len(t, letters, 3)
		require.Equal(t, letter{body: `{"id":300,"price":1}`, meta: map[string]string{
			"own": "kept", metaTable: table, metaColumn: "id", metaAttempts: "1",
			metaError: `column "id" (UInt8): value 300: out of range`,
		}}, letters[0])
		require.Equal(t, `not json`, letters[1].body)
		require.Contains(t, letters[1].meta[metaError], "malformed JSON")
		require.Equal(t, `field "prize": no column takes it, and unknown_fields is reject`, letters[2].meta[metaError])
		require.EqualValues(t, 2, out.board.Rows())
		require.EqualValues(t, 3, out.board.DeadLetters())
	})
}

// What the server alone can find wrong is found by halving.
func TestARowThatTheServerRejectsIsIsolated(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt16, m UInt8 MATERIALIZED throwIf(id IN (13, 77))")
		out := open(t, yamlFor(t, server, table, ""))
		var batch service.MessageBatch
		for i := range 100 {
			batch = append(batch, records(fmt.Sprintf(`{"id":%d}`, i))...)
		}
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"98", "98"}}, query(t, server, "SELECT count(), uniqExact(id) FROM default."+table+" WHERE id NOT IN (13, 77)"))
		letters := boxOf(t).all()
		require.Len(t, letters, 2)
		bodies := []string{letters[0].body, letters[1].body}
		require.ElementsMatch(t, []string{`{"id":13}`, `{"id":77}`}, bodies)
		require.Equal(t, "395", letters[0].meta[metaCode])
	})
}

func TestRejectHandsErrorsBackPerMessage(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8")
		yaml := strings.Replace(yamlFor(t, server, table, ""), "letter_box: {name:", "reject: {name:", 1)
		head, _, _ := strings.Cut(yaml, "dead_letter")
		yaml = head + "dead_letter: {reject: 'no'}\n"
		out := open(t, yaml)
		batch := records(`{"id":1}`, `{"id":300}`, `{"id":2}`)
		index := batch.Index()
		err := out.WriteBatch(t.Context(), batch)
		var failed *service.BatchError
		require.ErrorAs(t, err, &failed)
		var at []int
		failed.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
			if err != nil {
				at = append(at, i)
				require.ErrorContains(t, err, "out of range")
			}
			return true
		})
		require.Equal(t, []int{1}, at)
		require.Equal(t, [][]string{{"1"}, {"2"}}, query(t, server, "SELECT id FROM default."+table+" ORDER BY id"))
	})
}

func TestTablesByMetadata(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		a, b := newTable(t, server, "id UInt16"), newTable(t, server, "id UInt16")
		out := open(t, yamlFor(t, server, "${! @table }", ""))
		var batch service.MessageBatch
		for i := range 1000 {
			m := service.NewMessage([]byte(`{"id":` + strconv.Itoa(i) + `}`))
			if i%10 < 9 {
				m.MetaSetMut("table", []string{a, b}[i%2])
			}
			batch = append(batch, m)
		}
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"500"}}, query(t, server, "SELECT count() FROM default."+a))
		require.Equal(t, [][]string{{"400"}}, query(t, server, "SELECT count() FROM default."+b))
		require.Len(t, boxOf(t).all(), 100)
	})
}

func TestConnectNamesWhatIsWrong(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		for yaml, want := range map[string]string{
			"table: tiks":         `clickhouse.table: table "default.tiks" does not exist on ` + server.Addr() + `; create it or correct the name`,
			"columns: [id, nope]": `clickhouse.columns: table "ok" has no column "nope"`,
		} {
			require.NoError(t, server.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS default.ok (id UInt8) ENGINE = Memory"))
			base := yamlFor(t, server, "ok", "")
			if strings.HasPrefix(yaml, "table") {
				base = yamlFor(t, server, "tiks", "")
				yaml = ""
			}
			require.ErrorContains(t, connectError(t, base+yaml), want)
		}
		require.ErrorContains(t, connectError(t, yamlFor(t, server, "ok", "database: nowhere")), `clickhouse.database: database "nowhere" does not exist`)
	})
}

func TestConnectToNobody(t *testing.T) {
	port, err := stack.FreePort()
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	err = connectError(t, "addresses: ['"+address+"']\ntable: t\npassword: geheim\ndead_letter: {drop: {}}")
	require.ErrorContains(t, err, "clickhouse.addresses: cannot reach ClickHouse on "+address)
	require.NotContains(t, err.Error(), "geheim")
}

func TestConnectWithAWrongPassword(t *testing.T) {
	server := startServer(t, stack.KindLegacy, stack.ClickHouseOptions{Password: "geheim"})
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	right := yamlFor(t, server, "system.one", "")
	err := connectError(t, strings.Replace(right, "geheim", "falsch", 1))
	require.ErrorContains(t, err, `clickhouse.username and clickhouse.password: `+server.Addr()+` refuses user "default"`)
	require.NotContains(t, err.Error(), "falsch")
	require.NoError(t, connectError(t, right))
}

// connectError builds an output, connects it once and closes it.
func connectError(t *testing.T, yaml string) error {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	out, err := newOutput(conf, service.MockResources())
	require.NoError(t, err)
	defer func() { require.NoError(t, out.Close(context.Background())) }()
	return out.Connect(t.Context())
}

func TestMaxRetriesHandsTheBatchBack(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindLegacy)
	table := newTable(t, server, "id UInt8")
	yaml := strings.Replace(yamlFor(t, server, table, ""), "max_interval: 200ms", "max_interval: 200ms, max_retries: 2", 1)
	out := open(t, yaml)
	require.NoError(t, server.Exec(t.Context(), "DROP TABLE default."+table))
	err := out.WriteBatch(t.Context(), records(`{"id":1}`))
	require.ErrorContains(t, err, "giving up after 3 attempts")
	require.EqualValues(t, 2, out.board.Retries())
	require.Eventually(t, func() bool { return out.board.RetryQueue() == 0 }, long, time.Millisecond) // it is told a moment later
}

func TestWritingEndsWithItsContext(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindLegacy)
	table := newTable(t, server, "id UInt8")
	out := open(t, yamlFor(t, server, table, ""))
	require.NoError(t, server.Exec(t.Context(), "DROP TABLE default."+table))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- out.WriteBatch(ctx, records(`{"id":1}`)) }()
	require.Eventually(t, func() bool { return out.board.Retries() > 1 }, long, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Eventually(t, func() bool { return out.board.RetryQueue() == 0 }, long, time.Millisecond) // it is told a moment later
}

// A table that fails must not hold the insert slots that another one needs.
func TestParkedBatchesHoldNoSlot(t *testing.T) {
	server := stack.Shared.ClickHouse(t, stack.KindLegacy)
	good, bad := newTable(t, server, "id UInt8"), newTable(t, server, "id UInt8")
	out := open(t, yamlFor(t, server, "${! @table }", "max_in_flight: 1"))
	require.NoError(t, server.Exec(t.Context(), "DROP TABLE default."+bad))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 3)
	for range 3 {
		batch := records(`{"id":1}`)
		batch[0].MetaSetMut("table", bad)
		go func() { done <- out.WriteBatch(ctx, batch) }()
	}
	require.Eventually(t, func() bool { return out.board.RetryQueue() >= 2 }, long, time.Millisecond)
	batch := records(`{"id":1}`)
	batch[0].MetaSetMut("table", good)
	require.NoError(t, out.WriteBatch(t.Context(), batch))
	cancel()
	for range 3 {
		require.ErrorIs(t, <-done, context.Canceled)
	}
}

// A column that cannot be written is no unreachable server.
func TestAnUnsupportedColumnIsNamed(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt8, total AggregateFunction(sum, UInt8)")
		err := connectError(t, yamlFor(t, server, table, ""))
		t.Log(err)
		require.ErrorContains(t, err, `column "total" of table "`+table+`": type AggregateFunction(sum, UInt8) is not supported`)
		require.ErrorContains(t, err, "let a materialized view work it out")
		require.NotContains(t, err.Error(), "cannot reach")
		out := open(t, yamlFor(t, server, table, "columns: [id]"))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{"id":1}`)))
	})
}

// Records that lack columns with constant defaults need no inserts of their own,
// and get what the server itself would have given them.
func TestConstantDefaultsNeedNoInsertsOfTheirOwn(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		columns := []string{"id UInt32"}
		defaults := []string{
			"UInt8 DEFAULT 7", "String DEFAULT 'it\\'s'", "Float64 DEFAULT 1.5", "Int64 DEFAULT -3", "Array(UInt8) DEFAULT [1, 2]",
			"Nullable(String) DEFAULT 'x'", "Enum8('a' = 1, 'b' = 2) DEFAULT 'b'", "Date DEFAULT '2026-11-26'", "DateTime('UTC') DEFAULT '2026-11-26 10:00:00'",
		}
		if !server.Legacy() {
			defaults = append(defaults, "LowCardinality(String) DEFAULT 'l'", "DateTime64(3, 'Europe/Berlin') DEFAULT '2026-07-01 10:00:00.5'",
				"Map(String, UInt8) DEFAULT map('a', 1)", "Tuple(a UInt8, b String) DEFAULT (1, 'b')", "Float32 DEFAULT inf", "UInt64 DEFAULT 18446744073709551615",
				"Decimal(18, 4) DEFAULT 1.25", "UUID DEFAULT toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", "IPv4 DEFAULT toIPv4('192.0.2.1')")
		}
		var names []string
		for i, d := range defaults {
			names = append(names, fmt.Sprintf("d%d", i))
			columns = append(columns, names[i]+" "+d)
		}
		table := newTable(t, server, strings.Join(columns, ", "))
		out := open(t, yamlFor(t, server, table, ""))
		var texts []string
		for i := range 500 {
			text := fmt.Sprintf(`{"id":%d`, i)
			for bit, name := range names[:4] {
				if i>>bit&1 == 1 {
					text += fmt.Sprintf(`,%q:%s`, name, []string{"1", `"y"`, "2", "5"}[bit])
				}
			}
			texts = append(texts, text+"}")
		}
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		if !server.Legacy() {
			require.EqualValues(t, 1, out.board.Batches())
		}
		require.NoError(t, server.Exec(t.Context(), "INSERT INTO default."+table+" (id) VALUES (1000)"))
		list := strings.Join(names, ", ")
		want := query(t, server, "SELECT "+list+" FROM default."+table+" WHERE id = 1000")
		require.Equal(t, want, query(t, server, "SELECT "+list+" FROM default."+table+" WHERE id = 0"))
		require.Equal(t, [][]string{{"500", "250", "250"}}, query(t, server, "SELECT count(), countIf(d0 = 1), countIf(d1 = 'y') FROM default."+table+" WHERE id < 1000"))
	})
}
