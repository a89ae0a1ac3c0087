package json

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A line that breaks where a value would go on takes no other with it, if the others
// show that the message holds lines.
func TestALineThatBreaksWhereItWouldGoOnStandsAlone(t *testing.T) {
	for text, want := range map[string][]string{
		"{\"a\":1}\n{\"b\":[{\n{\"c\":1}":                       {`{"a":1}`, `!{"b":[{`, `{"c":1}`},
		"{\"b\":[\r\n{\"c\":1}\r\n{\"d\":1}\r\n":                {`!{"b":[`, `{"c":1}`, `{"d":1}`},
		"{\"b\":1,\n\n{\"c\":1}\n{\"d\":\n{\"e\":1} {}\n":       {`!{"b":1,`, `{"c":1}`, `!{"d":`, `{"e":1}`, `{}`},
		"\xef\xbb\xbf{\"b\":\n{\"c\":1}\n[{\"d\":1}]":           {`!{"b":`, `{"c":1}`, `{"d":1}`},
		"[{\"b\":\n{\"c\":1}\n[{\"d\":1}]":                      {"![{\"b\":\n{\"c\":1}", `{"d":1}`},                        // of a broken array, no element is believed
		"{\"a\":\n{\"a\":3}":                                    {"!{\"a\":\n{\"a\":3}"},                                    // it may have been cut off
		"{\"b\":[\n{\"c\":1},\n{\"d\":1}\n{\"e\":1}\n{\"f\":1}": {"!{\"b\":[\n{\"c\":1},\n{\"d\":1}\n{\"e\":1}\n{\"f\":1}"}, // within the array that the first one opens

		"{\"a\":1}\n{\"b\":[\n  {\"c\":1}\n  {\"d\":1}\n]": {`{"a":1}`, "!{\"b\":[\n  {\"c\":1}\n  {\"d\":1}\n]"},
		"{\"a\":1}\n{\"b\":1}\n{\"x\":[\n{\"c\":1}\n]}":    {`{"a":1}`, `{"b":1}`, "{\"x\":[\n{\"c\":1}\n]}"},
		"{\"a\":1}\n{\"b\":1}\n{\"x\":[\n{\"c\":1}\n]x}":   {`{"a":1}`, `{"b":1}`, "!{\"x\":[\n{\"c\":1}\n]x}"},
	} {
		require.Equal(t, want, marked(Split([]byte(text))), text)
	}
}

// Of an object over several lines that is broken no line is a record, whatever it looks
// like.
func TestABrokenObjectOfSeveralLinesIsOne(t *testing.T) {
	for _, text := range []string{
		"{\"a\":1 \"b\":[{\"c\":1}\n{\"d\":2}\n{\"e\":3}]}",
		"{\"a\":1 \"b\":[{\"c\":1}\n{\"d\":2}\n{\"e\":3}\n]}",
		"{\"a\":1 \"b\":[{\"c\":1}\r\n{\"d\":2}\r\n{\"e\":3}\r\n{\"f\":x}]}",
		"{\"a\":1 \"b\":[{\"c\":1}\n{\"d\":2}\n{\"e\":3}\n{\"f\":4}", // cut off, too
		"{\"a\":1 \"b\":[{\"c\":1}\n{\"d\":2}",
		"{\"b\":[{\"c\":1}\n{\"d\":2}\n{\"e\":3}\n],\"a\":1}",
		"{\"b\":[{\"c\":1}\n{\"d\":2}\n{\"e\":3}\n{\"f\":x}]}",
		"{\"a\"\n{\"b\":1}\n\"c\":2}",
		"{\"b\":{\"c\":[{\"x\":1}\n{\"d\":2}\n[{\"e\":3}]\n[]]}}",
		"[[{\"b\":1}\n[{\"c\":1}]\n[{\"d\":1}]\n{\"e\":1}]]",
	} {
		require.True(t, Lines([]byte(text)) || Several([]byte(text)), text)
		require.Equal(t, []string{"!" + text}, marked(Split([]byte(text))), text)
		after := "{\"z\":0}\n" + text + "\n{\"z\":1}"
		for _, p := range marked(Split([]byte(after))) {
			require.True(t, p[0] == '!' || p == `{"z":0}` || p == `{"z":1}`, "%s of\n%s", p, after)
		}
	}
	text := "{\"a\":[{\"b\":1 ]}\n{\"c\":1}"
	require.Equal(t, []string{`!{"a":[{"b":1 ]}`, `{"c":1}`}, marked(Split([]byte(text))), "an end is one of what is open within, too")
	text = "{\"a\":1 \"b\":2\n{\"c\":1}"
	require.Equal(t, []string{`!{"a":1 "b":2`, `{"c":1}`}, marked(Split([]byte(text))), "in what ends nowhere there is nothing")
	for _, after := range []string{",\"b\":2}", ":2}", "]", "}"} {
		text = "garbage\n{\"c\":1}\n" + after
		require.Equal(t, []string{"!" + text}, marked(Split([]byte(text))), "a line that something goes on after is a part of it")
	}
}

// marked are the texts of pieces, with ! before what is no record.
func marked(pieces []Piece) (texts []string) {
	for _, p := range pieces {
		text := string(p.Text)
		if p.Err != nil {
			text = "!" + text
		}
		texts = append(texts, text)
	}
	return texts
}

// randomRecord is an object of a few levels.
func randomRecord(r *rand.Rand, depth int) map[string]any {
	values := []func() any{
		func() any { return r.IntN(100) },
		func() any { return strings.Repeat("{[,:\n\"", r.IntN(3)) },
		func() any { return nil },
	}
	if depth > 0 {
		values = append(values,
			func() any { return randomRecord(r, depth-1) },
			func() any { return []any{randomRecord(r, depth-1), randomRecord(r, depth-1)} })
	}
	o := map[string]any{}
	for i := range r.IntN(3) + 1 {
		o[fmt.Sprint("f", i)] = values[r.IntN(len(values))]()
	}
	return o
}

// Of lines, each that the standard library takes is a record and each that it does not
// is in pieces that are none; of objects in several lines, no part is ever a record.
func TestSplitAgreesWithTheStandardLibrary(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		checkLines(t, r)
		checkIndented(t, r)
		checkBroken(t, r)
	}
}

func FuzzSplitAgreesWithTheStandardLibrary(f *testing.F) {
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		checkLines(t, r)
		checkIndented(t, r)
		checkBroken(t, r)
	})
}

func checkLines(t *testing.T, r *rand.Rand) {
	var lines, valid []string
	for range r.IntN(6) + 3 {
		text, err := stdjson.Marshal(randomRecord(r, 2))
		require.NoError(t, err)
		if r.IntN(3) == 0 {
			text = text[:r.IntN(len(text)-1)+1]
		}
		if stdjson.Valid(text) {
			valid = append(valid, string(text))
		}
		lines = append(lines, string(text))
	}
	if len(valid) < 2 {
		return
	}
	text := strings.Join(lines, "\n")
	var got []string
	for _, p := range Split([]byte(text)) {
		if p.Err == nil {
			got = append(got, string(p.Text))
			continue
		}
		for line := range strings.SplitSeq(string(p.Text), "\n") {
			require.False(t, stdjson.Valid([]byte(line)), "%q is lost with a broken line of\n%s", line, text)
		}
	}
	require.Equal(t, valid, got, text)
}

func checkIndented(t *testing.T, r *rand.Rand) {
	whole := map[string]bool{}
	var text bytes.Buffer
	broken := r.IntN(4)
	indent := []string{" ", "\t", "  "}[r.IntN(3)]
	for i := range 4 {
		record, err := stdjson.MarshalIndent(randomRecord(r, 2), "", indent)
		require.NoError(t, err)
		if i == broken {
			record = record[:r.IntN(len(record)-1)+1]
		}
		whole[string(record)] = stdjson.Valid(record)
		text.Write(record)
		text.WriteByte('\n')
	}
	for _, p := range Split(text.Bytes()) {
		if p.Err == nil {
			require.True(t, whole[string(p.Text)], "%q is a part of a record of\n%s", p.Text, text.String())
		}
	}
}

// Of a string with line ends in it, which ClickHouse itself would take, no line is a
// record, whatever it looks like.
func TestALineOfAStringIsNoRecord(t *testing.T) {
	for _, text := range []string{
		"{\"a\":\"x\n{\"b\":1}\ny\"}",
		"{\"a\":\"\n{\"b\":1}\n{\"b\":2}\n\"}",
		"{\"a\":\"\n{\"b\":1}\n{\"b\":2}\n{\"b\":3}\"}",
		"{\"a\":\"x\\\"\n{\"b\":1}\ny\"}",
		"[\"x\n[{\"b\":1}]\ny\"]",
	} {
		require.True(t, Lines([]byte(text)) || Several([]byte(text)), text)
		require.Equal(t, []string{"!" + text}, marked(Split([]byte(text))), text)
	}
	text := "{\"a\":\"x\n{\"b\":1}\n{\"b\":2}"
	require.Equal(t, []string{`!{"a":"x`, `{"b":1}`, `{"b":2}`}, marked(Split([]byte(text))), "the message holds lines")
	text = "5\" long\n{\"b\":1}"
	require.Equal(t, []string{`!5" long`, `{"b":1}`}, marked(Split([]byte(text))), "what begins with no record holds no string")
}

// checkBroken breaks one object over several lines by taking commas and colons out of
// it. The standard library finds no record in it then, and neither may Split.
func checkBroken(t *testing.T, r *rand.Rand) {
	record := map[string]any{"list": []any{randomRecord(r, 2), randomRecord(r, 1), []any{randomRecord(r, 1)}}, "more": randomRecord(r, 2)}
	text, err := stdjson.Marshal(record)
	require.NoError(t, err)
	var broken []byte
	quoted, removed := false, 0
	for i, c := range text {
		if c == '"' && text[i-1] != '\\' {
			quoted = !quoted
		}
		mark := !quoted && (c == ',' || c == ':')
		if mark && r.IntN(3) == 0 {
			removed++
			broken = append(broken, ' ')
		} else {
			broken = append(broken, c)
		}
		if mark && r.IntN(2) == 0 || !quoted && c == '[' && r.IntN(3) == 0 {
			broken = append(broken, '\n')
		}
	}
	if removed == 0 {
		return
	}
	require.False(t, stdjson.Valid(broken), "%s", broken)
	for _, p := range marked(Split(broken)) {
		require.Equal(t, byte('!'), p[0], "%s is a record of\n%s", p, broken)
	}
}
