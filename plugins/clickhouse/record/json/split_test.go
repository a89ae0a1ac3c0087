package json

import (
	stdjson "encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/data-bridge-io/data-bridge/tests/stack/ticks"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		`[{"a":1},{"a":[{}]} , {} ]`:          {`{"a":1}`, `{"a":[{}]}`, `{}`},
		" \n[ ] ":                             nil,
		`{"a":1}` + "\n" + `{"a":2}` + "\r\n": {`{"a":1}`, `{"a":2}`},
		`{"a":1}{"a":{"b":{}}} {}`:            {`{"a":1}`, `{"a":{"b":{}}}`, `{}`},
		"\xef\xbb\xbf[1,\"x\",{\"a\":1}]":     {`1`, `"x"`, `{"a":1}`},
		"\xef\xbb\xbf{}\n{}":                  {`{}`, `{}`},
	} {
		require.True(t, Several([]byte(text)), text)
		got, err := Split([]byte(text))
		require.NoError(t, err, text)
		var texts []string
		for _, record := range got {
			texts = append(texts, string(record))
		}
		require.Equal(t, want, texts, text)
	}
	for _, text := range []string{"", "no", `{"a":1}`, ` {"a":{"b":{}}} ` + "\n", `{"a":"}"}`, "\xef\xbb\xbf{\"a\":1}", `{"a":[{},{}]}`} {
		require.False(t, Several([]byte(text)), text)
	}
	for _, text := range []string{`[{"a":1},`, `[{"a":1}] x`, `{"a":1} {`, `{"a":1}{} x`, `[{"a":1} {}]`} {
		_, err := Split([]byte(text))
		require.ErrorIs(t, err, ErrMalformed, text)
	}
	one, err := Split([]byte(`{"a":"} {"}`))
	require.NoError(t, err)
	require.Len(t, one, 1, "what looks like two may be one")
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
	f.Add("{\"a\":{}}\n{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Split([]byte(text))
		if err != nil || !plain([]byte(text)) {
			return
		}
		var want []string
		if trimmed := strings.TrimLeft(text, " \t\r\n"); strings.HasPrefix(trimmed, "[") {
			var raw []stdjson.RawMessage
			require.NoError(t, stdjson.Unmarshal([]byte(text), &raw))
			for _, r := range raw {
				want = append(want, string(r))
			}
		} else if !strings.HasPrefix(text, "\xef\xbb\xbf") {
			for dec := stdjson.NewDecoder(strings.NewReader(text)); ; {
				var r stdjson.RawMessage
				if err := dec.Decode(&r); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				want = append(want, string(r))
			}
		} else {
			return
		}
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i], string(got[i]))
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
				if Several(record) {
					b.Fatal("it is one")
				}
			}
		})
	}
}
