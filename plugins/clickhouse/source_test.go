package clickhouse

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// decodeSources decodes one message by the sources of its columns, given as
// name, type and source, and returns what the columns hold.
func decodeSources(t *testing.T, m *service.Message, reject bool, columns ...[3]string) ([]string, error) {
	t.Helper()
	given, list := map[string]any{}, []column.Spec{}
	for _, c := range columns {
		list = append(list, column.Spec{Name: c[0], Type: c[1]})
		given[c[0]] = c[2]
	}
	set, err := parseColumns(given)
	require.NoError(t, err)
	s := column.NewSchema("t", list)
	d := newDecoder(s, &config{columns: set, rejectUnknown: reject}, func() (*column.Block, error) { return newBlock(s, strictTimes) })
	d.records = recordsOf(service.MessageBatch{m})
	record, err := m.AsBytes()
	require.NoError(t, err)
	if err := d.Add(record, 0); err != nil {
		for _, b := range d.Blocks()[0].Columns {
			require.Zero(t, b.Len(), "a rejected row leaves no trace")
		}
		return nil, err
	}
	var got []string
	for _, b := range d.Blocks()[0].Columns {
		got = append(got, string(b.Key(nil, 0)))
	}
	return got, nil
}

func TestSources(t *testing.T) {
	m := service.NewMessage([]byte(`{"quote":{"bid":"1.5","n":{"odd name":"x"}},"s":"top","list":[1,2],"gone":null}`))
	m.MetaSetMut("kafka_offset", int64(7))
	m.MetaSetMut("key", "k")
	for from, want := range map[string]string{
		"quote.bid":                   "1.5",
		"this.quote.bid":              "1.5",
		`quote.n."odd name"`:          "x",
		"quote.n":                     `{"odd name":"x"}`,
		"this":                        `{"quote":{"bid":"1.5","n":{"odd name":"x"}},"s":"top","list":[1,2],"gone":null}`,
		"@key":                        "k",
		`metadata("key")`:             "k",
		"s":                           "top",
		"list":                        "[1,2]",
		`this.s.uppercase()`:          "TOP",
		`"binance"`:                   "binance",
		`this.list.map_each(v -> 2)`:  "[2,2]",
		`{"b":true,"a":[null,"é\""]}`: `{"a":[null,"é\""],"b":true}`,
		"quote.missing":               "",
		"gone.missing":                "",
		"@missing":                    "",
		"deleted()":                   "",
	} {
		got, err := decodeSources(t, m, false, [3]string{"c", "String", from})
		require.NoError(t, err, from)
		require.Equal(t, []string{want}, got, from)
	}
	for from, want := range map[string]string{
		"s.below":         `column "c" (String): value "top": a string where an object is expected, on the way to it in s`,
		"gone":            `column "c" (String): value null: null, but the column is not Nullable`,
		"@kafka_offset":   `column "c" (String): value 7: a number where a string is expected`,
		`this.s.number()`: `column "c": expression this.s.number(): `,
	} {
		_, err := decodeSources(t, m, false, [3]string{"c", "String", from})
		require.ErrorContains(t, err, want, from)
	}
}

// One field may serve several columns, as a whole and in parts.
func TestSourcesShareFields(t *testing.T) {
	m := service.NewMessage([]byte(`{"q":{"bid":2,"ask":3},"n":5}`))
	m.MetaSetMut("o", int64(9007199254740993))
	got, err := decodeSources(t, m, true,
		[3]string{"all", "String", "q"}, [3]string{"bid", "UInt8", "q.bid"}, [3]string{"bid2", "UInt8", "this.q.bid"},
		[3]string{"n", "UInt8", "n"}, [3]string{"o", "String", "@o.string()"}, [3]string{"sum", "UInt8", "this.q.bid + this.q.ask"})
	require.NoError(t, err)
	require.Equal(t, []string{`{"bid":2,"ask":3}`, "\x02", "\x02", "\x05", "9007199254740993", "\x05"}, got)

	_, err = decodeSources(t, m, true, [3]string{"bid", "UInt8", "q.bid"}, [3]string{"n", "UInt8", "n"})
	require.EqualError(t, err, `field "q.ask": no column takes it, and unknown_fields is reject`)
	m = service.NewMessage([]byte(`{"q":{"bid":2,"bid":3}}`))
	_, err = decodeSources(t, m, false, [3]string{"bid", "UInt8", "q.bid"})
	require.EqualError(t, err, `column "q.bid": the field is given twice`)
}

func TestColumnsFromTheirSources(t *testing.T) {
	engines(t, func(t *testing.T, server stack.ClickHouse) {
		table := newTable(t, server, "id UInt64, bid Float64, off UInt64, venue String, m UInt64 MATERIALIZED id + 1, d UInt8 DEFAULT 5, levels Nested(p Float64, q UInt8)")
		out := open(t, yamlFor(t, server, table, `
columns:
  id: id
  bid: this.quote.bid
  off: '@kafka_offset'
  venue: '"binance"'
  d: d`))
		batch := records(`{"id":1,"quote":{"bid":1.5}}`, `{"id":2,"quote":{"bid":"x"}}`, `{"id":3,"d":7}`)
		for i, m := range batch {
			m.MetaSetMut("kafka_offset", int64(100+i))
		}
		require.NoError(t, out.WriteBatch(t.Context(), batch))
		require.Equal(t, [][]string{{"1", "1.5", "100", "binance", "2", "5"}, {"3", "0", "102", "binance", "4", "7"}},
			query(t, server, "SELECT id, bid, off, venue, m, d FROM "+table+" ORDER BY id"))
		require.Len(t, boxOf(t).all(), 1)

		all := open(t, yamlFor(t, server, table, ""))
		require.NoError(t, all.WriteBatch(t.Context(), records(`{"id":9,"levels":[{"p":1.5,"q":1},{"q":2,"p":2.5}]}`)))
		require.Equal(t, [][]string{{"[1.5,2.5]", "[1,2]", "5"}}, query(t, server, "SELECT levels.p, levels.q, d FROM "+table+" WHERE id = 9"))
	})
}

func BenchmarkSources(b *testing.B) {
	for _, c := range []struct{ name, from string }{{"path", "q.bid"}, {"metadata", "@bid"}, {"expression", "this.q.bid * 2"}} {
		b.Run(c.name, func(b *testing.B) {
			set, err := parseColumns(map[string]any{"bid": c.from})
			require.NoError(b, err)
			s := column.NewSchema("t", []column.Spec{{Name: "bid", Type: "Float64"}})
			d := newDecoder(s, &config{columns: set}, func() (*column.Block, error) { return newBlock(s, strictTimes) })
			record := []byte(`{"q":{"bid":64123.25}}`)
			m := service.NewMessage(record)
			m.MetaSetMut("bid", 64123.25)
			d.records = recordsOf(service.MessageBatch{m})
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Add(record, 0); err != nil {
					b.Fatal(err)
				}
				d.Blocks()[0].Reset()
			}
		})
	}
}

func TestBadSourcesAreRefusedAtConstruction(t *testing.T) {
	conf, err := spec().ParseYAML(minimal+`columns: {a: "this.x +"}`, nil)
	require.NoError(t, err)
	_, err = newOutput(conf, service.MockResources())
	require.ErrorContains(t, err, `clickhouse.columns.a: "this.x +" is neither a field path nor a Bloblang expression`)
}
