package clickhouse

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack"
)

// decodeSources decodes one message by the sources of its columns, given as
// name, type and source, and returns what the columns hold.
func decodeSources(t *testing.T, m *service.Message, reject bool, columns ...[3]string) ([]string, error) {
	t.Helper()
	given, list := map[string]any{}, []column{}
	for _, c := range columns {
		list = append(list, column{name: c[0], typ: c[1]})
		given[c[0]] = c[2]
	}
	set, err := parseColumns(given)
	require.NoError(t, err)
	s := newSchema("t", list)
	d := newDecoder(s, set.sources, reject, func() (*block, error) { return newBlock(s, strictTimes) })
	d.records = recordsOf(service.MessageBatch{m})
	record, err := m.AsBytes()
	require.NoError(t, err)
	if err := d.add(record, 0); err != nil {
		for _, b := range d.blocks[0].builders {
			require.Zero(t, b.len(), "a rejected row leaves no trace")
		}
		return nil, err
	}
	var got []string
	for _, b := range d.blocks[0].builders {
		got = append(got, string(b.key(nil, 0)))
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
	require.EqualError(t, err, `column "q.ask": no column of that name`)
	m = service.NewMessage([]byte(`{"q":{"bid":2,"bid":3}}`))
	_, err = decodeSources(t, m, false, [3]string{"bid", "UInt8", "q.bid"})
	require.EqualError(t, err, `column "q.bid": the field is given twice`)
}

func TestNestedFromAnArrayOfObjects(t *testing.T) {
	s := newSchema("t", []column{{name: "id", typ: "UInt8"}, {name: "l.price", typ: "Array(Float64)"}, {name: "l.qty", typ: "Array(UInt8)"}})
	d := decoderFor(s, false)
	for i, record := range []string{
		`{"id":1,"l":[{"price":1.5,"qty":1},{"qty":2,"price":2.5,"x":0}]}`, `{"l":[],"id":2}`, `{"id":3,"l.price":[9],"l.qty":[9]}`,
	} {
		require.NoError(t, d.add([]byte(record), i))
	}
	b := d.blocks[0]
	require.Equal(t, []uint64{2, 2, 3}, b.builders[1].(*arrayColumn).ends)
	require.Equal(t, []uint64{2, 2, 3}, b.builders[2].(*arrayColumn).ends)
	require.Equal(t, []float64{1.5, 2.5, 9}, b.builders[1].(*arrayColumn).inner.(*fixed[float64]).values)
	for record, want := range map[string]string{
		`{"l":[{"price":1,"qty":1},{"price":2}]}`:                 "element 1 lacks it",
		`{"l":[{"price":1,"qty":300}]}`:                           "out of range",
		`{"l":[{"price":1,"qty":1,"qty":1}]}`:                     "the field is given twice",
		`{"l":[1]}`:                                               "element 0: a number where an object is expected",
		`{"l":{"price":[1],"qty":[1]}}`:                           "an object where an array of objects is expected",
		`{"l":[{"price":1,"qty":1}],"l.qty":[1],"l.price":[1]}`:   "the field is given twice",
		`{"l":[{"price":1,"qty":1},{"price":1,"qty":1}],"id":-1}`: "out of range",
	} {
		require.ErrorContains(t, d.add([]byte(record), 0), want, record)
		require.Equal(t, 3, b.builders[1].len())
		require.Equal(t, 3, b.builders[1].(*arrayColumn).inner.len(), record)
		require.Equal(t, 3, b.builders[2].(*arrayColumn).inner.len(), record)
	}
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
			s := newSchema("t", []column{{name: "bid", typ: "Float64"}})
			d := newDecoder(s, set.sources, false, func() (*block, error) { return newBlock(s, strictTimes) })
			record := []byte(`{"q":{"bid":64123.25}}`)
			m := service.NewMessage(record)
			m.MetaSetMut("bid", 64123.25)
			d.records = recordsOf(service.MessageBatch{m})
			b.ReportAllocs()
			for b.Loop() {
				if err := d.add(record, 0); err != nil {
					b.Fatal(err)
				}
				d.blocks[0].reset()
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
