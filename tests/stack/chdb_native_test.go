package stack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ofTypes are expressions of the types that the driver reads and writes.
var ofTypes = []string{
	"toInt8(number - 3)", "toInt16(-300)", "toInt32(-70000)", "toInt64(-number)", "toInt128(-5)", "toInt256(-5)",
	"toUInt8(number)", "toUInt16(number)", "toUInt32(number)", "number", "toUInt128(number)", "toUInt256(number)",
	"toFloat32(1.5)", "number / 3", "toDecimal32(-1.5, 2)", "toDecimal64(number, 8)", "toDecimal128(number, 10)", "toDecimal256(number, 20)",
	"number % 2 = 1::Bool", "toString(number)", "toFixedString('abcd', 4)", "toDate('2026-11-23')", "toDate32('1925-01-01')",
	"toDateTime(1700000000 + number)", "toDateTime('2026-07-01 12:00:00', 'Europe/Berlin')", "toDateTime64('2026-11-23 10:00:00.123456789', 9, 'UTC')",
	"toTime('10:00:00')", "toTime64('10:00:00.5', 6)", "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", "toIPv4('192.0.2.1')", "toIPv6('2001:db8::1')",
	"CAST(1 + number % 2, 'Enum8(\\'buy\\' = 1, \\'sell\\' = 2)')", "CAST('b', 'Enum16(\\'a\\' = 1, \\'b\\' = 1000)')",
	"if(number % 2, NULL, number)", "if(number % 2, NULL, 'x')", "toLowCardinality(toString(number % 3))", "CAST(if(number % 2, NULL, 'x'), 'LowCardinality(Nullable(String))')",
	"range(number)", "[['a'], [], ['b', 'c']]", "[1.5, NULL]", "CAST(['a', 'b'], 'Array(LowCardinality(String))')",
	"CAST((1, 'x'), 'Tuple(Int8, String)')", "CAST((1, (NULL, 'x')), 'Tuple(a Int8, b Tuple(c Nullable(String), d String))')",
	"map('a', number)", "CAST(map('a', [1, NULL]), 'Map(LowCardinality(String), Array(Nullable(Int8)))')",
	"CAST(number, 'SimpleAggregateFunction(sum, UInt64)')", "CAST((1.5, 2), 'Point')", "CAST([(0, 0), (1, 1)], 'Ring')", "CAST([[(0, 0), (1, 1)]], 'Polygon')",
	"CAST([[[(0, 0), (1, 1)]]], 'MultiPolygon')", "CAST([(0, 0), (1, 1)], 'LineString')",
	"CAST(if(number % 2, 'x', NULL), 'Variant(Int64, String)')", "CAST(if(number % 2, 'x', NULL), 'Dynamic')",
	"toBFloat16(1.5)",
}

func selectOf(rows int) string {
	var list []string
	for i, expr := range ofTypes {
		list = append(list, fmt.Sprintf("%s AS c%d", expr, i))
	}
	return fmt.Sprintf("SELECT %s FROM numbers(%d)", strings.Join(list, ", "), rows)
}

// scanAll reads all rows into values of the types that the driver chooses.
func scanAll(t *testing.T, rows driver.Rows) (values [][]any) {
	t.Helper()
	defer rows.Close()
	for rows.Next() {
		row := make([]any, len(rows.ColumnTypes()))
		for i, c := range rows.ColumnTypes() {
			row[i] = reflect.New(c.ScanType()).Interface()
		}
		require.NoError(t, rows.Scan(row...))
		for i := range row {
			row[i] = reflect.ValueOf(row[i]).Elem().Interface()
		}
		values = append(values, row)
	}
	require.NoError(t, rows.Err())
	return values
}

// What the driver reads by one protocol it reads by the other, and what it
// writes by either is what the engine has made itself.
func TestChDBTypesByBothProtocols(t *testing.T) {
	http, ctx := Shared.ClickHouse(t, KindChDB), within(t, patience)
	read := map[string][][]any{}
	for _, ch := range []ClickHouse{http, OverNative(http)} {
		rows, err := connect(t, ch).Query(ctx, selectOf(10))
		require.NoError(t, err)
		read[ch.Protocol()] = scanAll(t, rows)
		require.Len(t, read[ch.Protocol()], 10)
	}
	require.Equal(t, read[ProtocolHTTP], read[ProtocolNative])

	require.NoError(t, http.Exec(ctx, "DROP TABLE IF EXISTS made"))
	require.NoError(t, http.Exec(ctx, "CREATE TABLE made ENGINE = Memory AS "+selectOf(10)))
	eachProtocol(t, func(t *testing.T, ch ClickHouse) {
		require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS sent"))
		require.NoError(t, ch.Exec(ctx, "CREATE TABLE sent AS made"))
		batch, err := connect(t, ch).PrepareBatch(ctx, "INSERT INTO sent")
		require.NoError(t, err)
		defer batch.Close()
		for _, row := range read[ProtocolNative] {
			require.NoError(t, batch.Append(row...))
		}
		require.NoError(t, batch.Send())
		assert.Equal(t, query(ctx, t, ch, "SELECT * FROM made FORMAT JSONEachRow"), query(ctx, t, ch, "SELECT * FROM sent FORMAT JSONEachRow"))
	})
}

// Each statement has one outcome by both protocols: its rows or its code.
func TestChDBStatementsByBothProtocols(t *testing.T) {
	http, ctx := Shared.ClickHouse(t, KindChDB), within(t, patience)
	outcome := func(conn driver.Conn, sql string) string {
		rows, err := conn.Query(ctx, sql)
		var exception *clickhouse.Exception
		if err == nil {
			var types []string // over HTTP a result without rows has none
			for _, c := range rows.ColumnTypes() {
				types = append(types, c.Name()+" "+c.DatabaseTypeName())
			}
			if values := scanAll(t, rows); len(values) > 0 {
				return fmt.Sprint(types, values)
			}
			return "no rows"
		}
		if assert.ErrorAs(t, err, &exception, sql) {
			return fmt.Sprint("code ", exception.Code)
		}
		return ""
	}
	overHTTP, overNative := connect(t, http), connect(t, OverNative(http))
	for _, sql := range []string{
		"SELECT 1 AS one, 'x' AS x", "SELECT number FROM numbers(100000) SETTINGS max_block_size = 1000",
		"SELECT 1 AS n WHERE 0", "WITH 1 AS a SELECT a", "SELECT 1 UNION ALL SELECT 2 ORDER BY 1", "SELECT 1 -- comment",
		"SHOW DATABASES LIKE 'default'", "EXPLAIN SELECT 1", "EXISTS TABLE no_such", "DESCRIBE TABLE system.one",
		"DESCRIBE TABLE no_such", "SELECT nope", "SELEKT", "SELECT throwIf(1)", "SELECT * FROM nowhere.t", "SELECT 1 SETTINGS nope = 1",
		"SELECT * FROM numbers(10) WHERE throwIf(number = 5)", "SELECT toUInt8('x')",
	} {
		want := outcome(overHTTP, sql)
		assert.NotEmpty(t, want, sql)
		assert.Equal(t, want, outcome(overNative, sql), sql)
	}
	for _, sql := range []string{
		"DROP TABLE IF EXISTS did", "CREATE TABLE did (n UInt64, s String DEFAULT 'd') ENGINE = MergeTree ORDER BY n",
		"INSERT INTO did VALUES (1, 'a'), (2, 'b')", "INSERT INTO did (n) SELECT number FROM numbers(3)",
		`INSERT INTO did FORMAT JSONEachRow {"n":7}`, "ALTER TABLE did DELETE WHERE n = 7 SETTINGS mutations_sync = 1", "OPTIMIZE TABLE did FINAL",
	} {
		require.NoError(t, overNative.Exec(ctx, sql), sql)
	}
	assert.Equal(t, [][]string{{"5", "a,b,d,d,d"}}, query(ctx, t, http, "SELECT count(), arrayStringConcat(arraySort(groupArray(s)), ',') FROM did"))
}

// A client that is not the driver sees every packet in its place.
func TestChDBNativePackets(t *testing.T) {
	ch, ctx := Shared.ClickHouse(t, KindChDB), within(t, patience)
	require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS packets"))
	require.NoError(t, ch.Exec(ctx, "CREATE TABLE packets (n UInt64, t Tuple(a Int8, b String), m UInt8 MATERIALIZED 1, d UInt64 DEFAULT n * 2) ENGINE = MergeTree ORDER BY n"))
	for name, compressor := range map[string]*compress.Writer{
		"off": nil, "NONE": compress.NewWriter(0, compress.None), "LZ4": compress.NewWriter(0, compress.LZ4), "ZSTD": compress.NewWriter(0, compress.ZSTD),
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, ch)
			assert.Equal(t, proto.Version, c.hello.Revision)
			assert.True(t, strings.HasPrefix(ch.Version(), fmt.Sprintf("%d.%d.%d", c.hello.Major, c.hello.Minor, c.hello.Patch)))
			var settings []proto.Setting
			if compressor != nil {
				c.compression, c.compressor = proto.CompressionEnabled, compressor
				settings = append(settings, proto.Setting{Key: "network_compression_method", Value: name, Important: true})
			}
			packets(t, c, settings)
		})
	}
	assert.Equal(t, [][]string{{"1200000", "1200000", "1", "0"}}, query(ctx, t, ch,
		"SELECT count(), sum(m), countIf(n = 299999 AND t.b = '99999') = 4, countIf(d != n * 2 OR t.a != CAST(n % 100000, 'Int8')) FROM packets"))
}

func packets(t *testing.T, c *rawClient, settings []proto.Setting) {
	c.query("INSERT INTO packets (t, n) VALUES", settings...)
	a, header := c.header()
	require.Nil(t, a.exception)
	assert.Equal(t, "columns format version: 1\n4 columns:\n`n` UInt64\n`t` Tuple(a Int8, b String)\n`m` UInt8\tMATERIALIZED\t1\n`d` UInt64\tDEFAULT\tn * 2\n", a.columns.Second)
	assert.Equal(t, []string{"t Tuple(a Int8, b String)", "n UInt64"}, header)

	const blocks, rows = 3, 100000
	for block := range blocks {
		var n proto.ColUInt64
		var a proto.ColInt8
		var b proto.ColStr
		for i := range rows {
			n.Append(uint64(block*rows + i))
			a.Append(int8(i))
			b.Append(fmt.Sprint(i))
		}
		c.block(proto.InputColumn{Name: "t", Data: proto.ColTuple{proto.Named(&a, "a"), proto.Named(&b, "b")}}, proto.InputColumn{Name: "n", Data: &n})
	}
	c.block()
	done := c.answer(nil)
	require.Nil(t, done.exception)
	assert.Equal(t, []proto.ServerCode{proto.ServerProfileEvents, proto.ServerCodeEndOfStream}, done.packets)
	assert.EqualValues(t, blocks*rows, done.events["InsertedRows"])
	assert.Zero(t, done.events["DuplicatedInsertedBlocks"])

	var sum proto.ColUInt64
	c.query("SELECT sum(number) AS s FROM numbers(10)", settings...)
	done = c.answer(proto.Results{{Name: "s", Data: &sum}})
	require.Nil(t, done.exception)
	assert.Equal(t, proto.ColUInt64{45}, sum)
	assert.Equal(t, []proto.ServerCode{
		proto.ServerCodeData, proto.ServerCodeData, proto.ServerCodeProfile, proto.ServerCodeProgress,
		proto.ServerCodeData, proto.ServerCodeEndOfStream,
	}, done.packets)
	assert.EqualValues(t, 10, done.progress.Rows)
	assert.EqualValues(t, 1, done.profile.Rows)

	c.query("SELECT throwIf(1, 'by ' || 'design')", settings...)
	done = c.answer(nil)
	require.NotNil(t, done.exception)
	assert.Equal(t, proto.Error(395), done.exception.Code)
	assert.Equal(t, "DB::Exception", done.exception.Name)
	assert.Contains(t, done.exception.Message, "DB::Exception: by design")
	proto.ClientCodePing.Encode(&c.out)
	c.flush()
	assert.Equal(t, proto.ServerCodePong, c.code(), "an exception does not end the connection")
}

// Settings that the engine does not know are refused if they are important, and left out if not.
func TestChDBNativeSettings(t *testing.T) {
	ch := Shared.ClickHouse(t, KindChDB)
	c := dialRaw(t, ch)
	for _, sql := range []string{"SELECT 1", "INSERT INTO FUNCTION null('n UInt8') VALUES"} {
		c.query(sql, proto.Setting{Key: "nope", Value: "1", Important: true})
		a := c.answer(nil)
		require.NotNil(t, a.exception)
		assert.EqualValues(t, 115, a.exception.Code)
	}
	var got proto.ColStr
	c.query("SELECT toString(getSetting('max_threads')) AS s", proto.Setting{Key: "nope", Value: "1"}, proto.Setting{Key: "max_threads", Value: "3", Important: true})
	a := c.answer(proto.Results{{Name: "s", Data: &got}})
	require.Nil(t, a.exception)
	assert.Equal(t, "3", got.Row(0))

	for _, sql := range []string{"CREATE DATABASE IF NOT EXISTS of_session", "USE of_session", "SET max_threads = 7"} {
		c.query(sql)
		require.Nil(t, c.answer(nil).exception)
	}
	got.Reset()
	c.query("SELECT currentDatabase() || toString(getSetting('max_threads')) AS s")
	require.Nil(t, c.answer(proto.Results{{Name: "s", Data: &got}}).exception)
	assert.Equal(t, "of_session7", got.Row(0))
	assert.Equal(t, [][]string{{"default"}}, query(t.Context(), t, ch, "SELECT currentDatabase()"), "another one's connection")
}

// Nothing of an INSERT is stored that the client does not end: by leaving, in a
// block or between two, or by cancelling.
func TestChDBInsertThatIsNotEnded(t *testing.T) {
	ch, ctx := Shared.ClickHouse(t, KindChDB), within(t, patience)
	require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS ended"))
	require.NoError(t, ch.Exec(ctx, "CREATE TABLE ended (n UInt64) ENGINE = MergeTree ORDER BY n"))
	for name, end := range map[string]func(c *rawClient){
		"leaves": func(*rawClient) {},
		"leaves in a block": func(c *rawClient) {
			proto.ClientCodeData.Encode(&c.out)
			c.out.PutString("")
			c.out.PutRaw([]byte{1, 0, 2, 255, 255, 255, 255, 0, 1, 2, 1, 'n', 6, 'U', 'I'})
			c.flush()
		},
		"breaks the protocol": func(c *rawClient) { c.out.PutUVarInt(77); c.flush() },
		"cancels": func(c *rawClient) {
			proto.ClientCodeCancel.Encode(&c.out)
			c.flush()
			require.Nil(t, c.answer(nil).exception)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, ch)
			c.query("INSERT INTO ended (n) VALUES")
			_, header := c.header()
			require.Len(t, header, 1)
			c.block(proto.InputColumn{Name: "n", Data: proto.ColUInt64{1, 2, 3}})
			end(c)
			require.NoError(t, c.conn.(*net.TCPConn).CloseWrite())
			_, err := c.conn.Read(make([]byte, 1<<12)) // whatever it says, it is the last
			for err == nil {
				_, err = c.conn.Read(make([]byte, 1<<12))
			}
			assert.Equal(t, [][]string{{"0"}}, query(ctx, t, ch, "SELECT count() FROM ended"))
		})
	}
}

// The engine is not interrupted, but its answer is dropped.
func TestChDBCancelledQuery(t *testing.T) {
	c := dialRaw(t, Shared.ClickHouse(t, KindChDB))
	proto.ClientCodeCancel.Encode(&c.out) // of nothing
	c.query("SELECT sleep(0.2)")
	proto.ClientCodeCancel.Encode(&c.out)
	c.flush()
	a := c.answer(nil)
	require.Nil(t, a.exception)
	assert.Equal(t, []proto.ServerCode{proto.ServerCodeEndOfStream}, a.packets)
	c.query("SELECT 1")
	assert.Equal(t, 1, c.answer(new(proto.Results).Auto()).rows)
}

// An exception that the data cause comes at their end and leaves the connection usable.
func TestChDBExceptionOfAnInsertsData(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ch ClickHouse) {
		ctx, conn := within(t, patience), connect(t, ch, func(o *clickhouse.Options) { o.MaxOpenConns = 1 })
		require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS picky"))
		require.NoError(t, ch.Exec(ctx, "CREATE TABLE picky (n UInt64, m UInt8 MATERIALIZED throwIf(n = 13)) ENGINE = MergeTree ORDER BY n"))
		for n, code := range map[uint64]int32{1: 0, 13: 395} {
			batch, err := conn.PrepareBatch(ctx, "INSERT INTO picky (n)")
			require.NoError(t, err)
			require.NoError(t, batch.Append(n))
			err = batch.Send()
			if code == 0 {
				require.NoError(t, err)
				continue
			}
			var exception *clickhouse.Exception
			require.ErrorAs(t, err, &exception)
			assert.Equal(t, code, exception.Code)
		}
		require.NoError(t, conn.Ping(ctx))
		assert.Equal(t, [][]string{{"1"}}, query(ctx, t, ch, "SELECT n FROM picky"))
		_, err := conn.PrepareBatch(ctx, "INSERT INTO no_such_table (n)")
		if err == nil { // over HTTP the driver asks first, but for the table alone
			t.Fatal("a table that does not exist was inserted into")
		}
		var exception *clickhouse.Exception
		require.ErrorAs(t, err, &exception)
		assert.EqualValues(t, 60, exception.Code)
	})
}

// What the answer says of rows that were written: as many for an insert that was
// deduplicated as for one that was not, and those of views with them. What tells
// them apart is the event alone.
func TestChDBWrittenRows(t *testing.T) {
	ch, ctx := Shared.ClickHouse(t, KindChDB), within(t, patience)
	for _, sql := range []string{
		"DROP TABLE IF EXISTS written_view", "DROP TABLE IF EXISTS written_by_view", "DROP TABLE IF EXISTS written",
		"CREATE TABLE written (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100",
	} {
		require.NoError(t, ch.Exec(ctx, sql))
	}
	native := func(token string) map[string]int64 {
		c := dialRaw(t, ch)
		c.query("INSERT INTO written (n) VALUES", proto.Setting{Key: "insert_deduplication_token", Value: token, Important: true})
		c.header()
		c.block(proto.InputColumn{Name: "n", Data: proto.ColUInt64{1, 2, 3}})
		c.block()
		a := c.answer(nil)
		require.Nil(t, a.exception)
		return a.events
	}
	overHTTP := func(token string) string {
		address := "http://" + ch.HTTPAddr() + "/?query_id=q1&query=INSERT+INTO+written+(n)+FORMAT+TabSeparated&insert_deduplication_token=" + token
		resp, err := httpClient.Post(address, "", strings.NewReader("1\n2\n3\n"))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, "q1", resp.Header.Get("X-ClickHouse-Query-Id"))
		assert.Equal(t, "TabSeparated", resp.Header.Get("X-ClickHouse-Format"))
		assert.NotEmpty(t, resp.Header.Get("X-ClickHouse-Server-Display-Name"))
		return resp.Header.Get("X-ClickHouse-Summary")
	}
	events := native("a")
	assert.EqualValues(t, 3, events["InsertedRows"])
	assert.NotContains(t, events, "DuplicatedInsertedBlocks")
	events = native("a")
	assert.EqualValues(t, 3, events["InsertedRows"])
	assert.Positive(t, events["DuplicatedInsertedBlocks"])
	for range 2 {
		assert.Contains(t, overHTTP("b"), `"written_rows":"3"`)
	}
	assert.Equal(t, [][]string{{"6"}}, query(ctx, t, ch, "SELECT count() FROM written"))

	require.NoError(t, ch.Exec(ctx, "CREATE TABLE written_by_view (n UInt64) ENGINE = MergeTree ORDER BY n"))
	require.NoError(t, ch.Exec(ctx, "CREATE MATERIALIZED VIEW written_view TO written_by_view AS SELECT n FROM written WHERE n > 1"))
	assert.EqualValues(t, 5, native("c")["InsertedRows"])

	c := dialRaw(t, ch)
	c.query("INSERT INTO written SELECT number FROM numbers(10)")
	a := c.answer(nil)
	require.Nil(t, a.exception)
	assert.EqualValues(t, 18, a.progress.WroteRows, "an INSERT of a query has its progress")
	assert.EqualValues(t, 18, a.events["InsertedRows"])
	assert.Contains(t, overHTTP("d"), `"written_rows":"5"`)
}

func TestChDBNativeOverTLS(t *testing.T) {
	authority, err := NewAuthority(t.TempDir())
	require.NoError(t, err)
	cert, key, err := authority.Issue("server", "localhost")
	require.NoError(t, err)
	server, err := StartClickHouse(t.Context(), KindChDB, ClickHouseOptions{TLS: &ServerTLS{Cert: cert, Key: key}})
	require.NoError(t, err)
	closing(t, server)
	for _, ch := range []ClickHouse{server, OverNative(server)} {
		conn := connect(t, ch, func(o *clickhouse.Options) {
			o.Addr, o.TLS = []string{ch.TLSAddr()}, &tls.Config{InsecureSkipVerify: true}
		})
		require.NoError(t, conn.Ping(t.Context()), ch.Protocol())
	}
}

// eachFaulty runs a test with a table, and an insert of one row into it.
func eachFaulty(t *testing.T, test func(ctx context.Context, t *testing.T, ch FaultyClickHouse, insert func() error)) {
	eachProtocol(t, func(t *testing.T, ch ClickHouse) {
		faulty, ctx := ch.(FaultyClickHouse), within(t, patience)
		require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS faulty"))
		require.NoError(t, ch.Exec(ctx, "CREATE TABLE faulty (n UInt64) ENGINE = MergeTree ORDER BY n"))
		conn := connect(t, ch)
		test(ctx, t, faulty, func() error {
			batch, err := conn.PrepareBatch(ctx, "INSERT INTO faulty (n)")
			if err != nil {
				return err
			}
			defer batch.Close()
			if err := batch.Append(uint64(1)); err != nil {
				return err
			}
			return batch.Send()
		})
		left, err := faulty.FaultsLeft(ctx)
		require.NoError(t, err)
		assert.Zero(t, left)
		require.NoError(t, faulty.ClearFaults(ctx))
	})
}

func TestFaultsOfChDB(t *testing.T) {
	for name, f := range map[string]Fault{
		"exception":           {Code: 252, Text: "Too many parts"},
		"exception at once":   {Code: 252, Text: "Too many parts", Early: true},
		"executed, exception": {Code: 159, Text: "Timeout", Execute: true},
		"cut":                 {Cut: true},
		"executed, cut":       {Cut: true, Execute: true},
	} {
		t.Run(name, func(t *testing.T) {
			eachFaulty(t, func(ctx context.Context, t *testing.T, ch FaultyClickHouse, insert func() error) {
				f.Statement, f.Times = "^INSERT INTO faulty", 1
				require.NoError(t, ch.AddFault(ctx, f))
				err := insert()
				require.Error(t, err)
				var exception *clickhouse.Exception
				if assert.Equal(t, f.Code != 0, errors.As(err, &exception)) && f.Code != 0 {
					assert.EqualValues(t, f.Code, exception.Code)
					assert.Contains(t, exception.Message, f.Text)
				}
				want := "0"
				if f.Execute {
					want = "1"
				}
				assert.Equal(t, [][]string{{want}}, query(ctx, t, ch, "SELECT count() FROM faulty"))
				require.NoError(t, insert(), "the fault is over")
			})
		})
	}
}

// Answers that are no exceptions exist over HTTP alone. The driver takes both
// for a success, which is why a test needs them.
func TestFaultsOfChDBOverHTTP(t *testing.T) {
	ch, ctx := Shared.ClickHouse(t, KindChDB).(FaultyClickHouse), within(t, patience)
	send := func(method, query, body string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(ctx, method, "http://"+ch.HTTPAddr()+"/?query="+url.QueryEscape(query), strings.NewReader(body))
		require.NoError(t, err)
		resp, err := httpClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(text)
	}
	require.NoError(t, ch.Exec(ctx, "DROP TABLE IF EXISTS paged"))
	require.NoError(t, ch.Exec(ctx, "CREATE TABLE paged (n UInt64) ENGINE = MergeTree ORDER BY n"))
	require.NoError(t, ch.AddFault(ctx, Fault{Statement: "paged", Times: 1, Code: 241, Text: "Memory limit", Status: http.StatusOK}))
	require.NoError(t, ch.AddFault(ctx, Fault{Statement: "paged", Times: 1, Page: "<html>502</html>"}))

	c := dialRaw(t, ch)
	c.query("SELECT 'paged' AS s")
	require.EqualValues(t, 241, c.answer(nil).exception.Code, "over the native protocol there is no status")
	require.NoError(t, ch.AddFault(ctx, Fault{Statement: "paged", Times: 1, Code: 241, Text: "Memory limit", Status: http.StatusOK}))

	resp, text := send(http.MethodPost, "INSERT INTO paged FORMAT TSV", "1\n")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "<html>502</html>", text)
	assert.Contains(t, resp.Header.Get("Content-Type"), "text/html")
	for name := range resp.Header {
		assert.NotContains(t, strings.ToLower(name), "clickhouse")
	}
	resp, text = send(http.MethodPost, "INSERT INTO paged FORMAT TSV", "1\n")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "241", resp.Header.Get("X-ClickHouse-Exception-Code"))
	assert.Contains(t, text, "Code: 241. DB::Exception: Memory limit")
	assert.Equal(t, [][]string{{"0"}}, query(ctx, t, ch, "SELECT count() FROM paged"))
}

// Settings of a fault hold where a statement names none of its own.
func TestSettingsOfAFault(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ch ClickHouse) {
		ctx, conn, faulty := within(t, patience), connect(t, ch), ch.(FaultyClickHouse)
		columns := func(sql string) int {
			rows, err := conn.Query(ctx, sql)
			require.NoError(t, err)
			defer rows.Close()
			return len(rows.Columns())
		}
		require.Equal(t, 7, columns("DESCRIBE TABLE system.one"))
		require.NoError(t, faulty.AddFault(ctx, Fault{Statement: "^DESC", Times: 2, Settings: map[string]string{"describe_compact_output": "1"}}))
		assert.Equal(t, 2, columns("DESCRIBE TABLE system.one"))
		assert.Equal(t, 7, columns("DESCRIBE TABLE system.one SETTINGS describe_compact_output = 0"))
		assert.Equal(t, 7, columns("DESCRIBE TABLE system.one"))
	})
}

// A statement that is stalled is neither read nor answered, until the fault is cleared.
func TestStallOfAFault(t *testing.T) {
	eachFaulty(t, func(ctx context.Context, t *testing.T, ch FaultyClickHouse, insert func() error) {
		require.NoError(t, ch.AddFault(ctx, Fault{Statement: "INSERT INTO faulty", Times: 1, Stall: true}))
		done := make(chan error, 1)
		go func() { done <- insert() }()
		require.Eventually(t, func() bool {
			left, err := ch.FaultsLeft(ctx)
			return err == nil && left == 0
		}, patience, time.Millisecond)
		require.NoError(t, ch.Exec(ctx, "SELECT 1"), "others are served")
		select {
		case err := <-done:
			t.Fatalf("a stalled statement was answered: %v", err)
		default:
		}
		require.NoError(t, ch.ClearFaults(ctx))
		require.Error(t, <-done)
		assert.Equal(t, [][]string{{"0"}}, query(ctx, t, ch, "SELECT count() FROM faulty"))
		require.NoError(t, insert())
	})
}

func TestFaultsThatCannotBe(t *testing.T) {
	ch := Shared.ClickHouse(t, KindChDB).(FaultyClickHouse)
	require.ErrorContains(t, ch.AddFault(t.Context(), Fault{Statement: "(", Times: 1}), "reading the fault's statement")
	require.ErrorContains(t, ch.AddFault(t.Context(), Fault{}), "reading the fault's times: 0")
	legacy := Shared.ClickHouse(t, KindLegacy).(FaultyClickHouse)
	require.ErrorIs(t, legacy.AddFault(t.Context(), Fault{Times: 1, Cut: true}), ErrNoFaults)
}
