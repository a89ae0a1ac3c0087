package json

import (
	stdjson "encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack/ticks"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		`[{"a":1},{"a":[{}]} , {} ]`:              {`{"a":1}`, `{"a":[{}]}`, `{}`},
		`{"a":1}` + "\n" + `{"a":2}` + "\r\n":     {`{"a":1}`, `{"a":2}`},
		`{"a":1} [{"a":2}]`:                       {`{"a":1}`, `{"a":2}`},
		`{"a":1}{"a":{"b":{}}} {}`:                {`{"a":1}`, `{"a":{"b":{}}}`, `{}`},
		"\xef\xbb\xbf[1,\"x\",{\"a\":1}]":         {`1`, `"x"`, `{"a":1}`},
		"\xef\xbb\xbf{}\n{}":                      {`{}`, `{}`},
		"[{\"a\":1}]\n[{\"a\":2},{}]\n{\"a\":3}":  {`{"a":1}`, `{"a":2}`, `{}`, `{"a":3}`},
		"{\n\"a\":{\n\"b\":1}\n}\n{\n \"a\":2\n}": {"{\n\"a\":{\n\"b\":1}\n}", "{\n \"a\":2\n}"},
	} {
		require.True(t, Several([]byte(text)), text)
		var texts []string
		for _, p := range Split([]byte(text)) {
			require.NoError(t, p.Err, text)
			texts = append(texts, string(p.Text))
		}
		require.Equal(t, want, texts, text)
	}
	for _, text := range []string{"", "no", `{"a":1}`, ` {"a":{"b":{}}} ` + "\n", `{"a":"}"}`, "\xef\xbb\xbf{\"a\":1}", `{"a":[{},{}]}`} {
		require.False(t, Several([]byte(text)), text)
		require.False(t, Lines([]byte(text)), text)
	}
	require.Len(t, Split([]byte(`{"a":"} {"}`)), 1, "what looks like two may be one")
	empty := Split([]byte(" \n[ ] "))
	require.Len(t, empty, 1)
	require.ErrorIs(t, empty[0].Err, ErrNoRecord)
}

// Of records on lines of their own, a broken one takes no other with it. What
// begins with ! is no record.
func TestABrokenLineStandsAlone(t *testing.T) {
	for text, want := range map[string][]string{
		`[{"a":1},`:                        {`![{"a":1},`},
		`[{"a":1}] x`:                      {`![{"a":1}] x`},
		`{"a":1} {`:                        {`!{"a":1} {`},
		`{"a":1}{} x`:                      {`!{"a":1}{} x`},
		`[{"a":1} {}]`:                     {`![{"a":1} {}]`},
		"{\"a\":1}\n{\"a\":x\n{\"a\":3}\n": {`{"a":1}`, `!{"a":x`, `{"a":3}`},
		"{\"a\":1}\n{\"a\":\n{\"a\":3}\n":  {`{"a":1}`, `!{"a":`, `{"a":3}`},
		"{\"a\":00,\n\"b\":\n{\"c\":1}\n,\"d\":1}":                          {"!{\"a\":00,\n\"b\":\n{\"c\":1}\n,\"d\":1}"},
		"{\"a\":00,\n\"b\"\n{\"c\":1}\n}":                                   {"!{\"a\":00,\n\"b\"\n{\"c\":1}\n}"},
		"{\"a\":1\n};\nx":                                                   {"!{\"a\":1\n};\nx"},
		"{\"a\":\n{\"a\":3}":                                                {"!{\"a\":\n{\"a\":3}"},
		"{\"a\":1}\nno\nneither\r\n{\"a\":3} {}\noops":                      {`{"a":1}`, "!no\nneither", `{"a":3}`, `{}`, `!oops`},
		"no\n{\"a\":3}\n[]\n[{\"a\":4}]":                                    {`!no`, `{"a":3}`, `![]`, `{"a":4}`},
		"{\"a\":\"x\n{\"a\":2}\n{\"a\":3":                                   {"!{\"a\":\"x\n{\"a\":2}\n{\"a\":3"}, // the string may go on
		"[{\"a\":1},\n{\"a\":,\n{\"a\":3}\n]\n[{\"a\":4}]":                  {"![{\"a\":1},\n{\"a\":,\n{\"a\":3}\n]", `{"a":4}`},
		"{\n  \"a\": 1\n}\n{\n  \"a\": ,\n  \"b\": {}\n}\n{\n  \"a\": 3\n}": {"{\n  \"a\": 1\n}", "!{\n  \"a\": ,\n  \"b\": {}\n}\n{\n  \"a\": 3\n}"},
	} {
		require.True(t, Several([]byte(text)) || Lines([]byte(text)), text)
		var texts []string
		for _, p := range Split([]byte(text)) {
			mark := ""
			if p.Err != nil {
				mark = "!"
			}
			texts = append(texts, mark+string(p.Text))
		}
		require.Equal(t, want, texts, text)
	}
}

func TestAByteOrderMarkIsNoError(t *testing.T) {
	d := decoderFor(ticks.Schema(), false)
	require.NoError(t, d.Add([]byte("\xef\xbb\xbf"+ticks.Record+" \r\n\t"), 0))
	require.ErrorIs(t, d.Add([]byte("\xef\xbb\xbf\xef\xbb\xbf"+ticks.Record), 1), ErrMalformed)
}

// What the standard library reads as a row of values is split into these.
func FuzzSplit(f *testing.F) {
	f.Add(`{"a":1}{"b":"} {"} [{}]`)
	f.Add(`[{"a":1},{}]`)
	f.Add(`{} [{}]`)
	f.Add("{\"a\":{}}\n{}\n")
	f.Add("{\"a\":1\n{\"a\":2}")
	f.Add(`{"a":1}`)
	f.Add("{\"a\":\n{}\nx\n[{}]\n[{},\n{}")
	f.Fuzz(func(t *testing.T, text string) {
		got := Split([]byte(text))
		if Alone([]byte(text)) {
			require.False(t, Several([]byte(text)) || Lines([]byte(text)))
			require.Len(t, got, 1)
		}
		if Several([]byte(text)) || Lines([]byte(text)) {
			require.NotEmpty(t, got)
		}
		rest := text
		for _, p := range got { // none of it is lost
			before, after, found := strings.Cut(rest, string(p.Text))
			require.True(t, found)
			require.Empty(t, strings.Trim(before, "\xef\xbb\xbf[], \t\r\n"))
			rest = after
		}
		require.Empty(t, strings.Trim(rest, "\xef\xbb\xbf[], \t\r\n"))
		if slices.ContainsFunc(got, func(p Piece) bool { return p.Err != nil }) || !plain([]byte(text)) || strings.HasPrefix(text, "\xef\xbb\xbf") {
			return
		}
		var want []string
		for dec := stdjson.NewDecoder(strings.NewReader(text)); ; {
			var r stdjson.RawMessage
			if err := dec.Decode(&r); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if r[0] != '[' {
				want = append(want, string(r))
				continue
			}
			var raw []stdjson.RawMessage
			require.NoError(t, stdjson.Unmarshal(r, &raw))
			for _, r := range raw {
				want = append(want, string(r))
			}
		}
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i], string(got[i].Text))
		}
		if len(want) > 1 {
			require.True(t, Several([]byte(text)))
		}
	})
}

// What it costs to know that a record is one.
func BenchmarkSeveral(b *testing.B) {
	for name, text := range map[string]string{"flat": ticks.Record, "nested": `{"a":{"b":{"c":1}},"d":[{"e":"x"},{"e":"y"}],"f":"some more text to look through"}`} {
		b.Run(name, func(b *testing.B) {
			record := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				if !Alone(record) && (Several(record) || Lines(record)) {
					b.Fatal("it is one")
				}
			}
		})
	}
}
