package clickhouse

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/plugins/clickhouse/column"
)

// expressions are each with the fields that it reads; "*" is the record.
var expressions = map[string]string{
	`this.price * 100`:                                      "price",
	`price * 100`:                                           "price",
	`this.quote.bid + quote.ask`:                            "quote.bid quote.ask",
	`this."odd name".x.uppercase()`:                         "odd name.x",
	`this.s.uppercase().trim()`:                             "s",
	"this.s. # of this.t\n  uppercase()":                    "s",
	`this.items.0.price`:                                    "items",
	`this.a.or(this.b).or(c)`:                               "a b c",
	`if this.a == "x" { this.b } else { d.e }`:              "a b d.e",
	`this.list.map_each(v -> v.x + this.rate)`:              "list rate",
	`this.list.map_each(this * 2)`:                          "list",
	`this.list.fold(0, item -> item.tally + 1)`:             "list",
	`this.(a + b)`:                                          "a b",
	`this.q.(bid + ask)`:                                    "q bid ask",
	`this.(r -> r.a + r.b)`:                                 "*",
	`this.q.(r -> r.bid)`:                                   "q",
	`this.format_json()`:                                    "*",
	`this.without("x").format_json()`:                       "*",
	`this.list.map_each(v -> this.format_json())`:           "list *",
	`this.get("q.bid")`:                                     "q.bid",
	`this.exists("q.bid")`:                                  "q.bid",
	`json("q.bid") + json("n.0.x")`:                         "q.bid n",
	`json().q`:                                              "*",
	`content().string()`:                                    "*",
	`"this.no " + """this.not "neither" ones"""`:            "",
	`@key + meta("k") + metadata("this.k").string()`:        "",
	`@"this.odd".string()`:                                  "",
	`{"a": this.x, "b": [y, 5, 1.5, true, null]}`:           "x y",
	`match this.side { this == "b" => bid, _ => this.ask }`: "side bid ask",
	`match { this.side == "b" => this, _ => null }`:         "side *",
	`match this { this.side == "b" => this.bid }`:           "* side bid",
	`timestamp_unix(  )`:                                    "",
	`range(start: this.from, stop: to, step: 2)`:            "from to",
	`this.ts.ts_parse("2006").ts_unix()`:                    "ts",
	`5.string() + this.n`:                                   "n",
	`deleted()`:                                             "",
	`-this.n`:                                               "n",
	`!this.gone && (other || this.last)`:                    "gone other last",
}

func TestFieldsRead(t *testing.T) {
	for text, want := range expressions {
		var got []string
		for _, path := range fieldsRead(text) {
			if len(path) == 0 {
				path = []string{"*"}
			}
			if p := strings.Join(path, "."); !slices.Contains(got, p) {
				got = append(got, p)
			}
		}
		require.Equal(t, want, strings.Join(got, " "), text)
	}
}

// The host's parser knows it better, and keeps it to itself: what it finds, we find.
func TestFieldsReadAreThoseOfTheHost(t *testing.T) {
	for text := range expressions {
		expr, err := bloblang.Parse("root.value = " + text)
		require.NoError(t, err, text)
		ours := fieldsRead(text)
		for _, theirs := range hostsTargets(expr) {
			require.Condition(t, func() bool {
				return slices.ContainsFunc(ours, func(path []string) bool {
					n := min(len(path), len(theirs))
					return len(path) == 0 || n > 0 && slices.Equal(path[:n], theirs[:n])
				})
			}, "%s: the host reads %v, we find %v", text, theirs, ours)
		}
	}
}

// hostsTargets are the fields that the host says a mapping reads; it has no public
// way to ask.
func hostsTargets(expr *bloblang.Executor) (paths [][]string) {
	inner := reflect.ValueOf(expr.XUnwrapper()).MethodByName("Unwrap").Call(nil)[0]
	query := inner.MethodByName("QueryTargets")
	targets := query.Call([]reflect.Value{reflect.Zero(query.Type().In(0))})[1]
	for i := range targets.Len() {
		const ofValue = 1
		at := targets.Index(i)
		path := at.FieldByName("Path")
		if at.FieldByName("Type").Int() == ofValue && path.Len() > 0 {
			paths = append(paths, path.Interface().([]string))
		}
	}
	return paths
}

func FuzzFieldsRead(f *testing.F) {
	for text := range expressions {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) { fieldsRead(text) })
}

// A field is known by whatever in the configuration reads it, as a record that has it
// is one of those that were meant.
func TestFieldsThatExpressionsReadAreKnown(t *testing.T) {
	parse := func(yaml string) *config {
		conf, err := spec().ParseYAML("dead_letter: {drop: {}}\nunknown_fields: reject\n"+yaml, nil)
		require.NoError(t, err)
		c, err := parseConfig(conf)
		require.NoError(t, err)
		return &c
	}
	add := func(c *config, s *column.Schema, text string) error {
		d := newDecoder(s, c, func() (*column.Block, error) { return newBlock(s, strictTimes) })
		d.records = recordsOf(service.MessageBatch{service.NewMessage([]byte(text))})
		return d.Add([]byte(text), 0)
	}
	computed := column.NewSchema("t", []column.Spec{{Name: "bid", Type: "UInt8"}, {Name: "sum", Type: "UInt16"}})
	c := parse("addresses: [127.0.0.1:1]\ntable: t\ncolumns: {bid: q.bid, sum: this.n + this.q.ask}")
	require.NoError(t, add(c, computed, `{"n":5,"q":{"bid":1,"ask":2}}`))
	require.EqualError(t, add(c, computed, `{"n":5,"q":{"bid":1,"ask":2,"x":3}}`), `field "q.x": no column takes it, and unknown_fields is reject`)
	require.EqualError(t, add(c, computed, `{"n":5,"m":5,"q":{"bid":1,"ask":2}}`), `field "m": no column takes it, and unknown_fields is reject`)
	c = parse("addresses: [127.0.0.1:1]\ntable: t\ncolumns: {bid: q.bid, sum: this.length()}")
	require.NoError(t, add(c, computed, `{"n":5,"q":{"bid":1,"ask":2}}`))

	plain := column.NewSchema("t", []column.Spec{{Name: "bid", Type: "UInt8"}})
	sharded := "shards: [{addresses: [127.0.0.1:1]}, {addresses: [127.0.0.1:2]}]\nshard_by: this.key\ntable: '${! json(\"to\") }'"
	require.NoError(t, add(parse(sharded), plain, `{"bid":1,"to":"t","key":1}`))
	require.EqualError(t, add(parse(sharded), plain, `{"bid":1,"to":"t","keys":1}`), `field "keys": no column takes it, and unknown_fields is reject`)

	lost := column.NewSchema("t", []column.Spec{{Name: "bid", Type: "UInt8"}})
	lost.Lost = map[string]bool{"key": true}
	require.ErrorContains(t, add(parse(sharded), lost, `{"bid":1,"key":1}`), "has lost this column")
}
