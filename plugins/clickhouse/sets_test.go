package clickhouse

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	rec "github.com/data-bridge-io/data-bridge/plugins/clickhouse/record"
	"github.com/data-bridge-io/data-bridge/plugins/logtest"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// openLogging is open with what is logged.
func openLogging(t *testing.T, yaml string) (*output, *logtest.Text) {
	t.Helper()
	conf, err := spec().ParseYAML(yaml, nil)
	require.NoError(t, err)
	log := &logtest.Text{}
	out, err := newOutput(conf, service.MockResources(service.MockResourcesOptUseLogger(service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil))))))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, out.Close(context.Background())) })
	require.NoError(t, out.Connect(t.Context()))
	return out, log
}

// defaulted are columns whose defaults only the server can work out, other columns'
// values among them, with a value for each that is none.
var defaulted = []struct {
	definition, value string
	modern            bool // of what 18.16 does not know
	listed            bool // its type has a list, which a form may not name to 18.16
}{
	{definition: "a UInt32 DEFAULT id * 2", value: `7`},
	{definition: "b Int64 DEFAULT a + 1", value: `-8`},
	{definition: "s String DEFAULT concat('s', toString(b))", value: `"given"`},
	{definition: "lc LowCardinality(String) DEFAULT concat('x', s)", value: `"low"`},
	{definition: "n Nullable(Int32) DEFAULT if(id % 3 = 0, NULL, toInt32(id))", value: `null`},
	{definition: "arr Array(UInt32) DEFAULT [a, id]", value: `[]`},
	{definition: "at DateTime DEFAULT toDateTime(1500000000 + id)", value: `"2026-11-23 10:00:00"`},
	{definition: "day Date DEFAULT toDate(at)", value: `"2026-11-23"`},
	{definition: "f Float64 DEFAULT a / 3", value: `0.5`},
	{definition: "fs FixedString(4) DEFAULT toString(id % 1000)", value: `"fix"`},
	{definition: "u UUID DEFAULT toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", value: `"00000000-0000-0000-0000-000000000001"`},
	{definition: "z UInt64 DEFAULT mm * 2", value: `11`},
	{definition: "y UInt64 DEFAULT al + z", value: `12`, modern: true},
	{definition: "lam Array(UInt32) DEFAULT arrayMap(x -> x + a, arr)", value: `[1]`, modern: true},
	{definition: "shade Array(UInt64) DEFAULT arrayMap(id -> id + 1, arr)", value: `[2]`, modern: true},
	{definition: "d Decimal(18, 4) DEFAULT toDecimal64(id, 4) + 1", value: `2.5`, listed: true},
	{definition: "e Enum8('a' = 1, 'b' = 2) DEFAULT CAST(if(id % 2 = 0, 'a', 'b') AS Enum8('a' = 1, 'b' = 2))", value: `"b"`, listed: true},
	{definition: "m Map(String, UInt32) DEFAULT map('a', a)", value: `{"k":1}`, modern: true},
	{definition: "t DateTime64(3) DEFAULT toDateTime64(at, 3) + 0.5", value: `"2026-11-23 10:00:00.123"`, modern: true},
	{definition: "tup Tuple(x UInt32, y String) DEFAULT (a, s)", value: `{"x":1,"y":"why"}`, modern: true},
	{definition: "ip IPv4 DEFAULT toIPv4('192.0.2.1')", value: `"192.0.2.2"`, modern: true},
	{definition: "j JSON DEFAULT concat('{\"a\":', toString(a), '}')", value: `{"b":[1]}`, modern: true},
	{definition: "dyn Dynamic DEFAULT a", value: `"x"`, modern: true},
	{definition: "`odd )'name` UInt32 DEFAULT a + 3", value: `1`, modern: true},
	{definition: "`dot.ted` Array(UInt32) DEFAULT [a]", value: `[3]`, modern: true},
	{definition: "dotted UInt64 DEFAULT length(`dot.ted`) + tup.x", value: `4`, modern: true},
	{definition: "eph UInt32 EPHEMERAL a + 1", value: `9`, modern: true},
	{definition: "of UInt32 DEFAULT eph * 2", value: `10`, modern: true},
	{definition: "sum SimpleAggregateFunction(sum, UInt64) DEFAULT a", value: `5`, modern: true},
}

// defaultedColumns are the definitions that a server knows, and each column's name.
func defaultedColumns(server stack.ClickHouse) (definitions string, names []string, values map[string]string) {
	list := []string{"id UInt32", "mm UInt64 MATERIALIZED id + 3", "al UInt64 ALIAS mm + 1"}
	values = map[string]string{}
	for _, c := range defaulted {
		if server.Legacy() && (c.modern || c.listed && server.Protocol() == stack.ProtocolHTTP) {
			continue
		}
		name, _, _ := strings.Cut(c.definition, " ")
		if c.definition[0] == '`' {
			name, _, _ = strings.Cut(c.definition[1:], "`")
		}
		list = append(list, c.definition)
		names = append(names, name)
		values[name] = c.value
	}
	return strings.Join(list, ", "), names, values
}

// doors runs a test on every server by every protocol.
func doors(t *testing.T, test func(t *testing.T, server stack.ClickHouse)) {
	engines(t, test)
	t.Run(stack.KindLegacy+" http", func(t *testing.T) {
		test(t, byProtocol{stack.Shared.ClickHouse(t, stack.KindLegacy), stack.ProtocolHTTP})
	})
}

// sparse are n records that have each column at random.
func sparse(n int, names []string, values map[string]string) (texts []string, lists [][]string) {
	r := rand.New(rand.NewPCG(3, 4))
	for id := range n {
		text, list := fmt.Sprintf(`{"id":%d`, id), []string{"id"}
		for _, name := range names {
			if r.IntN(2) == 0 {
				text += fmt.Sprintf(`,%q:%s`, name, values[name])
				list = append(list, quote(name))
			}
		}
		texts, lists = append(texts, text+"}"), append(lists, list)
	}
	return texts, lists
}

// insertsInto is how many inserts a table has had, as its server counts them.
func insertsInto(t *testing.T, server stack.ClickHouse, table string) int {
	t.Helper()
	return atoi(t, query(t, server, "SELECT max(max_block_number) FROM system.parts WHERE table = '"+table+"'")[0][0])
}

// Records that lack columns at random, whose defaults only the server knows, are few
// inserts; what is stored is what the engine makes of each where its INSERT leaves
// these columns out.
func TestManySetsAreFewInserts(t *testing.T) {
	doors(t, func(t *testing.T, server stack.ClickHouse) {
		definitions, names, values := defaultedColumns(server)
		texts, lists := sparse(200, names, values)
		twin := newTable(t, server, definitions)
		for i, text := range texts {
			require.NoError(t, server.Exec(t.Context(), "INSERT INTO default."+twin+" ("+strings.Join(lists[i], ", ")+") FORMAT JSONEachRow "+text))
		}
		rows := func(table string) [][]string {
			return query(t, server, "SELECT *, mm FROM default."+table+" ORDER BY id")
		}
		for name, more := range map[string]string{"whatever the order": "", "in order": "preserve_order: true"} {
			t.Run(name, func(t *testing.T) {
				table := newTable(t, server, definitions)
				out, log := openLogging(t, yamlFor(t, server, table, more))
				require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
				require.Empty(t, boxOf(t).all())
				require.EqualValues(t, 1, out.board.Batches(), "%s", log)
				require.Equal(t, 1, insertsInto(t, server, table))
				require.Equal(t, rows(twin), rows(table))
			})
		}
	})
}

// Few sets stay inserts that leave columns out, which every server takes.
func TestFewSetsAreInsertsOfTheirOwn(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, a UInt32 DEFAULT rand(), b UInt32 DEFAULT rand(), c UInt32 DEFAULT rand()")
		texts, _ := sparse(64, []string{"a", "b", "c"}, map[string]string{"a": "1", "b": "2", "c": "3"})
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.Equal(t, "64 64", count(t, server, table))
		require.EqualValues(t, leastSets, out.board.Batches())
		require.Equal(t, leastSets, insertsInto(t, server, table))
	})
}

// Where a server does not take rows that lack different columns by one INSERT, each kind
// is an insert of its own; where these are many, the log says which columns it is
// about, and what the server says.
func TestInsertsForDefaultsAreTold(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, a UInt32 DEFAULT rand(), b UInt32 DEFAULT rand(), c UInt32 DEFAULT rand(), d UInt32 DEFAULT rand(), e UInt32 DEFAULT rand()")
		// Deep enough for a plain INSERT, and for questions, but not for a SELECT of defaults.
		out, log := openLogging(t, yamlFor(t, server, table, "settings: {max_ast_depth: 9}"))
		var texts []string
		for i := range 64 {
			text := fmt.Sprintf(`{"id":%d,"e":1`, i)
			for bit, name := range []string{"a", "b", "c", "d"} {
				if i>>bit&1 == 1 {
					text += fmt.Sprintf(`,%q:%d`, name, i)
				}
			}
			texts = append(texts, text+"}")
		}
		for range 2 {
			require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		}
		require.Equal(t, "128 64", count(t, server, table))
		require.EqualValues(t, 32, out.board.Batches())
		require.Equal(t, 1, strings.Count(log.String(), "come in 16 kinds"), "said once in a while: %s", log)
		require.Contains(t, log.String(), "a, b, c, d. Send these fields")
		require.Contains(t, log.String(), "AST is too deep")
	})
}

// A row that the server refuses for a default of its own is the one dead letter, though
// the default is worked out beside others; a row that would be refused for it, and has
// a value, is none.
func TestARowWhoseDefaultFailsIsTheOneDeadLetter(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, q UInt32, a UInt32 DEFAULT id, b UInt32 DEFAULT id, c UInt32 DEFAULT id, d UInt32 DEFAULT id, p UInt32 DEFAULT intDiv(100, q)")
		names := []string{"a", "b", "c", "d"}
		texts, _ := sparse(300, names, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
		for i := range texts {
			texts[i] = strings.TrimSuffix(texts[i], "}")
			switch i {
			case 123:
				texts[i] += `,"q":0}`
			case 124:
				texts[i] += `,"q":0,"p":6}`
			default:
				texts[i] += `,"q":7}`
			}
		}
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.Equal(t, "299 299", count(t, server, table))
		letters := boxOf(t).all()
		require.Len(t, letters, 1)
		require.Equal(t, texts[123], letters[0].body)
		require.Equal(t, [][]string{{"6", "298"}}, query(t, server, "SELECT minIf(p, q = 0), countIf(p = 14) FROM default."+table))
		require.Less(t, out.board.Batches(), int64(60), "halves, not rows")
	})
}

// Rows that lack different columns are stored once, though the answer is lost, and
// also where they are decoded anew before they are sent again.
func TestAMixedInsertOfUnknownOutcomeIsRepeated(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		for name, decodedAnew := range map[string]bool{"as it was": false, "decoded anew": true} {
			t.Run(name, func(t *testing.T) {
				table := newWindowTable(t, server, "id UInt32, a UInt32 DEFAULT id, b UInt32 DEFAULT id, c UInt32 DEFAULT id, d UInt32 DEFAULT id")
				texts, _ := sparse(200, []string{"a", "b", "c", "d"}, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
				out := open(t, yamlFor(t, server, table, ""))
				require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO .*" + table + ".* SELECT", Times: 1})) // the trial
				require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO .*" + table + ".* SELECT", Times: 1, Execute: true, Cut: true}))
				if decodedAnew {
					require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: "INSERT INTO .*" + table + ".* SELECT", Times: 1, Code: 16, Text: "No such column"}))
				}
				require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
				left, err := server.FaultsLeft(t.Context())
				require.NoError(t, err)
				require.Zero(t, left)
				require.Equal(t, "200 200", count(t, server, table))
				require.EqualValues(t, 1, out.board.Batches())
				if server.Protocol() == protocolNative {
					require.EqualValues(t, 200, out.board.Table(table).Deduplicated.Load())
				}
			})
		}
	})
}

// Rows that were one insert of unknown outcome become one again, under their token, even
// if they could be few that leave columns out.
func TestAPromiseOfDifferentRowsIsOneInsert(t *testing.T) {
	known := column.NewSchema("t", []column.Spec{{Name: "id", Type: "UInt32"}, {Name: "a", Type: "UInt32", HasDefault: true, Expression: "id"}})
	s := &sink{cfg: &config{times: strictTimes}, table: tableNamed("t"), trouble: &trouble{}, metrics: &metrics{}}
	s.table.learn(known, s.table.readAt)
	s.table.noteMixing(known, mixing{tried: true})
	c := chunkOf(t, s, []string{`{"id":0}`, `{"id":1,"a":1}`, `{"id":2}`, `{"id":3}`})
	c.promises = []promise{{rows: 3, token: "token"}}
	_, err := s.decodeFor(t.Context(), known, c)
	require.NoError(t, err)
	require.Len(t, c.pending, 1)
	require.Equal(t, []int{0, 1, 2}, c.pending[0].records())
	require.Equal(t, "token", c.pending[0].token)
	require.True(t, c.pending[0].maybe)
	require.True(t, c.pending[0].part().Varies())
	require.Equal(t, 3, c.next)

	s.table.noteMixing(known, mixing{tried: true, refusal: errDrift})
	c.next, c.pending, c.promises = 0, nil, []promise{{rows: 3, token: "token"}}
	_, err = s.decodeFor(t.Context(), known, c)
	require.NoError(t, err)
	require.Len(t, c.pending, 2, "a server that refuses it cannot have stored it")
}

// A default may refer to columns that the output is told to leave to the server.
func TestMixedInsertsOfSomeColumns(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		hidden := "hidden UInt32 DEFAULT id + 5, mm UInt32 MATERIALIZED hidden + 1"
		if !server.Legacy() {
			hidden = "zero UInt32, hidden UInt32 DEFAULT id + 5 + zero, mm UInt32 MATERIALIZED hidden + 1"
		}
		table := newTable(t, server, "id UInt32, a UInt32 DEFAULT id * 2, b UInt32 DEFAULT hidden, c UInt32 DEFAULT mm, d UInt32 DEFAULT a, unseen UInt8 MATERIALIZED 1, "+hidden)
		texts, _ := sparse(100, []string{"a", "b", "c", "d"}, map[string]string{"a": "1001", "b": "1002", "c": "1003", "d": "1004"})
		out := open(t, yamlFor(t, server, table, "columns: [id, d, c, b, a]"))
		for range 2 {
			require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		}
		require.EqualValues(t, 2, out.board.Batches())
		require.Equal(t, 2, insertsInto(t, server, table))
		require.Equal(t, [][]string{{"200", "200", "200", "200"}}, query(t, server, "SELECT countIf(a = 1001 OR a = id * 2), countIf(b = 1002 OR b = id + 5), "+
			"countIf(c = 1003 OR c = id + 6), countIf(d = 1004 OR d = a) FROM default."+table))
	})
}

// A field of a new name is told of, though the records are decoded twice.
func TestAStrangerIsSeenInAMixedBlock(t *testing.T) {
	specs := []column.Spec{{Name: "id", Type: "UInt32"}}
	for i := range leastSets + 1 {
		specs = append(specs, column.Spec{Name: fmt.Sprintf("c%d", i), Type: "UInt32", HasDefault: true, Expression: "id"})
	}
	known := column.NewSchema("t", specs)
	s := &sink{cfg: &config{times: strictTimes}, table: tableNamed("t"), trouble: &trouble{}, metrics: &metrics{}}
	s.table.learn(known, s.table.readAt)
	s.table.noteMixing(known, mixing{tried: true})
	texts := []string{`{"id":0,"new":1}`, `{"id":"none"}`, `{"id":1,"other":{}}`}
	for i := range leastSets + 1 {
		texts = append(texts, fmt.Sprintf(`{"id":%d,"c%d":1}`, 2+i, i))
	}
	c := chunkOf(t, s, texts)
	stranger, err := s.decodeFor(t.Context(), known, c)
	require.NoError(t, err)
	require.True(t, stranger)
	require.Len(t, c.unfit, 1, "told once")
	require.Equal(t, 1, c.unfit[0].index)
	require.Len(t, c.pending, 1)
	require.Len(t, c.pending[0].records(), len(texts)-1)
}

// A server that refuses what another, or itself, has taken on trial gets an insert for each
// kind: no row waits for it.
func TestAMixedInsertThatIsRefusedLater(t *testing.T) {
	faulty(t, func(t *testing.T, server stack.FaultyClickHouse) {
		for name, fault := range map[string]stack.Fault{
			"for a type":                   {Code: 43, Text: "Illegal types"},
			"for a right":                  {Code: 497, Text: "Not enough privileges"},
			"for what nobody knows":        {Code: 167, Text: "AST is too deep"},
			"for a form that is too large": {Code: 290, Text: "Limit for (the maximum size of multipart/form-data. This limit can be tuned by 'http_max_multipart_form_data_size' setting) exceeded"},
		} {
			t.Run(name, func(t *testing.T) {
				table := newTable(t, server, "id UInt32, a UInt32 DEFAULT id, b UInt32 DEFAULT id, c UInt32 DEFAULT id, d UInt32 DEFAULT id")
				texts, _ := sparse(100, []string{"a", "b", "c", "d"}, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
				out := open(t, yamlFor(t, server, table, ""))
				statement := "INSERT INTO .*" + table + ".* SELECT"
				require.NoError(t, server.AddFault(t.Context(), stack.Fault{Statement: statement, Times: 1})) // the trial
				fault.Statement, fault.Times = statement, 1
				require.NoError(t, server.AddFault(t.Context(), fault))
				ctx, cancel := context.WithTimeout(t.Context(), long)
				defer cancel()
				require.NoError(t, out.WriteBatch(ctx, records(texts...)))
				require.Equal(t, "100 100", count(t, server, table))
				want := int64(16)
				if fault.Code == 290 {
					want = 2 // halves
				}
				require.Equal(t, want, out.board.Batches())
			})
		}
	})
}

// A table whose columns become narrower gets no number that was wrapped around, nor a
// default that it does not have any more.
func TestMixedInsertsSeeAnAlteredTable(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32, a UInt32 DEFAULT id, b UInt32 DEFAULT id, c UInt32 DEFAULT id, d UInt32 DEFAULT id")
		names := []string{"a", "b", "c", "d"}
		texts, _ := sparse(100, names, map[string]string{"a": "201", "b": "202", "c": "203", "d": "204"})
		out := open(t, strings.Replace(yamlFor(t, server, table, ""), "max_interval: 200ms", "max_interval: 200ms, max_retries: 2", 1))
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY COLUMN a UInt8 DEFAULT id + 1"))
		require.NoError(t, out.WriteBatch(t.Context(), records(texts...)))
		require.Equal(t, [][]string{{"200", "200"}}, query(t, server, "SELECT count(), countIf(a = 201 OR a = id OR a = id + 1) FROM default."+table))
		require.Positive(t, atoi(t, query(t, server, "SELECT count() FROM default."+table+" WHERE a = id + 1")[0][0]))

		require.NoError(t, server.Exec(t.Context(), "ALTER TABLE default."+table+" MODIFY COLUMN b UInt8 DEFAULT id"))
		texts[50] = `{"id":50,"b":300}`
		require.Error(t, out.WriteBatch(t.Context(), records(texts...)), "what fitted the table does not any more")
		require.Equal(t, "0", query(t, server, "SELECT count() FROM default."+table+" WHERE b = 44 AND id != 44")[0][0])
	})
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// Where every column has such a default, nothing can be inserted for a record that
// has none, and it is said why.
func TestARowOfServerDefaultsAloneIsADeadLetter(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt32 DEFAULT rand(), at DateTime DEFAULT now()")
		out := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, out.WriteBatch(t.Context(), records(`{}`, `{"id":7}`)))
		require.Equal(t, "1 1", count(t, server, table))
		letters := boxOf(t).all()
		require.Len(t, letters, 1)
		require.Contains(t, letters[0].meta[metaError], "a default that only the server can work out")
		require.EqualValues(t, 1, out.board.Table(table).Unmatched.Load())
	})
}

// What the columns of a chunk hold at a time is bounded, however many they are,
// however few of them records have, and however different these are. Nothing is
// skipped where a stretch ends.
func TestMemoryOfWideTablesIsBounded(t *testing.T) {
	const columns = 100
	for name, c := range map[string]struct {
		hasDefault, mixed bool
		rows              int
	}{
		"rows of zeros":           {false, false, 60_000},
		"a block for each record": {true, false, 2_400},
		"a mixed block":           {true, true, 60_000},
	} {
		t.Run(name, func(t *testing.T) {
			specs := []column.Spec{{Name: "id", Type: "UInt32"}}
			for i := range columns {
				specs = append(specs, column.Spec{Name: fmt.Sprintf("c%d", i+1), Type: "Int256", HasDefault: c.hasDefault})
			}
			known := column.NewSchema("t", specs)
			s := &sink{cfg: &config{times: strictTimes}, table: tableNamed("t"), trouble: &trouble{}, metrics: &metrics{}}
			s.table.learn(known, s.table.readAt)
			d := s.table.takeDecoder(known, s.cfg)
			chunk := &chunk{sink: s}
			var texts []string
			for i := range c.rows {
				texts = append(texts, fmt.Sprintf(`{"id":%d,"c%d":1,"c%d":1}`, i, 1+i%40, 41+i/40%60))
			}
			chunk.Take([]*delivery{newDelivery(t.Context(), recordsOf(records(texts...)), nil)})
			decoded := 0
			for chunk.next < c.rows {
				if c.mixed {
					d.Mix()
				}
				unfit, next, err := s.decodeRun(d, chunk, min(c.rows, chunk.next+s.stretch(known)), mostSets(known))
				require.NoError(t, err)
				require.Empty(t, unfit)
				require.Greater(t, next, chunk.next)
				// The slices of columns double as they grow.
				require.LessOrEqual(t, d.Size(), 2*blockMemory, "of %d records", next-chunk.next)
				// A column takes memory beside its values.
				require.LessOrEqual(t, len(d.Blocks())*columns*emptyColumn, blockMemory, "in %d blocks", len(d.Blocks()))
				for _, b := range d.Blocks() {
					decoded += b.Len()
					s.table.recycle(b)
				}
				d.Release()
				chunk.next = next
			}
			require.Equal(t, c.rows, decoded)
		})
	}
}

// A record that the decoder panics at is a dead letter, and no other is.
func TestAPanicOfTheDecoderIsARecordsFault(t *testing.T) {
	known := column.NewSchema("t", []column.Spec{{Name: "id", Type: "UInt32"}})
	s := &sink{cfg: &config{times: strictTimes}, table: tableNamed("t"), trouble: &trouble{log: service.MockResources().Logger()}}
	c := chunkOf(t, s, ids(0, 4))
	c.records[2] = record{} // without a message, as none is
	_, err := s.decodeFor(t.Context(), known, c)
	require.NoError(t, err)
	require.Len(t, c.unfit, 1)
	require.Equal(t, 2, c.unfit[0].index)
	require.ErrorIs(t, c.unfit[0].err, rec.ErrInternal)
	require.Len(t, c.pending, 1)
	require.Equal(t, []int{0, 1, 3}, c.pending[0].records())
}
